/** Rooms, conversations and invitations, with what is unread in each, read from the server and kept live. */
import { signal } from "@preact/signals";
import {
  type Calling, type Change, ChatError, type Conversation, type ConversationHidden, type DataOf, type Favorite, type Follower,
  type MemberChanged, type Message, type Mute, type Room, type RoomInfo, type UnreadMark,
} from "./client";
import type { People } from "./people";
import { counted, total, withMessage, withoutMessage, withRead, type Unread } from "./unread";

const SETTLE = 300; // ms: one reading for many causes
const AGAIN_AFTER = 3000; // ms
const byName = new Intl.Collator();

/** What is listed: a room or a conversation. `added`: the tick at which it came, other than by a reading. */
interface Entry {
  room: Room | null;
  conversation: Conversation | null;
  unread: Unread;
  /** Of those, the ones that mention oneself. */
  mentions: Unread;
  added: number;
}

export class Lists {
  readonly rooms = signal<readonly Room[]>([]);
  readonly conversations = signal<readonly Conversation[]>([]);
  readonly invitations = signal<readonly Room[]>([]);
  readonly loaded = signal(false);
  /** Where the next page of conversations goes on. */
  readonly next = signal<string | null>(null);
  readonly #entries = new Map<string, Entry>();
  readonly #left = new Map<string, number>();
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  #tick = 0;

  constructor(
    private readonly me: () => string,
    private readonly link: Calling,
    private readonly people: Pick<People, "meetConversations">,
    private readonly follower: Pick<Follower, "applied" | "known">,
  ) {}

  /** Reads all lists. What comes about meanwhile is not undone by an answer that is older. */
  async read(): Promise<void> {
    const asked = ++this.#tick;
    try {
      const [rooms, invitations] = await Promise.all([
        this.link.call("room:list", {}),
        this.link.call("room:invitations", {}),
        this.#readConversations(this.conversations.peek().length, asked),
      ]);
      this.#takeRooms(rooms, asked);
      const newer = this.invitations.peek().filter((room) => this.#since(room.id, asked));
      const stand = invitations.filter((room) => !this.#since(room.id, asked));
      this.invitations.value = [...stand, ...newer];
      this.loaded.value = true;
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      if (error.reason !== "offline") this.readSoon(error.retryAfter ?? AGAIN_AFTER);
    }
  }

  readSoon(after = SETTLE): void {
    this.#soon("", after, () => void this.read());
  }

  /** Reads one room anew. */
  refresh(roomId: string): void {
    this.#soon(roomId, SETTLE, () => void this.#refresh(roomId));
  }

  async readMoreConversations(): Promise<void> {
    const before = this.next.peek();
    if (before) this.#takeConversations(await this.link.call("conversation:list", { before }));
  }

  /** Reads on until a conversation is listed: one may open one of long ago. */
  async find(roomId: string): Promise<void> {
    try {
      while (!this.has(roomId) && this.next.peek()) await this.readMoreConversations();
    } catch (error) {
      if (!(error instanceof ChatError)) throw error; // it is asked again when the lists are read
    }
  }

  has(roomId: string): boolean {
    return this.#entries.has(roomId);
  }

  /** A room that one has just come into. */
  add(room: Room): void {
    this.#left.delete(room.id);
    this.#take(room);
    this.#entries.get(room.id)!.added = ++this.#tick;
    this.invitations.value = this.invitations.peek().filter(({ id }) => id !== room.id);
    this.#publish();
  }

  addConversation(conversation: Conversation): void {
    this.#takeConversations({ conversations: [conversation], next: this.next.peek() });
    this.#entries.get(conversation.roomId)!.added = ++this.#tick;
  }

  /** One has hidden a conversation. Returns whether nothing has come since. */
  hide({ roomId, seq }: ConversationHidden): boolean {
    const last = this.#entries.get(roomId)?.conversation?.lastMessage;
    if (last && last.seq > seq) return false;
    this.#entries.delete(roomId);
    this.#publish();
    return true;
  }

  /** What one has chosen for a room. */
  chosen({ roomId, ...choice }: Mute | Favorite): void {
    const { room, conversation } = this.#entries.get(roomId) ?? {};
    if (room) this.#set(roomId, { room: { ...room, membership: { ...room.membership, ...choice } } });
    if (conversation) this.#set(roomId, { conversation: { ...conversation, ...choice } });
    this.#publish();
  }

  /** One has marked a room as unread, or read on there. Returns whether less is read than before. */
  marked({ roomId, lastSeq, unread, mentions, ...mark }: UnreadMark): boolean {
    const entry = this.#entries.get(roomId);
    if (!entry) return false;
    const figure = (before: Unread, number: number) => counted(before, number, lastSeq, ...readTo(mark));
    this.#set(roomId, { unread: figure(entry.unread, unread), mentions: figure(entry.mentions, mentions), added: ++this.#tick });
    this.#publish();
    return this.#entries.get(roomId)!.unread.readTo < entry.unread.readTo;
  }

  invited(room: Room): void {
    this.#left.set(room.id, ++this.#tick);
    this.invitations.value = [...this.invitations.peek().filter(({ id }) => id !== room.id), room];
  }

  /** One is no longer in a room, nor invited. Returns it as it was, if one was in it. */
  remove(roomId: string): Room | null {
    const entry = this.#entries.get(roomId);
    this.#left.set(roomId, ++this.#tick);
    this.#entries.delete(roomId);
    this.invitations.value = this.invitations.peek().filter(({ id }) => id !== roomId);
    this.#publish();
    return entry?.room ?? null;
  }

  /** One's own membership of a room changed, and one is still in it. */
  promoted({ roomId, member }: MemberChanged): void {
    const room = this.#entries.get(roomId)?.room;
    if (!room) return;
    this.#set(roomId, { room: { ...room, membership: { ...room.membership, role: member.role } } });
    this.#publish();
  }

  /** A room's own fields changed. */
  renamed(info: RoomInfo): void {
    const { room, conversation } = this.#entries.get(info.id) ?? {};
    if (room && room.changeSeq < info.changeSeq) this.#set(info.id, { room: named({ ...room, ...info }) });
    if (conversation) this.#set(info.id, { conversation: { ...conversation, pins: info.pins } });
    this.#publish();
  }

  /** A message that is deleted is pinned no more. */
  #unpin(roomId: string, messageId: string): void {
    const { room, conversation } = this.#entries.get(roomId)!;
    const without = <T extends { pins: string[] }>(one: T): T => ({ ...one, pins: one.pins?.filter((id) => id !== messageId) });
    if (room) this.#set(roomId, { room: without(room) });
    if (conversation) this.#set(roomId, { conversation: without(conversation) });
  }

  /** Changes of a room's log, in order. */
  apply(roomId: string, changes: readonly Change[]): void {
    if (!this.#entries.has(roomId)) return;
    for (const change of changes) {
      if (change.type === "message") this.#message(roomId, change.message);
      else if (change.type === "deleted") this.#deleted(roomId, change.messageId);
      else if (change.type === "room") this.renamed(change.room);
    }
    this.#publish();
  }

  /** A message mentions one; one that was edited is counted by the server alone. */
  mentioned(message: Message): void {
    const entry = this.#entries.get(message.roomId);
    if (message.alsoToRoom === false) return; // it is unread in its thread
    if (!entry || message.editedAt) return this.refresh(message.roomId);
    if (message.seq > entry.mentions.readTo) {
      this.#set(message.roomId, { mentions: withMessage(entry.mentions, message) });
      this.#publish();
    }
  }

  /** One has read up to a message; `all`: and it is the last one that there is. */
  markRead(roomId: string, seq: number, all: boolean): void {
    const entry = this.#entries.get(roomId);
    if (!entry) return;
    this.#set(roomId, { unread: withRead(entry.unread, seq, all), mentions: withRead(entry.mentions, seq, all) });
    this.#publish();
  }

  /** Asks the server where what is known does not tell how much is unread. */
  settle(roomId: string): void {
    const entry = this.#entries.get(roomId);
    if (entry?.unread.stale || entry?.mentions.stale) this.refresh(roomId);
  }

  forgetAll(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#entries.clear();
    this.#left.clear();
    this.invitations.value = [];
    this.loaded.value = false;
    this.next.value = null;
    this.#publish();
  }

  /** Reads conversations until as many are known as before; what would be among them and is not was hidden. */
  async #readConversations(wanted: number, asked: number): Promise<void> {
    const read: Conversation[] = [];
    let before: string | null = null;
    do {
      const page: DataOf<"conversation:list"> =
        await this.link.call("conversation:list", before ? { before } : {});
      this.#takeConversations(page);
      read.push(...page.conversations);
      before = page.next;
    } while (before && read.length < wanted);
    const listed = new Set(read.map(({ roomId }) => roomId));
    const until = before ? time(read.at(-1)!) : -Infinity;
    for (const [roomId, { conversation, added }] of this.#entries) {
      if (conversation && added <= asked && !listed.has(roomId) && time(conversation) > until) this.#entries.delete(roomId);
    }
    this.#publish();
  }

  async #refresh(roomId: string): Promise<void> {
    try {
      const room = await this.link.call("room:get", { roomId });
      if (this.#entries.has(roomId)) this.#take(room);
      this.#publish();
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      if (error.reason === "not_found" || error.reason === "not_a_member") this.readSoon();
      else if (error.reason !== "offline") this.#soon(roomId, error.retryAfter ?? AGAIN_AFTER, () => this.refresh(roomId));
    }
  }

  #takeRooms(rooms: readonly Room[], asked: number): void {
    const there = new Set(rooms.map((room) => room.id));
    for (const [roomId, entry] of this.#entries) {
      if (entry.room && entry.added <= asked && !there.has(roomId)) this.#entries.delete(roomId);
    }
    for (const room of rooms) if (!this.#since(room.id, asked)) this.#take(room);
    this.#publish();
  }

  #take(room: Room): void {
    const entry = this.#entries.get(room.id);
    const read = readTo(room.membership);
    const unread = counted(entry?.unread ?? null, room.unread, room.lastSeq, ...read);
    const later = entry?.room && this.follower.applied(room.id) > room.lastSeq;
    const mentions = counted(entry?.mentions ?? null, room.mentions, room.lastSeq, ...read);
    if (room.kind === "direct") this.#set(room.id, { unread });
    else this.#set(room.id, later ? { unread, mentions } : { unread, mentions, room: named(room) });
    this.follower.known(room.id, room.lastSeq);
  }

  #takeConversations({ conversations, next }: DataOf<"conversation:list">): void {
    for (const conversation of conversations) {
      const { roomId, unread, lastSeq } = conversation;
      const entry = this.#entries.get(roomId);
      const later = entry?.conversation && this.follower.applied(roomId) > lastSeq;
      const figure = counted(entry?.unread ?? null, unread, lastSeq, ...readTo(conversation));
      this.#set(roomId, later ? { unread: figure } : { unread: figure, conversation });
      this.follower.known(roomId, lastSeq);
    }
    this.next.value = next;
    this.people.meetConversations(conversations);
    this.#publish();
  }

  #message(roomId: string, message: Message): void {
    const entry = this.#entries.get(roomId)!;
    if (message.deletedAt) return this.#deleted(roomId, message.id);
    if (message.editedAt && total(entry.mentions)) this.refresh(roomId); // it may mention one no longer
    if (message.senderId !== this.me() && message.seq > entry.unread.readTo && message.alsoToRoom !== false) {
      this.#set(roomId, { unread: withMessage(entry.unread, message) });
    }
    const { room } = entry;
    if (room?.group && message.createdAt > (room.group.lastMessageAt ?? "")) {
      this.#set(roomId, { room: { ...room, group: { ...room.group, lastMessageAt: message.createdAt } } });
    }
    const last = entry.conversation?.lastMessage;
    if (entry.conversation && (!last || message.seq >= last.seq)) {
      this.#set(roomId, { conversation: { ...entry.conversation, lastMessage: message } });
    }
  }

  #deleted(roomId: string, messageId: string): void {
    this.#unpin(roomId, messageId);
    const entry = this.#entries.get(roomId)!;
    this.#set(roomId, {
      unread: withoutMessage(entry.unread, messageId), mentions: withoutMessage(entry.mentions, messageId),
    });
    this.settle(roomId);
    if (entry.conversation?.lastMessage?.id === messageId) this.readSoon();
  }

  /** Whether a room came or went, other than by a reading, after a tick. */
  #since(roomId: string, tick: number): boolean {
    return (this.#left.get(roomId) ?? 0) > tick || (this.#entries.get(roomId)?.added ?? 0) > tick;
  }

  #soon(key: string, after: number, run: () => void): void {
    if (this.#timers.has(key)) return;
    const due = () => {
      this.#timers.delete(key);
      run();
    };
    this.#timers.set(key, setTimeout(due, after));
  }

  #set(roomId: string, change: Partial<Entry>): void {
    const none = counted(null, 0, 0, 0);
    const fresh = { room: null, conversation: null, unread: none, mentions: none, added: 0 };
    const entry = { ...(this.#entries.get(roomId) ?? fresh), ...change };
    const unread = total(entry.unread);
    const lastReadSeq = entry.unread.readTo;
    if (entry.room) {
      const mentions = total(entry.mentions);
      entry.room = { ...entry.room, unread, mentions, membership: { ...entry.room.membership, lastReadSeq } };
    }
    if (entry.conversation) entry.conversation = { ...entry.conversation, unread, lastReadSeq };
    this.#entries.set(roomId, entry);
  }

  #publish(): void {
    const entries = [...this.#entries.values()];
    this.rooms.value = entries
      .flatMap(({ room }) => room ?? [])
      .sort((a, b) => byName.compare(a.name ?? "", b.name ?? ""));
    this.conversations.value = entries
      .flatMap(({ conversation }) => conversation ?? [])
      .sort((a, b) => time(b) - time(a));
  }
}

/** Up to where one has read a room, and whether one has marked what comes after it as unread. */
function readTo({ lastReadSeq, unreadFrom }: Pick<UnreadMark, "lastReadSeq" | "unreadFrom">): [number, boolean] {
  return unreadFrom === null ? [lastReadSeq, false] : [unreadFrom - 1, true];
}

/** A group is called as the other people in it are. */
function named(room: Room): Room {
  const people = room.group?.people.map(({ displayName, username }) => displayName ?? username);
  return people ? { ...room, name: people.join(", ") || "Nobody else" } : room;
}

function time({ lastMessage }: Conversation): number {
  return lastMessage ? Date.parse(lastMessage.createdAt) : 0;
}
