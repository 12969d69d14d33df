/** What the changes of a room's log are to a listener: whether a message is new, or has changed. */
import type { MemberChanged, Message, MessageDeleted, ReactionsUpdated, RoomInfo, Thread } from "./contract";
import type { Change } from "./log";

export interface RoomEvents {
  /** A message that was not told before, one's own too: each once, in the order of its room. */
  message: (message: Message) => void;
  /** A message that was told before, or is older than this client: as it is now. */
  changed: (message: Message) => void;
  deleted: (deleted: MessageDeleted) => void;
  /** All reactions to a message. */
  reactions: (updated: ReactionsUpdated) => void;
  member: (change: MemberChanged) => void;
  room: (room: RoomInfo) => void;
}

/** An event with its payload. */
export type RoomEvent = { [E in keyof RoomEvents]: [E, Parameters<RoomEvents[E]>[0]] }[keyof RoomEvents];

export class Feed {
  /** The messages after `base` that are known. */
  readonly #known = new Set<string>();
  /** Events of a sync that has further pages, by the number at which each belongs. */
  #held: [number, RoomEvent][] = [];

  /** A message up to the number `base` is not new. */
  constructor(private readonly roomId: string, private base: number) {}

  /**
   * The events that changes make, in order. `applied`: with them, all changes up to this number were taken; null while
   * pages of a sync are to come. A sync has things in the order of their last changes, so what it tells waits for its
   * end. A message that was deleted before it was known makes none.
   */
  take(changes: readonly Change[], applied: number | null): RoomEvent[] {
    for (const change of changes) {
      if (change.type === "message") this.#takeMessage(change.message, change.seq);
      else this.#held.push([change.seq, this.#event(change)]);
    }
    if (applied === null) return [];
    this.base = Math.max(this.base, applied);
    this.#known.clear();
    const events = this.#held.sort(([one], [other]) => one - other).map(([, event]) => event);
    this.#held = [];
    return events;
  }

  #takeMessage(message: Message, seq: number): void {
    const { id: messageId, roomId, deletedAt } = message;
    const known = message.seq <= this.base || this.#known.has(messageId);
    if (!deletedAt) {
      this.#known.add(messageId);
      this.#held.push(known ? [seq, ["changed", message]] : [message.seq, ["message", message]]);
    } else if (known) {
      this.#held.push([seq, ["deleted", { roomId, messageId, seq, deletedAt, ...threadOf(message) }]]);
    }
  }

  #event(change: Exclude<Change, { type: "message" }>): RoomEvent {
    const { roomId } = this;
    switch (change.type) {
      case "member":
        return ["member", { roomId, userId: change.member.userId, seq: change.seq, member: change.member }];
      case "room":
        return ["room", change.room];
      case "deleted":
        return ["deleted", {
          roomId, messageId: change.messageId, seq: change.seq, deletedAt: change.deletedAt, ...threadOf(change),
        }];
      case "reactions":
        return ["reactions", { roomId, messageId: change.messageId, seq: change.seq, reactions: change.reactions }];
    }
  }
}

/** The thread of a reply that was deleted, if it was one. */
function threadOf({ thread }: { thread?: Thread }): { thread?: Thread } {
  return thread ? { thread } : {};
}
