/** The parts of a client put together. What becomes of rooms is up to whoever has it: see `RoomHooks`. */
import { Connection, type ConnectionHooks } from "./connection";
import type { MemberChanged, Message } from "./contract";
import type { ChatError } from "./errors";
import { Follower, type RoomHooks } from "./follower";
import { Outbox, type Locks, type OutboxEntry } from "./outbox";
import { Rest } from "./rest";
import { Sender } from "./sender";
import type { Kept } from "./storage";
import { Typing } from "./typing";

export interface CoreHooks extends ConnectionHooks {
  rooms: RoomHooks;
  /** The server has a message; `Follower` hands it on in its turn. */
  sent(entry: OutboxEntry, message: Message): void;
  /** The server does not take a message. */
  failed(entry: OutboxEntry, error: ChatError): void;
}

export class Core {
  readonly rest: Rest;
  readonly connection: Connection;
  readonly outbox: Outbox;
  readonly sender: Sender;
  readonly follower: Follower;
  readonly typing: Typing;

  /** `locks`: those of the browser's tabs, null where there are none. */
  constructor(origin: string, kept: Kept, locks: Locks | null, hooks: CoreHooks) {
    this.rest = new Rest(origin);
    const connection = (this.connection = new Connection(origin));
    const follower = (this.follower = new Follower(connection, hooks.rooms));
    const typing = (this.typing = new Typing(connection));
    this.outbox = new Outbox(kept, locks, () => this.sender.pump());
    this.sender = new Sender(
      this.outbox,
      connection,
      (entry, message) => {
        typing.sent(message.roomId);
        this.changed(message);
        hooks.sent(entry, message);
      },
      (entry, error) => hooks.failed(entry, error),
    );
    connection.attach({
      ready: (authenticated) => {
        hooks.ready(authenticated);
        this.sender.pump();
      },
      lost: () => {
        follower.lose();
        typing.forgetAll();
        hooks.lost();
      },
      unauthenticated: () => hooks.unauthenticated(),
    });
    this.#listen();
  }

  /** A message is as told, by an event or an answer: it is handed on in its turn. */
  changed(message: Message): void {
    this.follower.receive(message.roomId, { type: "message", seq: message.changeSeq, message });
  }

  /** A membership is as told. */
  memberChanged({ roomId, seq, member }: MemberChanged): void {
    this.follower.receive(roomId, { type: "member", seq, member });
  }

  #listen(): void {
    const { connection: { events }, follower } = this;
    for (const event of ["message:new", "dm:new", "message:edited"] as const) {
      events.on(event, (message) => this.changed(message));
    }
    for (const event of ["room:user-joined", "room:user-left", "room:member-updated"] as const) {
      events.on(event, (change) => this.memberChanged(change));
    }
    events.on("message:deleted", ({ roomId, ...deleted }) => follower.receive(roomId, { type: "deleted", ...deleted }));
    events.on("reaction:updated", ({ roomId, ...updated }) =>
      follower.receive(roomId, { type: "reactions", ...updated }));
    events.on("room:updated", (room) => follower.receive(room.id, { type: "room", seq: room.changeSeq, room }));
    events.on("room:sync-needed", ({ roomId, lastSeq }) => follower.syncNeeded(roomId, lastSeq));
    events.on("typing:update", (update) => this.typing.take(update));
  }
}
