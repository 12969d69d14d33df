/** An open room: its messages as far as they are loaded, its members, and who does what in it. */
import { batch, computed, signal, type ReadonlySignal } from "@preact/signals";
import {
  applyChange, type Change, ChatError, type Connection, type Direction, edge, EMPTY, failure, inWords, mayGoOn,
  type Message, type OutboxEntry, type Page, type ReadMark, type Window, withPage,
} from "./client";
import type { Lists } from "./lists";
import { NOBODY, present, withMembers, withReadMark, type Members } from "./members";
import type { OpenRoom, Timeline } from "./model";
import type { People } from "./people";

const PAGE = 50; // messages
const MEMBERS = 100;
const MOST_BEFORE = 4; // pages that are read before the first message that was told as unread
const AGAIN_AFTER = 2000; // ms

export interface Surroundings {
  me(): string;
  link: Connection;
  lists: Lists;
  people: People;
  /** By room: who is typing. */
  typing: ReadonlySignal<ReadonlyMap<string, readonly string[]>>;
  outbox: ReadonlySignal<readonly OutboxEntry[]>;
  /** Messages that were read from history, which may be those of the outbox. */
  seen(messages: readonly Message[]): void;
}

export class LiveRoom implements OpenRoom {
  readonly room;
  readonly conversation;
  readonly members;
  readonly moreMembers;
  readonly typing;
  readonly typingCount;
  readonly reads;
  readonly outbox;
  readonly timeline = signal<Timeline>({
    ...EMPTY, status: "loading", error: null, loading: { older: false, newer: false }, target: null, opening: 0,
  });
  readonly #members = signal<Members>(NOBODY);
  readonly #nextMembers = signal<string | null>(null);
  /** The changes that are applied while pages are read, one list for each page on its way. */
  readonly #missed = new Set<Change[]>();
  readonly #found = new Map<string, Message | null>();
  #window: Window = EMPTY;
  /** Pages that were asked for before the window was set anew are not for it. */
  #generation = 0;
  #targets = 0;
  #openings = 0;
  #closed = false;
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly roomId: string, private readonly around: Surroundings) {
    const { lists, people, typing, outbox } = around;
    this.room = computed(() => lists.rooms.value.find(({ id }) => id === roomId) ?? null);
    this.conversation = computed(() => lists.conversations.value.find((known) => known.roomId === roomId) ?? null);
    this.members = computed(() => present(this.#members.value));
    this.moreMembers = computed(() => this.#nextMembers.value !== null);
    const typists = computed(() => typing.value.get(roomId) ?? []);
    this.typing = computed(() => typists.value.flatMap((id) => people.user(id) ?? []));
    this.typingCount = computed(() => typists.value.length);
    this.reads = computed(() => new Map([...this.#members.value.reads].filter(([id]) => id !== around.me())));
    this.outbox = computed(() => {
      const other = this.conversation.value?.user.id;
      return outbox.value.filter(({ place, alsoToRoom }) =>
        alsoToRoom !== false && ("roomId" in place ? place.roomId === roomId : place.userId === other));
    });
  }

  /** Changes of the room's log, in order. */
  apply(changes: readonly Change[]): void {
    for (const missed of this.#missed) missed.push(...changes);
    const members = changes.flatMap((change) => (change.type === "member" ? change.member : []));
    if (members.length) this.#takeMembers(members);
    for (const change of changes) {
      if (change.type === "message") this.#found.delete(change.message.id);
      if (change.type === "deleted") this.#found.delete(change.messageId);
    }
    this.#show(changes.reduce(applyChange, this.#window));
  }

  marked(mark: ReadMark): void {
    this.#members.value = withReadMark(this.#members.peek(), mark);
  }

  /**
   * Reads the members, and the messages around one (the newest where it is gone), or those where one left off reading.
   * Tries again by itself when the server is out of reach.
   */
  async load(around?: string): Promise<void> {
    clearTimeout(this.#again);
    this.#patch({ status: "loading", error: null });
    try {
      await Promise.all([this.#start(around), this.#loadMembers()]);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Too much was missed. What is shown stays until it is replaced, but nothing is added to it. */
  async reload(): Promise<void> {
    this.#generation += 1;
    this.#window = { ...this.#window, atEnd: false };
    this.#members.value = NOBODY;
    this.#found.clear();
    await this.load();
  }

  /** The connection is back: what had failed for want of it is done now, and who is there is asked anew. */
  resume(): void {
    this.around.people.ask(this.members.peek().map(({ userId }) => userId));
    if (this.timeline.peek().status !== "ready") void this.load();
  }

  /** Opened again: what is shown is where one left off reading, or the end. */
  async reopen(): Promise<void> {
    if (this.timeline.peek().status !== "ready" || this.#window.atEnd || this.#readUpTo() !== null) return;
    try {
      await this.showLatest();
    } catch (error) {
      this.#failed(error);
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#again);
    this.#generation += 1;
  }

  async showLatest(): Promise<void> {
    await this.#read("latest", {});
  }

  async loadOlder(): Promise<void> {
    await this.#extend("older", "before");
  }

  async loadNewer(): Promise<void> {
    await this.#extend("newer", "after");
  }

  async jumpTo(messageId: string): Promise<void> {
    const stands = () => this.#window.messages.some(({ id, deletedAt }) => id === messageId && !deletedAt);
    if (!stands()) await this.#read("around", { around: messageId });
    if (!stands()) throw failure("not_found");
    this.#patch({ target: { messageId, token: (this.#targets += 1) } });
  }

  /** Goes to the first message after one's mark of what was read, however far up it is. */
  async jumpAfter(seq: number): Promise<void> {
    const messageId = await this.#firstAfter(seq);
    if (messageId === null) throw failure("not_found");
    await this.jumpTo(messageId);
  }

  async find(messageId: string): Promise<Message | null> {
    const here = this.#window.messages.find(({ id }) => id === messageId) ?? this.#found.get(messageId);
    if (here !== undefined) return here?.deletedAt ? null : here;
    let found: Message | null = null;
    try {
      const page = await this.#history({ around: messageId }, 1);
      found = page.find(({ id }) => id === messageId) ?? null;
    } catch (error) {
      if (!(error instanceof ChatError && error.reason === "not_found")) throw error;
    }
    this.#found.set(messageId, found);
    return found;
  }

  async #start(around: string | undefined): Promise<void> {
    if (around === undefined) return this.#leftOff();
    try {
      await this.#read("around", { around });
    } catch (error) {
      if (!(error instanceof ChatError) || error.reason !== "not_found") throw error;
      await this.showLatest();
    }
  }

  /** The newest messages; but where more than these are unread, those around the first that is. */
  async #leftOff(): Promise<void> {
    const mark = this.#readUpTo();
    const reaches = (page: readonly Message[]) =>
      mark === null || !mayGoOn(page, PAGE) || page.some(({ seq }) => seq <= mark);
    if (await this.#read("latest", {}, reaches) || mark === null) return;
    const first = await this.#firstAfter(mark);
    if (first === null) return this.showLatest();
    await this.#read("around", { around: first }, () => true);
    // A message that was changed is told of in the turn of its change, so the first one told may not be the first.
    for (let page = 0; page < MOST_BEFORE && !this.#window.atStart; page += 1) {
      const oldest = edge(this.#window, "older");
      if (!oldest || oldest.seq <= mark) return;
      await this.#read("older", { before: oldest.id });
    }
  }

  /** Up to where one has read, null where all of it is. */
  #readUpTo(): number | null {
    const room = this.room.peek();
    const { unread, lastReadSeq } = { ...this.conversation.peek(), ...room, ...room?.membership };
    return unread && lastReadSeq !== undefined ? lastReadSeq : null;
  }

  /** The id of the first message that the log tells of after a number, null for none. */
  async #firstAfter(seq: number): Promise<string | null> {
    for (let afterSeq = seq, hasMore = true; hasMore;) {
      const page = await this.around.link.call("room:sync", { roomId: this.roomId, afterSeq, limit: PAGE });
      for (const change of page.changes) {
        const message = change.type === "message" ? change.message : null;
        if (message && message.seq > seq && !message.deletedAt && message.alsoToRoom !== false) return message.id;
      }
      ({ nextSeq: afterSeq, hasMore } = page);
    }
    return null;
  }

  async loadMoreMembers(): Promise<void> {
    const after = this.#nextMembers.peek();
    if (after) await this.#loadMembers(after);
  }

  async #loadMembers(after?: string): Promise<void> {
    const asked = { roomId: this.roomId, limit: MEMBERS, ...(after ? { after } : {}) };
    const page = await this.around.link.call("room:members", asked);
    this.#takeMembers(page.members);
    this.#nextMembers.value = page.next;
  }

  #takeMembers(members: Parameters<typeof withMembers>[1]): void {
    this.around.people.meetMembers(members);
    this.#members.value = withMembers(this.#members.peek(), members);
  }

  async #extend(end: "older" | "newer", parameter: "before" | "after"): Promise<void> {
    const { loading, status } = this.timeline.peek();
    const done = end === "older" ? this.#window.atStart : this.#window.atEnd;
    const from = edge(this.#window, end);
    if (loading[end] || done || status !== "ready") return;
    if (!from) return this.showLatest();
    this.#patch({ loading: { ...loading, [end]: true } });
    try {
      await this.#read(end, { [parameter]: from.id });
    } finally {
      this.#patch({ loading: { ...this.timeline.peek().loading, [end]: false } });
    }
  }

  /**
   * Reads a page into the window, with what changes while it is on its way. `opens` tells whether the page is one to
   * open the room with; else it is not taken. Answers whether it was.
   */
  async #read(direction: Direction, from: Page, opens?: (messages: readonly Message[]) => boolean): Promise<boolean> {
    const missed: Change[] = [];
    const generation = this.#generation;
    this.#missed.add(missed);
    try {
      const messages = await this.#history({ ...from, threadReplies: false }, PAGE);
      if (generation !== this.#generation) return true; // another one was
      if (opens && !opens(messages)) return false;
      if (direction === "latest" || direction === "around") this.#generation += 1;
      const full = mayGoOn(messages, PAGE);
      batch(() => {
        this.#show(withPage(this.#window, direction, { messages, full, around: from.around }, missed));
        const opening = opens ? { opening: (this.#openings += 1) } : {};
        this.#patch({ status: "ready", error: null, ...opening });
        this.around.seen(messages);
      });
      return true;
    } finally {
      this.#missed.delete(missed);
    }
  }

  async #history(from: Page & { threadReplies?: boolean }, limit: number): Promise<Message[]> {
    const messages = await this.around.link.call("message:history", { roomId: this.roomId, limit, ...from });
    this.around.people.meetSenders(messages);
    return messages;
  }

  #failed(error: unknown): void {
    if (!(error instanceof ChatError)) throw error;
    if (error.reason === "offline" || this.#closed) return; // `resume` follows, or nobody waits for it
    if (error.passing) this.#again = setTimeout(() => void this.load(), error.retryAfter ?? AGAIN_AFTER);
    else this.#patch({ status: "failed", error: inWords(error) });
  }

  #show(window: Window): void {
    if (window === this.#window) return;
    this.#window = window;
    this.#patch(window);
  }

  #patch(change: Partial<Timeline>): void {
    this.timeline.value = { ...this.timeline.peek(), ...change };
  }
}
