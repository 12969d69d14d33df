/** The parts put together: what comes from the server goes where it belongs. */
import { batch, effect, untracked, type ReadonlySignal } from "@preact/signals";
import { Account } from "./account";
import { Blocks } from "./blocks";
import {
  type Change, ChatError, type Connection, type ConnectionState, type ConversationHidden, Core, type CoreHooks,
  type Follower, Kept, type Locks, type MemberChanged, type Message, type Outbox, type OutboxEntry, type Profile, type ReadMark,
  type Rest, type Room, type Sender, type Session, type Shelf, type Typing, type UserRef,
} from "./client";
import { Drafts } from "./drafts";
import { Files } from "./files";
import { Lists } from "./lists";
import { excerpt, toPlain } from "./message-text";
import { Notices } from "./notices";
import { People } from "./people";
import { conversationOf, Places } from "./places";
import { Reading } from "./reading";
import { signalOf } from "./signal-of";

const AGAIN_AFTER = 3000; // ms

/** Told of a room's changes, in order; null where too many were missed, and what is loaded is to be read anew. */
export type RoomWatcher = (roomId: string, changes: readonly Change[] | null) => void;

export class Chat {
  readonly core: Core;
  readonly rest: Rest;
  readonly link: Connection;
  readonly outbox: Outbox;
  readonly sender: Sender;
  readonly typing: Typing;
  readonly follower: Follower;
  readonly connection: ReadonlySignal<ConnectionState>;
  /** What is in the outbox. */
  readonly waiting: ReadonlySignal<readonly OutboxEntry[]>;
  readonly kept: Kept;
  readonly account: Account;
  readonly people: People;
  readonly notices = new Notices();
  readonly blocks: Blocks;
  readonly drafts: Drafts;
  readonly files: Files;
  readonly lists: Lists;
  readonly reading: Reading;
  readonly places: Places;
  readonly #watchers = new Set<RoomWatcher>();

  /**
   * `locks`: null where the browser has none, on a page that is not served securely. `shelf` is for all tabs, `ofTab`
   * for this one.
   */
  constructor(origin: string, shelf: Shelf, locks: Locks | null, ofTab: Shelf) {
    this.kept = new Kept(shelf);
    const core = (this.core = new Core(origin, this.kept, locks, this.#hooks()));
    const { connection: link, follower, outbox } = core;
    this.rest = core.rest;
    this.link = link;
    this.outbox = outbox;
    this.sender = core.sender;
    this.typing = core.typing;
    this.follower = follower;
    this.connection = signalOf(link.state);
    this.waiting = signalOf(outbox.entries);
    this.account = new Account(this.rest, this.kept, {
      entered: (session) => this.#enter(session),
      left: () => this.#leave(),
    });
    const people = (this.people = new People(link));
    this.blocks = new Blocks(link);
    this.drafts = new Drafts(this.kept, new Kept(ofTab), this.me);
    this.files = new Files((path) => this.rest.blob(path));
    const lists = (this.lists = new Lists(this.me, link, people, follower));
    this.reading = new Reading(link, (roomId) => lists.settle(roomId));
    globalThis.window?.addEventListener("pagehide", () => this.reading.flush());
    const seen = (messages: readonly Message[]) => this.#seen(messages);
    this.places = new Places(
      { me: this.me, link, lists, people, typing: signalOf(core.typing.rooms), outbox: this.waiting, seen },
      (roomId) => follower.sync(roomId),
      (roomId) => this.#settle(roomId),
    );
    this.#listen();
    effect(() => this.#meet());
    let opened = "";
    effect(() => {
      const place = this.places.place.value;
      const roomId = place && "roomId" in place ? place.roomId : "";
      if (roomId !== opened) this.reading.release((opened = roomId));
    });
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

  /** For what is loaded beside the rooms. Returns what ends it. */
  watch(watcher: RoomWatcher): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /** What the parts of the client tell, once all parts of the page are there. */
  #hooks(): CoreHooks {
    return {
      rooms: {
        deliver: (roomId, changes) => this.#apply(roomId, changes),
        isOpen: (roomId) => this.places.get(roomId) !== undefined,
        reload: (roomId) => {
          void this.places.get(roomId)?.reload().then(() => this.#settle(roomId));
          for (const watcher of this.#watchers) watcher(roomId, null);
        },
        refresh: (roomId) => (this.lists.has(roomId) ? this.lists.refresh(roomId) : this.lists.readSoon()),
        gone: (roomId) => this.#gone(roomId),
      },
      sent: (entry, message) => void this.#sent(entry, message),
      failed: (entry, error) => this.#unsent(entry, error),
      ready: () => {
        const { lists, places } = this;
        void lists.read().then(() => {
          const place = places.place.peek();
          if (place && "roomId" in place) void this.#find(place.roomId);
        });
        void this.blocks.read();
        places.resume();
        this.reading.resume();
      },
      lost: () => this.places.lose(),
      unauthenticated: () => void this.account.check(),
    };
  }

  #listen(): void {
    const { link: { events }, people, lists, blocks } = this;
    for (const event of ["room:user-joined", "room:user-left", "room:member-updated"] as const) {
      events.on(event, (change) => this.#memberChanged(change));
    }
    events.on("room:invited", (room) => lists.invited(room));
    events.on("room:added", (room) => (room.kind === "direct" || room.group ? lists.readSoon() : this.#added(room)));
    events.on("room:read-updated", (mark) => this.#marked(mark));
    for (const event of ["room:mute-updated", "room:favorite-updated"] as const) events.on(event, (choice) => lists.chosen(choice));
    events.on("room:unread-updated", (mark) => void (lists.marked(mark) && this.reading.hold(mark.roomId)));
    events.on("conversation:hidden", (hidden) => this.hidden(hidden));
    events.on("user:blocked", (block) => blocks.add(block));
    events.on("user:unblocked", ({ userId }) => blocks.remove(userId));
    events.on("mention:new", (message) => this.#mentioned(message));
    events.on("user:profile-updated", (profile) => this.learn(profile));
    events.on("presence:changed", (presence) => people.tell([presence]));
    events.on("presence:snapshot", (online) => people.tellAll(online));
    events.on("error", (error) => this.notices.tell("error", error.message));
  }

  /** What somebody tells of themself. */
  learn(profile: Profile): void {
    this.people.learn(profile);
    if (profile.user.id === this.me()) this.account.rename(profile.user);
  }

  #added(room: Room): void {
    this.lists.add(room);
    if (this.places.offered.peek()?.id === room.id) void this.places.open(room.id);
  }

  /** A membership is as an operation has answered. */
  changed(change: MemberChanged): void {
    this.core.memberChanged(change);
    this.#memberChanged(change);
  }

  /** A membership changed. One's own counts at once: who is out hears nothing more, and need not wait for it. */
  #memberChanged(change: MemberChanged): void {
    const { roomId, userId, member, roomDeleted } = change;
    if (member.state !== "member") this.typing.end(roomId, userId);
    if (this.lists.rooms.peek().some(({ id, group }) => id === roomId && group)) this.lists.refresh(roomId);
    if (userId !== this.me()) {
      if (member.state === "member" && !this.people.presence(userId)) this.people.ask([userId]);
      return;
    }
    if (member.state === "member") this.lists.promoted(change);
    else if (member.state !== "invited") this.#gone(roomId, roomDeleted ? "deleted" : member.state);
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
      if (room.group) return lists.add(room);
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
      for (const watcher of this.#watchers) watcher(roomId, changes);
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
  #unsent({ place, content, alsoToRoom }: OutboxEntry, error: ChatError): void {
    if ("roomId" in place && (alsoToRoom === false || !this.places.shows(place.roomId))) {
      this.notices.tell("error", `Not sent: “${excerpt(toPlain.peek()(content), 60)}”. ${error.message}`);
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
    const sent = this.outbox.entries.value.filter(({ place, state }) =>
      state === "sent" && "roomId" in place && place.roomId === roomId);
    this.outbox.remove(...sent.map(({ clientId }) => clientId));
  }

  #gone(roomId: string, how: "left" | "removed" | "banned" | "deleted" = "left"): void {
    const room = this.lists.remove(roomId);
    if (!room && this.places.shows(roomId)) return void this.#offer(roomId);
    const shown = this.places.drop(roomId);
    this.follower.forget(roomId);
    if (room && how !== "left") {
      this.notices.tell("info", how === "deleted" ? `${room.name} was deleted.` : `You were ${how} from ${room.name}.`);
    }
    else if (room && shown) this.notices.tell("info", `You are no longer in ${room.name}.`);
  }

  /** One has come to a room that one is not in: a public one can be joined. */
  async #offer(roomId: string): Promise<void> {
    if (!this.places.shows(roomId)) return;
    try {
      const room = await this.link.call("room:look-up", { roomId });
      if (!this.places.shows(roomId)) return;
      if (this.lists.has(roomId)) await this.places.open(roomId); // joined meanwhile, on another device
      else this.places.offer(room);
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      if (error.reason === "offline") return; // it is asked again with the connection
      if (error.passing) return void setTimeout(() => void this.#offer(roomId), error.retryAfter ?? AGAIN_AFTER);
      this.follower.forget(roomId);
      if (this.places.drop(roomId)) this.notices.tell("info", "That room is not open to you.");
    }
  }

  #marked(mark: ReadMark): void {
    this.places.get(mark.roomId)?.marked(mark);
    if (mark.userId !== this.me()) return;
    this.lists.markRead(mark.roomId, mark.seq, false);
    this.lists.settle(mark.roomId);
  }

  #mentioned(message: Message): void {
    this.people.meetSenders([message]);
    const place = this.places.place.peek();
    this.lists.mentioned(message);
    if (place && "roomId" in place && place.roomId === message.roomId && message.alsoToRoom !== false) return;
    const room = this.lists.rooms.peek().find(({ id }) => id === message.roomId);
    this.notices.mention(message, room?.name ?? null);
  }
}
