/** A room as the server keeps it, in memory: what the client's side of the log is held to. */
import type { Changes, Member, Message, Reaction, RoomInfo, Thread, UserRef } from "../src/client/contract";
import type { Change } from "../src/client/log";

const ROOM = "room";

export function user(id: string): UserRef {
  return { id, username: id, displayName: null, avatar: null };
}

export function message(seq: number, senderId: string, more: Partial<Message> = {}): Message {
  const time = new Date(seq * 1000).toISOString();
  return {
    id: `m${seq}`, roomId: ROOM, senderId, seq, changeSeq: seq, type: "text", content: `text ${seq}`, metadata: null,
    replyTo: null, clientId: null, createdAt: time, modifiedAt: time, editedAt: null, deletedAt: null,
    sender: user(senderId), attachments: [], reactions: [], mentions: [], groupMention: null, ...more,
  };
}

export class RoomOnServer {
  lastSeq = 0;
  readonly messages = new Map<string, Message>();
  readonly threads = new Map<string, Thread>();
  readonly members = new Map<string, Member>();
  info: RoomInfo = {
    id: ROOM, kind: "public", name: "first", description: null, isPrivate: false, createdBy: "ada", changeSeq: 0,
    createdAt: "", modifiedAt: "", archivedAt: null, pins: [],
  };

  send(senderId: string): Change {
    const sent = message((this.lastSeq += 1), senderId);
    this.messages.set(sent.id, sent);
    return { seq: sent.seq, type: "message", message: sent };
  }

  /** A reply to a message belongs to the thread of that one's root. */
  reply(to: Message, senderId: string, alsoToRoom: boolean): Change {
    const sent = message((this.lastSeq += 1), senderId, { replyTo: to.id, alsoToRoom });
    this.messages.set(sent.id, sent);
    this.#count(sent);
    return { seq: sent.seq, type: "message", message: this.shown(sent) };
  }

  edit(of: Message): Change {
    const seq = (this.lastSeq += 1);
    const edited = { ...of, content: `edited ${seq}`, changeSeq: seq, editedAt: new Date(seq * 1000).toISOString() };
    this.messages.set(of.id, edited);
    return { seq, type: "message", message: this.shown(edited) };
  }

  remove(of: Message): Change {
    const seq = (this.lastSeq += 1);
    const deletedAt = new Date(seq * 1000).toISOString();
    this.messages.set(of.id, { ...of, content: "", reactions: [], deletedAt, changeSeq: seq });
    const thread = this.#count(of);
    return { seq, type: "deleted", messageId: of.id, deletedAt, ...(thread ? { thread } : {}) };
  }

  react(to: Message, userId: string): Change {
    const seq = (this.lastSeq += 1);
    const reactions: Reaction[] = [...to.reactions, { kind: `kind ${seq}`, userIds: [userId] }];
    this.messages.set(to.id, { ...to, reactions, changeSeq: seq });
    return { seq, type: "reactions", messageId: to.id, reactions };
  }

  join(userId: string, state: Member["state"]): Change {
    const seq = (this.lastSeq += 1);
    const member: Member = {
      roomId: ROOM, userId, role: "member", state, changeSeq: seq, joinedAt: "", leftAt: null, lastReadSeq: 0,
      lastReadAt: null, user: user(userId), presence: null,
    };
    this.members.set(userId, member);
    return { seq, type: "member", member };
  }

  rename(): Change {
    const seq = (this.lastSeq += 1);
    this.info = { ...this.info, name: `name ${seq}`, changeSeq: seq };
    return { seq, type: "room", room: this.info };
  }

  /** Those of the room, without the replies that stand in their threads alone; oldest first. */
  standing(): Message[] {
    return this.#standing().filter(({ alsoToRoom }) => alsoToRoom !== false);
  }

  /** The replies of a thread, oldest first. */
  replies(rootId: string): Message[] {
    return this.#standing().filter((one) => one.id !== rootId && this.rootOf(one) === rootId);
  }

  rootOf({ id, replyTo }: Message): string {
    return replyTo ? this.rootOf(this.messages.get(replyTo)!) : id;
  }

  /** A message with the thread that it begins or belongs to, as it is now. */
  shown(one: Message): Message {
    const { thread: _, ...said } = one;
    const thread = this.threads.get(this.rootOf(one));
    return thread ? { ...said, thread } : said;
  }

  #standing(): Message[] {
    return [...this.messages.values()].filter(({ deletedAt }) => !deletedAt).map((one) => this.shown(one));
  }

  /** A reply has come or gone. */
  #count(reply: Message): Thread | null {
    if (!reply.replyTo) return null;
    const rootId = this.rootOf(reply);
    const last = this.replies(rootId).at(-1);
    const thread = {
      rootId, replyCount: this.replies(rootId).length, lastReplySeq: last?.seq ?? null, lastReplyAt: last?.createdAt ?? null,
      changeSeq: this.lastSeq,
    };
    this.threads.set(rootId, thread);
    return thread;
  }

  sync(afterSeq: number): Changes {
    const changes: Changes["changes"] = [
      ...Array.from(this.messages.values(), (it) => (
        { seq: it.changeSeq, type: "message" as const, message: this.shown(it) })),
      ...Array.from(this.members.values(), (it) => ({ seq: it.changeSeq, type: "member" as const, member: it })),
      { seq: this.info.changeSeq, type: "room" as const, room: this.info },
    ];
    const later = changes.filter(({ seq }) => seq > afterSeq).sort((a, b) => a.seq - b.seq);
    return { roomId: ROOM, changes: later, nextSeq: this.lastSeq, lastSeq: this.lastSeq, hasMore: false };
  }

  /** A page of those that stand, newest first; null where the message of departure is unknown. */
  history(direction: "latest" | "older" | "newer" | "around", from: Message | undefined, limit: number): Message[] {
    const standing = this.standing();
    const at = from?.seq ?? Infinity;
    const older = standing.filter(({ seq }) => seq < at);
    const newer = standing.filter(({ seq }) => seq > at);
    if (direction === "newer") return newer.slice(0, limit).reverse();
    if (direction !== "around") return older.slice(-limit).reverse();
    const half = Math.floor(limit / 2);
    const itself = standing.filter(({ seq }) => seq === at);
    return [...older.slice(-half), ...itself, ...newer.slice(0, limit - half - 1)].reverse();
  }
}
