/** What is open in the main pane, and the rooms that are kept loaded for coming back to them. */
import { computed, signal } from "@preact/signals";
import type { Conversation, Message, Place, PublicRoom, Room, UserRef } from "./client";
import { LiveRoom, type Surroundings } from "./room";

const KEPT = 5; // rooms

export class Places {
  readonly place = signal<Place | null>(null);
  readonly person = signal<UserRef | null>(null);
  /** The public room that is at the place, when one is not in it. */
  readonly offered = signal<PublicRoom | null>(null);
  readonly opened = computed(() => {
    const place = this.place.value;
    return place && "roomId" in place && !this.offered.value ? (this.#rooms.get(place.roomId) ?? null) : null;
  });
  /** The one opened longest ago first. */
  readonly #rooms = new Map<string, LiveRoom>();

  /** `sync` compares a room with the server's log; `closed` is called when one is no longer loaded. */
  constructor(
    private readonly around: Surroundings,
    private readonly sync: (roomId: string) => unknown,
    private readonly closed: (roomId: string) => void,
  ) {}

  get(roomId: string): LiveRoom | undefined {
    return this.#rooms.get(roomId);
  }

  /** Opens a room, loaded with its newest messages, or with those around one. */
  async open(roomId: string, messageId?: string): Promise<void> {
    const known = this.#rooms.get(roomId);
    const room = known ?? new LiveRoom(roomId, this.around);
    this.#rooms.delete(roomId);
    this.#rooms.set(roomId, room);
    this.offered.value = null;
    this.place.value = { roomId };
    this.#keepFew();
    this.sync(roomId);
    if (!known || known.timeline.peek().status === "failed") {
      const loading = room.load(messageId);
      if (!messageId) return loading;
      await loading;
    }
    if (messageId) await room.jumpTo(messageId);
    else await room.reopen();
  }

  /** A person with whom there is no conversation yet. */
  meet(person: UserRef): void {
    this.around.people.meet([person]);
    this.offered.value = null;
    this.person.value = person;
    this.place.value = { userId: person.id };
  }

  /** A public room that is open is one that one is not in: it is shown to join. */
  offer(room: PublicRoom): void {
    this.#unload(room.id);
    this.offered.value = room;
  }

  close(): void {
    this.offered.value = null;
    this.place.value = null;
  }

  /** One is no longer in a room. Returns whether it was shown. */
  drop(roomId: string): boolean {
    const shown = this.shows(roomId);
    if (shown) this.close();
    this.#unload(roomId);
    return shown;
  }

  /** The connection is lost: only the room that is shown is worth catching up. */
  lose(): void {
    for (const roomId of [...this.#rooms.keys()]) if (!this.shows(roomId)) this.#unload(roomId);
  }

  resume(): void {
    for (const [roomId, room] of this.#rooms) {
      this.sync(roomId);
      room.resume();
    }
  }

  forgetAll(): void {
    this.close();
    this.person.value = null;
    for (const roomId of [...this.#rooms.keys()]) this.#unload(roomId);
  }

  #keepFew(): void {
    for (const roomId of [...this.#rooms.keys()].slice(0, -KEPT)) this.#unload(roomId);
  }

  shows(roomId: string): boolean {
    const place = this.place.peek();
    return place !== null && "roomId" in place && place.roomId === roomId;
  }

  #unload(roomId: string): void {
    this.#rooms.get(roomId)?.close();
    this.#rooms.delete(roomId);
    this.closed(roomId);
  }
}

/** A conversation of which only its room and one message are known. */
export function conversationOf(room: Room, user: UserRef, lastMessage: Message | null): Conversation {
  const { id, lastSeq, unread, pins, membership } = room;
  return { ...membership, roomId: id, user, presence: null, lastSeq, unread, pins, lastMessage };
}
