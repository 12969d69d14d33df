/** A chat without user interface: it stays connected, follows every room without gaps, and sends each message once. */
import type { ConnectionState } from "./connection";
import type {
  Attachment, ClientEvent, DataOf, Message, PayloadOf, RoomRef, ServerEvents, Session,
} from "./contract";
import { Core } from "./core";
import { Emitter, type PayloadTo } from "./emitter";
import { failure, type ChatError } from "./errors";
import { EveryRoom } from "./every-room";
import type { RoomEvents } from "./feed";
import { newId } from "./ids";
import type { Place } from "./outbox";
import { Kept, memoryShelf, type Shelf } from "./storage";

const CONNECTED_WITHIN = 15_000; // ms that a call waits for the connection

export interface ParleyOptions {
  /** A bearer token, of `/auth/sign-in`. Without one, `signIn` or `signUp` opens the connection. */
  token?: string;
  /** Where unsent messages are kept, such as localStorage; by default they are gone when the program ends. */
  storage?: Shelf;
}

/**
 * What is sent: `attachments` are the answers of `upload`, `clientId` a name that makes a repetition harmless. With
 * `alsoToRoom` false a reply stands in its thread alone.
 */
export interface NewMessage {
  content: string;
  replyTo?: string;
  alsoToRoom?: boolean;
  attachments?: Attachment[];
  metadata?: Record<string, unknown>;
  clientId?: string;
}

/** What `on` hears of beside the server's own events. */
export interface ParleyEvents extends RoomEvents {
  /** The user is no longer in a room. */
  left: (room: RoomRef) => void;
  state: (state: ConnectionState) => void;
}

type AllEvents = ParleyEvents & ServerEvents;

interface Waiting {
  done(): boolean;
  resolve(): void;
  reject(error: ChatError): void;
}

interface Sending {
  promise: Promise<Message>;
  resolve(message: Message): void;
  reject(error: ChatError): void;
}

export class ParleyClient {
  readonly #events = new Emitter<ParleyEvents>();
  readonly #core: Core;
  readonly #rooms: EveryRoom;
  readonly #waiting = new Set<Waiting>();
  readonly #sending = new Map<string, Sending>();
  #userId: string | null = null;
  #ready = false;

  /** `url`: the chat's origin, such as "https://chat.example.com". */
  constructor(url: string, { token, storage }: ParleyOptions = {}) {
    const locks = storage ? (globalThis.navigator?.locks ?? null) : null;
    this.#rooms = new EveryRoom(
      this.#events as Emitter<RoomEvents>,
      () => this.#core,
      () => {
        this.#ready = true;
        this.#settle();
      },
      (roomId) => this.#events.emit("left", { roomId }),
    );
    this.#core = new Core(new URL(url).origin, new Kept(storage ?? memoryShelf()), locks, {
      rooms: this.#rooms,
      ready: ({ userId }) => this.#authenticated(userId),
      lost: () => undefined, // the state tells it
      unauthenticated: () => this.#end(failure("unauthenticated")),
      sent: ({ clientId }, message) => {
        this.#core.outbox.remove(clientId);
        this.#sending.get(clientId)?.resolve(message);
        this.#sending.delete(clientId);
      },
      failed: ({ clientId }, error) => {
        this.#core.outbox.remove(clientId);
        this.#sending.get(clientId)?.reject(error);
        this.#sending.delete(clientId);
      },
    });
    this.#rooms.attach(() => this.#userId);
    this.#core.connection.state.subscribe((state) => this.#events.emit("state", state));
    if (token) this.open(token);
  }

  /** The user's id; null until the server has told it. */
  get userId(): string | null {
    return this.#userId;
  }

  get state(): ConnectionState {
    return this.#core.connection.state.value;
  }

  /** Calls a listener at each event of a name, the client's or the server's. Returns what takes it away. */
  on<E extends keyof AllEvents>(event: E, listener: (payload: PayloadTo<AllEvents, E>) => void): () => void {
    const events = (OWN.has(event) ? this.#events : this.#core.connection.events) as unknown as Emitter<AllEvents>;
    return events.on(event, listener);
  }

  /** Makes an account, and opens the connection as its user. */
  async signUp(username: string, password: string, displayName?: string): Promise<Session> {
    const named = displayName ? { displayName } : {};
    return this.#begin(await this.#core.rest.ask("POST /auth/sign-up", { username, credential: password, ...named }));
  }

  /** Opens the connection as a user. `deviceToken`: that of an earlier session. */
  async signIn(username: string, password: string, deviceToken?: string): Promise<Session> {
    return this.#begin(await this.#core.rest.ask("POST /auth/sign-in", {
      identifier: { scheme: "username", value: username },
      credential: { scheme: "basic", value: password },
      ...(deviceToken ? { deviceToken } : {}),
    }));
  }

  /** Opens the connection with a token, in place of one that was open. */
  open(token: string): void {
    this.#lose();
    this.#core.rest.token = token;
    this.#core.connection.open(token);
  }

  /** Resolves once connected and every room is followed: from then on `message` misses none. */
  ready(): Promise<void> {
    return this.#until(() => this.#ready, null);
  }

  /** Calls any operation, as soon as there is a connection. Rejects with a ChatError. */
  async call<E extends ClientEvent>(event: E, payload: PayloadOf<E>): Promise<DataOf<E>> {
    await this.#until(() => this.#core.connection.online, CONNECTED_WITHIN);
    return this.#core.connection.call(event, payload);
  }

  /**
   * Sends a message to a room, given by its id, or to a user. It is repeated until the server has it, which stores it
   * once, and after those that were sent there before. Rejects with a ChatError where the server does not take it, and
   * at `close`.
   */
  async send(to: string | Place, message: string | NewMessage): Promise<Message> {
    await this.#until(() => this.#userId !== null, null);
    const { outbox, sender } = this.#core;
    if (outbox.full) throw failure("too_many");
    const { content, replyTo, alsoToRoom = true, attachments, metadata, clientId = newId() } =
      typeof message === "string" ? { content: message } as NewMessage : message;
    const known = this.#sending.get(clientId);
    if (known) return known.promise;
    let settle!: Omit<Sending, "promise">;
    const promise = new Promise<Message>((resolve, reject) => (settle = { resolve, reject }));
    this.#sending.set(clientId, { promise, ...settle });
    outbox.add({
      clientId,
      place: typeof to === "string" ? { roomId: to } : to,
      content,
      replyTo: replyTo ?? null,
      alsoToRoom,
      attachments: attachments ?? [],
      metadata: metadata ?? null,
      createdAt: new Date().toISOString(),
      state: "pending",
      error: null,
    });
    sender.pump();
    return promise;
  }

  /** Sends a file, to be attached to a message. */
  upload(file: Blob, name: string, signal?: AbortSignal): Promise<Attachment> {
    return this.#core.rest.post(file, name, signal);
  }

  /** The user types in a room: to be called at each key, it is told seldom. */
  typing(roomId: string): void {
    this.#core.typing.start(roomId);
  }

  /** The user has stopped typing there. */
  typingStopped(roomId: string): void {
    this.#core.typing.stop(roomId);
  }

  /** Ends the connection. What was not sent stays in the `storage` that was given. */
  close(): void {
    this.#end(failure("offline"));
    this.#drop(failure("offline"));
    this.#core.outbox.close();
    this.#rooms.forgetAll();
    this.#userId = null;
  }

  #begin(session: Session): Session {
    this.open(session.token);
    this.#is(session.user.id);
    return session;
  }

  #authenticated(userId: string): void {
    this.#is(userId);
    void this.#rooms.read();
    this.#settle();
  }

  #is(userId: string): void {
    if (userId === this.#userId) return;
    this.#drop(failure("unauthenticated"));
    this.#rooms.forgetAll();
    this.#ready = false;
    this.#userId = userId;
    this.#core.outbox.open(userId);
    this.#settle();
  }

  /** There is no connection any more until `open`: all that wait for one are told. */
  #end(error: ChatError): void {
    this.#core.connection.close();
    this.#lose();
    for (const waiting of this.#waiting) waiting.reject(error);
    this.#waiting.clear();
  }

  #lose(): void {
    this.#core.typing.forgetAll();
    this.#core.follower.lose();
    this.#ready = false;
  }

  /** Nobody hears any more what becomes of what was to be sent. */
  #drop(error: ChatError): void {
    for (const sending of this.#sending.values()) sending.reject(error);
    this.#sending.clear();
  }

  #settle(): void {
    for (const waiting of this.#waiting) {
      if (!waiting.done()) continue;
      this.#waiting.delete(waiting);
      waiting.resolve();
    }
  }

  /** Waits until something is so, for so many ms; null: as long as it takes. */
  async #until(done: () => boolean, within: number | null): Promise<void> {
    if (done()) return;
    if (this.state.status === "signed-out") throw failure("unauthenticated");
    await new Promise<void>((resolve, reject) => {
      const late = () => {
        this.#waiting.delete(waiting);
        reject(failure("offline"));
      };
      const timer = within === null ? undefined : setTimeout(late, within);
      const waiting = {
        done,
        resolve: () => (clearTimeout(timer), resolve()),
        reject: (error: ChatError) => (clearTimeout(timer), reject(error)),
      };
      this.#waiting.add(waiting);
    });
  }
}

/** The names of ParleyEvents. */
const OWN = new Set<keyof AllEvents>([
  "message", "changed", "deleted", "reactions", "member", "room", "left", "state",
] satisfies (keyof ParleyEvents)[]);
