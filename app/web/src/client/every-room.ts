/** Follows all rooms of the user, from the first connection on, and tells what happens in each. */
import type { Connection } from "./connection";
import type { Conversations, Member, Room } from "./contract";
import { Emitter } from "./emitter";
import { ChatError } from "./errors";
import { Feed, type RoomEvents } from "./feed";
import type { Follower, RoomHooks } from "./follower";
import type { Change } from "./log";

const AGAIN_AFTER = 3000; // ms
const PAGE = 100; // conversations

/** Where a room stands, as the server's lists have it. */
interface Listed {
  roomId: string;
  lastSeq: number;
  lastReadSeq: number;
}

export class EveryRoom implements RoomHooks {
  /** By room: those that are followed. */
  readonly #feeds = new Map<string, Feed>();
  /** Rooms whose logs are others than before, so that what was told of them says nothing. */
  readonly #anew = new Set<string>();
  #listed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `listed` is called when all rooms are followed; `left` for each that the user is no longer in. */
  constructor(
    private readonly events: Emitter<RoomEvents>,
    private readonly parts: () => { connection: Connection; follower: Follower },
    private readonly listed: () => void,
    private readonly left: (roomId: string) => void,
  ) {}

  /** Listens to the connection. */
  attach(me: () => string | null): void {
    const { events } = this.parts().connection;
    const ended = ({ state }: Member) => state !== "member" && state !== "invited";
    events.on("room:added", (room) => this.#take(of(room), true));
    for (const event of ["room:user-left", "room:member-updated"] as const) {
      events.on(event, ({ roomId, userId, member }) => void (userId === me() && ended(member) && this.gone(roomId)));
    }
  }

  /**
   * Reads where all rooms stand, and asks for what was missed. A room that is met for the first time is followed from
   * now on, or, when this user was here before, from what the user has read of it.
   */
  async read(): Promise<void> {
    clearTimeout(this.#timer);
    const { connection, follower } = this.parts();
    try {
      const rooms = await connection.call("room:list", {});
      const found = [...rooms.map(of), ...(await this.#conversations())];
      for (const room of found) this.#take(room, !this.#listed);
      this.#listed = true;
      for (const [roomId, seq] of follower.heard()) this.#follow(roomId, seq);
      const there = new Set(found.map(({ roomId }) => roomId));
      // Hidden conversations, and rooms that the user has left: the answer tells which.
      for (const roomId of this.#feeds.keys()) if (!there.has(roomId)) void follower.sync(roomId);
      this.listed();
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      if (error.reason === "offline") return; // it is read when the connection is back
      this.#timer = setTimeout(() => void this.read(), error.retryAfter ?? AGAIN_AFTER);
    }
  }

  deliver(roomId: string, changes: readonly Change[]): void {
    const feed = this.#feeds.get(roomId);
    if (!feed) return;
    const { follower } = this.parts();
    const applied = follower.following(roomId) ? follower.applied(roomId) : null;
    for (const [event, payload] of feed.take(changes, applied)) this.events.emit(event, payload as never);
  }

  isOpen(roomId: string): boolean {
    return this.#feeds.has(roomId);
  }

  /** A conversation that was hidden has a new message, or a room's log is another one than before. */
  refresh(roomId: string): void {
    if (this.#feeds.delete(roomId)) {
      this.#anew.add(roomId);
      void this.read();
    } else if (this.#listed) {
      for (const [heard, seq] of this.parts().follower.heard()) if (heard === roomId) this.#follow(roomId, seq);
    }
  }

  gone(roomId: string): void {
    this.parts().follower.forget(roomId);
    if (this.#feeds.delete(roomId)) this.left(roomId);
  }

  forgetAll(): void {
    clearTimeout(this.#timer);
    this.parts().follower.forgetAll();
    this.#feeds.clear();
    this.#anew.clear();
    this.#listed = false;
  }

  #take({ roomId, lastSeq, lastReadSeq }: Listed, fromNowOn: boolean): void {
    if (!this.#feeds.has(roomId)) this.#follow(roomId, this.#anew.delete(roomId) || fromNowOn ? lastSeq : lastReadSeq);
    this.parts().follower.known(roomId, lastSeq);
  }

  #follow(roomId: string, seq: number): void {
    this.#feeds.set(roomId, new Feed(roomId, seq));
    this.parts().follower.follow(roomId, seq);
  }

  async #conversations(): Promise<Listed[]> {
    const found: Listed[] = [];
    for (let before: string | null | undefined; before !== null;) {
      const page: Conversations =
        await this.parts().connection.call("conversation:list", { limit: PAGE, ...(before ? { before } : {}) });
      found.push(...page.conversations);
      before = page.next;
    }
    return found;
  }
}

function of({ id, lastSeq, membership }: Room): Listed {
  return { roomId: id, lastSeq, lastReadSeq: membership.lastReadSeq };
}
