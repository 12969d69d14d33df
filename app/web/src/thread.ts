/** An open thread: its root, its replies as far as they are loaded, and how one stands to it. */
import { batch, computed, signal } from "@preact/signals";
import {
  applying, type Calling, type Change, ChatError, EMPTY, edge, inWords, mayGoOn, type Message, type ThreadMark, type Window,
  withPage,
} from "./client";

const PAGE = 50; // replies
const AGAIN_AFTER = 2000; // ms

export interface ThreadAround {
  me(): string;
  link: Calling;
  /** Messages that were read from the server. */
  meet(messages: readonly Message[]): void;
}

export class LiveThread {
  readonly status = signal<"loading" | "ready" | "failed">("loading");
  /** With `failed`: a sentence. */
  readonly error = signal("");
  readonly replies = signal<Window>(EMPTY);
  readonly mark = signal<ThreadMark | null>(null);
  readonly root;
  readonly #root = signal<Window>(EMPTY);
  readonly #applyToRoot;
  readonly #applyToReplies;
  /** The changes that are applied while pages are read, one list for each page on its way. */
  readonly #missed = new Set<Change[]>();
  /** It was marked as unread while it was open: what is seen of it counts as read once it is opened again. */
  #held = false;
  #generation = 0;
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly roomId: string, readonly rootId: string, private readonly around: ThreadAround) {
    this.root = computed(() => this.#root.value.messages[0] ?? null);
    this.#applyToRoot = applying(({ id }) => id === rootId);
    this.#applyToReplies = applying(({ id, thread }) => id !== rootId && thread?.rootId === rootId);
  }

  /** Reads the root and the newest replies. Tries again by itself when the server is busy. */
  async load(): Promise<void> {
    clearTimeout(this.#again);
    const generation = (this.#generation += 1);
    const { rootId } = this;
    try {
      const [own, page, missed] = await this.#reading(() => Promise.all([
        this.around.link.call("thread:get", { messageId: rootId }),
        this.around.link.call("thread:history", { messageId: rootId, limit: PAGE }),
      ]));
      if (generation !== this.#generation) return;
      this.around.meet([own.root, ...page]);
      batch(() => {
        const root = { messages: [own.root], atStart: true, atEnd: true };
        this.#root.value = missed.reduce<Window>((window, change) => this.#applyToRoot(window, change), root);
        this.replies.value = withPage(EMPTY, "latest", { messages: page, full: mayGoOn(page, PAGE) }, missed, this.#applyToReplies);
        this.mark.value = own.mark;
        this.status.value = "ready";
      });
    } catch (error) {
      if (generation === this.#generation) this.#failed(error);
    }
  }

  /** Reads earlier replies. Rejects with a ChatError. */
  async loadOlder(): Promise<void> {
    const from = edge(this.replies.peek(), "older");
    if (!from) return this.load();
    const generation = this.#generation;
    const [page, missed] = await this.#reading(async () =>
      [await this.around.link.call("thread:history", { messageId: this.rootId, before: from.id, limit: PAGE })] as const);
    if (generation !== this.#generation) return;
    this.around.meet(page);
    this.replies.value = withPage(
      this.replies.peek(), "older", { messages: page, full: mayGoOn(page, PAGE) }, missed, this.#applyToReplies);
  }

  /** Reads earlier replies until one is among them. Answers whether it is there. Rejects with a ChatError. */
  async reach(messageId: string): Promise<boolean> {
    for (let before = -1; ;) {
      const { messages, atStart } = this.replies.peek();
      if (messages.some(({ id }) => id === messageId)) return true;
      if (atStart || messages.length === before) return false;
      before = messages.length;
      await this.loadOlder();
    }
  }

  /** Changes of the room's log, in order. */
  apply(changes: readonly Change[]): void {
    for (const missed of this.#missed) missed.push(...changes);
    batch(() => {
      this.#root.value = changes.reduce<Window>((window, change) => this.#applyToRoot(window, change), this.#root.peek());
      this.replies.value = changes.reduce<Window>((window, change) => this.#applyToReplies(window, change), this.replies.peek());
    });
    const me = this.around.me();
    const answers = (change: Change) => change.type === "message" && change.seq === change.message.seq
      && change.message.senderId === me && change.message.thread?.rootId === this.rootId;
    if (changes.some(answers)) this.#held = false; // who answers has read
    // By a reply or by being mentioned one follows; how one stands to it since is for the server to say.
    const concerns = ({ id, senderId, mentions, thread }: Message) =>
      id !== this.rootId && thread?.rootId === this.rootId && (senderId === me || mentions.includes(me));
    if (this.mark.peek()?.following === false && changes.some((it) => it.type === "message" && concerns(it.message))) {
      void this.#ask();
    }
  }

  /** How one stands to it, as an event or an answer tells. */
  take(mark: ThreadMark): void {
    if (mark.rootId !== this.rootId) return;
    const { unreadFrom } = mark;
    if (unreadFrom !== (this.mark.peek()?.unreadFrom ?? null)) this.#held = unreadFrom !== null;
    this.mark.value = mark;
  }

  /** The connection is back: replies come by the room's log, and how one stands to them is asked. */
  resume(): void {
    void (this.status.peek() === "ready" ? this.#ask() : this.load());
  }

  /** All that is loaded has been seen. */
  async read(): Promise<void> {
    const last = this.replies.peek().messages.at(-1);
    const mark = this.mark.peek();
    if (this.#held || !last || !mark?.following || (last.seq <= mark.lastReadSeq && mark.unreadFrom === null)) return;
    await this.#tell(() => this.around.link.call("thread:read", { messageId: this.rootId, seq: last.seq }));
  }

  /** Marks it as unread from one of its replies on, until it is opened again. Rejects with a ChatError. */
  async markUnread(messageId: string): Promise<void> {
    this.take(await this.around.link.call("thread:mark-unread", { messageId }));
  }

  /** Rejects with a ChatError. */
  async follow(following: boolean): Promise<void> {
    this.take(await this.around.link.call(following ? "thread:follow" : "thread:unfollow", { messageId: this.rootId }));
  }

  close(): void {
    clearTimeout(this.#again);
    this.#generation += 1;
  }

  #ask(): Promise<void> {
    return this.#tell(async () => (await this.around.link.call("thread:get", { messageId: this.rootId })).mark);
  }

  /** Takes an answer; without one, the next reading has it. */
  async #tell(ask: () => Promise<ThreadMark>): Promise<void> {
    try {
      this.take(await ask());
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
    }
  }

  /** What `read` reads, with the changes that were applied meanwhile. */
  async #reading<T extends readonly unknown[]>(read: () => Promise<T>): Promise<[...T, Change[]]> {
    const missed: Change[] = [];
    this.#missed.add(missed);
    try {
      return [...await read(), missed];
    } finally {
      this.#missed.delete(missed);
    }
  }

  #failed(error: unknown): void {
    if (!(error instanceof ChatError)) throw error;
    if (error.reason === "offline") return; // it is loaded when the connection is back
    if (error.passing) this.#again = setTimeout(() => void this.load(), error.retryAfter ?? AGAIN_AFTER);
    else {
      this.error.value = inWords(error);
      this.status.value = "failed";
    }
  }
}
