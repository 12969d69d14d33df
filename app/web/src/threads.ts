/** The threads that one follows and in which something is unread. */
import { signal } from "@preact/signals";
import { type Calling, ChatError, type Change, type Message, type ThreadMark } from "./client";

const MOST = 100; // threads
const SETTLE = 300; // ms: one reading for many causes
const AGAIN_AFTER = 3000; // ms

export class UnreadThreads {
  /** By their roots. */
  readonly all = signal<ReadonlyMap<string, ThreadMark>>(new Map());
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** What has come since this number was the one of a reading is not undone by its answer. */
  #tick = 0;

  constructor(private readonly link: Calling, private readonly me: () => string) {}

  /** Reads all; again, where something has come meanwhile. */
  async read(): Promise<void> {
    const asked = this.#tick;
    try {
      const { threads } = await this.link.call("thread:list", { unread: true, limit: MOST });
      if (asked !== this.#tick) return this.readSoon();
      this.all.value = new Map(threads.map(({ mark }) => [mark.rootId, mark]));
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      if (error.reason !== "offline") this.readSoon(error.retryAfter ?? AGAIN_AFTER); // else it is read with the connection
    }
  }

  readSoon(after = SETTLE): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.read();
    }, after);
  }

  /** A reply to a thread that one follows. */
  replied({ senderId, roomId, seq, thread }: Message): void {
    if (!thread || senderId === this.me()) return;
    const { rootId } = thread;
    const { lastReadSeq, unreadFrom, unread } = this.all.peek().get(rootId) ?? { lastReadSeq: seq - 1, unreadFrom: null, unread: 0 };
    this.#set({ roomId, rootId, following: true, lastReadSeq, unreadFrom, unread: unread + 1 });
  }

  /** How one stands to a thread now. */
  take(mark: ThreadMark): void {
    this.#set(mark);
  }

  /** Changes of a room's log: of replies that are deleted, the server alone knows whether they were unread. */
  apply(changes: readonly Change[]): void {
    const gone = (change: Change) => change.type === "deleted" && this.all.peek().has(change.thread?.rootId ?? "");
    if (changes.some(gone)) this.readSoon();
  }

  /** One is no longer in a room. */
  left(roomId: string): void {
    for (const mark of this.all.peek().values()) if (mark.roomId === roomId) this.#set({ ...mark, unread: 0 });
  }

  forgetAll(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#tick += 1;
    this.all.value = new Map();
  }

  #set(mark: ThreadMark): void {
    this.#tick += 1;
    const all = new Map(this.all.peek());
    if (mark.following && mark.unread > 0) all.set(mark.rootId, mark);
    else all.delete(mark.rootId);
    this.all.value = all;
  }
}
