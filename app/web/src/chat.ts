/** The parts put together: what comes from the server goes where it belongs. */
import { batch, effect, untracked } from "@preact/signals";
import { Account } from "./account";
import { Blocks } from "./blocks";
import { Link } from "./connection";
import type { ConversationHidden, MemberChanged, Message, ReadMark, Session, UserRef } from "./contract";
import { Drafts } from "./drafts";
import { ChatError } from "./errors";
import { Files } from "./files";
import { Follower } from "./follower";
import { Lists } from "./lists";
import type { Change } from "./log";
import { Mentions } from "./mentions";
import type { OutboxEntry } from "./model";
import { Notices } from "./notices";
import { Outbox, type Locks } from "./outbox";
import { People } from "./people";
import { conversationOf, Places } from "./places";
import { Reading } from "./reading";
import { Rest } from "./rest";
import { Sender } from "./sender";
import { Kept, type Shelf } from "./storage";
import { Typing } from "./typing";

export class Chat {
  readonly rest: Rest;
  readonly link: Link;
  readonly kept: Kept;
  readonly account: Account;
  readonly people: People;
  readonly notices = new Notices();
  readonly mentions = new Mentions();
  readonly blocks: Blocks;
  readonly drafts: Drafts;
  readonly files: Files;
  readonly outbox: Outbox;
  readonly sender: Sender;
  readonly typing: Typing;
  readonly lists: Lists;
  readonly follower: Follower;
  readonly reading: Reading;
  readonly places: Places;

  /** `locks`: null where the browser has none, on a page that is not served securely. */
  constructor(origin: string, shelf: Shelf, locks: Locks | null) {
    this.rest = new Rest(origin);
    const link = (this.link = new Link(origin));
    this.kept = new Kept(shelf);
    this.account = new Account(this.rest, this.kept, {
      entered: (session) => this.#enter(session),
      left: () => this.#leave(),
    });
    const people = (this.people = new People(link));
    this.blocks = new Blocks(link);
    this.drafts = new Drafts(this.kept, this.me);
    this.files = new Files((path) => this.rest.blob(path));
    this.outbox = new Outbox(this.kept, locks, () => this.sender.pump());
    this.sender = new Sender(
      this.outbox, link, (entry, message) => void this.#sent(entry, message), (entry, error) => this.#unsent(entry, error),
    );
    const typing = (this.typing = new Typing(link));
    this.follower = new Follower(link, {
      deliver: (roomId, changes) => this.#apply(roomId, changes),
      isOpen: (roomId) => this.places.get(roomId) !== undefined,
      reload: (roomId) => void this.places.get(roomId)?.reload().then(() => this.#settle(roomId)),
      refresh: (roomId) => (this.lists.has(roomId) ? this.lists.refresh(roomId) : this.lists.readSoon()),
      gone: (roomId) => this.#gone(roomId),
    });
    const lists = (this.lists = new Lists(this.me, link, people, this.follower));
    this.reading = new Reading(link, (roomId) => lists.settle(roomId));
    const seen = (messages: readonly Message[]) => this.#seen(messages);
    this.places = new Places(
      { me: this.me, link, lists, people, typing, outbox: this.outbox.entries, seen },
      (roomId) => this.follower.sync(roomId),
      (roomId) => this.#settle(roomId),
    );
    this.#listen();
    effect(() => this.#meet());
    this.account.start();
  }

  /** One's own id; none is needed while signed out. */
  readonly me = (): string => this.account.me.peek()?.id ?? "";

  /** The conversation with somebody: its room's id, or null when there is none yet. */
  async conversationWith(user: UserRef): Promise<string | null> {
    const known = () => this.lists.conversations.peek().find((conversation) => conversation.user.id === user.id);
    const listed = known();
    if (listed) return listed.roomId;
    const [last] = await this.link.call("dm:history", { userId: user.id, limit: 1 });
    if (!last) return null;
    const room = await this.link.call("room:get", { roomId: last.roomId });
    if (!known()) this.lists.addConversation(conversationOf(room, user, last));
    return last.roomId;
  }

  #listen(): void {
    const { link, people, lists, places, blocks } = this;
    link.attach({
      ready: () => {
        void lists.read().then(() => {
          const place = places.place.peek();
          if (place && "roomId" in place) void this.#find(place.roomId);
        });
        void blocks.read();
        places.resume();
        this.reading.resume();
        this.sender.pump();
      },
      lost: () => {
        this.follower.lose();
        places.lose();
        this.typing.forgetAll();
      },
      unauthenticated: () => void this.account.check(),
    });
    const message = (message: Message) =>
      this.follower.receive(message.roomId, { type: "message", seq: message.changeSeq, message });
    link.on("message:new", message);
    link.on("dm:new", message);
    link.on("message:edited", message);
    link.on("message:deleted", ({ roomId, ...deleted }) =>
      this.follower.receive(roomId, { type: "deleted", ...deleted }));
    link.on("reaction:updated", ({ roomId, ...updated }) =>
      this.follower.receive(roomId, { type: "reactions", ...updated }));
    link.on("room:updated", (room) => this.follower.receive(room.id, { type: "room", seq: room.changeSeq, room }));
    link.on("room:user-joined", (change) => this.changed(change));
    link.on("room:user-left", (change) => this.changed(change));
    link.on("room:member-updated", (change) => this.changed(change));
    link.on("room:invited", (room) => lists.invited(room));
    link.on("room:added", (room) => (room.kind === "direct" ? lists.readSoon() : lists.add(room)));
    link.on("room:read-updated", (mark) => this.#marked(mark));
    link.on("room:mute-updated", (mute) => lists.muted(mute));
    link.on("conversation:hidden", (hidden) => this.hidden(hidden));
    link.on("user:blocked", (block) => blocks.add(block));
    link.on("user:unblocked", ({ userId }) => blocks.remove(userId));
    link.on("mention:new", (message) => this.#mentioned(message));
    link.on("typing:update", (update) => this.typing.take(update));
    link.on("presence:changed", (presence) => people.tell([presence]));
    link.on("presence:snapshot", (online) => people.tellAll(online));
    link.on("error", (error) => this.notices.tell("error", error.message));
  }

  /** A membership changed. One's own counts at once: who is out hears nothing more, and need not wait for it. */
  changed(change: MemberChanged): void {
    const { roomId, userId, seq, member } = change;
    this.follower.receive(roomId, { type: "member", seq, member });
    if (member.state !== "member") this.typing.end(roomId, userId);
    if (userId !== this.me()) {
      if (member.state === "member" && !this.people.presence(userId)) this.people.ask([userId]);
      return;
    }
    if (member.state === "member") this.lists.promoted(change);
    else if (member.state !== "invited") this.#gone(roomId, member.state);
  }

  /** A conversation is listed no longer, and closed where it is open. */
  hidden(hidden: ConversationHidden): void {
    if (!this.lists.hide(hidden)) return;
    this.places.drop(hidden.roomId);
    this.follower.forget(hidden.roomId);
  }

  /** Lists the conversation that is open: one of long ago, or one that is hidden. */
  async #find(roomId: string): Promise<void> {
    const { link, lists } = this;
    await lists.find(roomId);
    if (lists.has(roomId)) return;
    try {
      const room = await link.call("room:get", { roomId });
      if (room.kind !== "direct") return;
      const { members } = await link.call("room:members", { roomId });
      const [last = null] = await link.call("message:history", { roomId, limit: 1 });
      const other = members.find(({ userId }) => userId !== this.me()) ?? members[0];
      if (other && !lists.has(roomId)) lists.addConversation(conversationOf(room, other.user, last));
    } catch (error) {
      if (!(error instanceof ChatError)) throw error; // where it is not open to one, that is told elsewhere
    }
  }

  #enter({ token, user }: Session): void {
    this.people.meet([user]);
    this.outbox.open(user.id);
    this.link.open(token);
  }

  #leave(): void {
    this.link.close();
    this.places.forgetAll();
    this.follower.forgetAll();
    this.lists.forgetAll();
    this.reading.forgetAll();
    this.typing.forgetAll();
    this.mentions.forgetAll();
    this.blocks.forgetAll();
    this.notices.forgetAll();
    this.people.forget();
    this.files.forgetAll();
    this.outbox.close();
  }

  #apply(roomId: string, changes: readonly Change[]): void {
    const messages = changes.flatMap((change) => (change.type === "message" ? change.message : []));
    batch(() => {
      this.people.meetSenders(messages);
      this.lists.apply(roomId, changes);
      this.places.get(roomId)?.apply(changes);
      for (const message of messages) this.typing.end(roomId, message.senderId);
      this.#seen(messages);
    });
  }

  /** These stand in a timeline, or would, so they are no longer on their way. */
  #seen(messages: readonly Message[]): void {
    const own = messages.filter(({ senderId }) => senderId === this.me());
    this.outbox.remove(...own.flatMap(({ clientId }) => clientId ?? []));
  }

  /** The server has a message. In an open room it appears in its turn; elsewhere nobody waits for it. */
  async #sent(entry: OutboxEntry, message: Message): Promise<void> {
    const { roomId } = message;
    this.typing.sent(roomId);
    this.follower.receive(roomId, { type: "message", seq: message.changeSeq, message });
    const { place } = entry;
    if ("userId" in place && !this.lists.has(roomId)) await this.#begun(place.userId);
    if (!this.places.get(roomId) || this.follower.applied(roomId) >= message.changeSeq) this.#seen([message]);
  }

  /** The first message to somebody made a conversation of it. */
  async #begun(userId: string): Promise<void> {
    try {
      const user = this.people.user(userId);
      if (user) await this.conversationWith(user);
      else this.lists.readSoon();
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      this.lists.readSoon();
    }
  }

  /** The server does not take a message: to be told where it is not seen. */
  #unsent({ place, content }: OutboxEntry, error: ChatError): void {
    if ("roomId" in place && !this.places.shows(place.roomId)) {
      this.notices.tell("error", `Not sent: “${content.slice(0, 60)}”. ${error.message}`);
    }
  }

  /** The person who is open and oneself have a conversation now, whoever wrote first: it takes their place. */
  #meet(): void {
    const place = this.places.place.value;
    if (!place || "roomId" in place) return;
    const begun = this.lists.conversations.value.find(({ user }) => user.id === place.userId);
    if (!begun) return;
    untracked(() => {
      this.drafts.move(place, begun);
      void this.places.open(begun.roomId);
    });
  }

  /** A room is read anew, or no longer loaded: what the server has of it need not be shown as on its way. */
  #settle(roomId: string): void {
    const sent = this.outbox.entries.peek().filter(({ place, state }) =>
      state === "sent" && "roomId" in place && place.roomId === roomId);
    this.outbox.remove(...sent.map(({ clientId }) => clientId));
  }

  #gone(roomId: string, how: "left" | "removed" | "banned" = "left"): void {
    const room = this.lists.remove(roomId);
    const shown = this.places.drop(roomId);
    this.follower.forget(roomId);
    this.mentions.read(roomId, Infinity);
    if (room && how === "removed") this.notices.tell("info", `You were removed from ${room.name}.`);
    else if (room && how === "banned") this.notices.tell("info", `You were banned from ${room.name}.`);
    else if (shown) this.notices.tell("info", room ? `You are no longer in ${room.name}.` : "That room is not open to you.");
  }

  #marked(mark: ReadMark): void {
    this.places.get(mark.roomId)?.marked(mark);
    if (mark.userId !== this.me()) return;
    this.lists.markRead(mark.roomId, mark.seq, false);
    this.lists.settle(mark.roomId);
    this.mentions.read(mark.roomId, mark.seq);
  }

  #mentioned(message: Message): void {
    this.people.meetSenders([message]);
    const place = this.places.place.peek();
    this.mentions.add(message);
    if (place && "roomId" in place && place.roomId === message.roomId) return;
    const who = message.sender.displayName ?? message.sender.username;
    this.notices.tell("mention", `${who} mentioned you`, message);
  }
}
