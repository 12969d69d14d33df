/** The one Socket.IO connection: kept, authenticated, and what is called over it. */
import { Manager, type Socket } from "socket.io-client";
import type { Answer, Authenticated, ClientEvent, DataOf, PayloadOf, ServerEvents } from "./contract";
import { Emitter } from "./emitter";
import { ChatError, failure, refused } from "./errors";
import { Watched } from "./watched";

const ANSWER_WITHIN = 15_000; // ms
const AGAIN_AFTER = 2000; // ms, where socket.io-client leaves it to us

export interface ConnectionState {
  /** `connecting`: the first time, or again at once; `offline`: lost, and tried again every few seconds. */
  status: "signed-out" | "connecting" | "online" | "offline";
  /** Date.now() since when it is so. Show a banner only when it lasts, say 2 s. */
  since: number;
}

export interface ConnectionHooks {
  /** Authenticated: events flow, and what was missed may be read. */
  ready(authenticated: Authenticated): void;
  /** No longer so. */
  lost(): void;
  /** The server says that the token is not, or no longer, good. */
  unauthenticated(): void;
}

/** What is called over the connection. */
export interface Calling {
  /** Whether it is of use to call now. */
  readonly online: boolean;
  /** Calls an operation and returns the data of its ack. Rejects with a ChatError, at once when offline. */
  call<E extends ClientEvent>(event: E, payload: PayloadOf<E>): Promise<DataOf<E>>;
}

export class Connection implements Calling {
  readonly state = new Watched<ConnectionState>({ status: "signed-out", since: Date.now() });
  /** The server's events. */
  readonly events = new Emitter<ServerEvents>();
  /** Server time minus ours, ms. */
  clockOffset = 0;
  #socket: Socket | null = null;
  #hooks: ConnectionHooks | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #closed = new AbortController();

  constructor(private readonly origin: string) {}

  /** Who is told of the connection's turns. */
  attach(hooks: ConnectionHooks): void {
    this.#hooks = hooks;
  }

  open(token: string): void {
    this.close();
    this.#set("connecting");
    const manager = new Manager(this.origin, {
      path: "/io",
      transports: globalThis.WebSocket ? ["websocket", "polling"] : ["polling"], // Node has it from 22 on
      tryAllTransports: true,
    });
    const socket = manager.socket("/", { auth: { token, recovery: true } });
    this.#socket = socket;
    socket.on("connect", () => void this.#authenticate(socket));
    socket.on("connect_error", () => {
      this.#set("offline");
      if (!socket.active) this.#later(() => socket.connect(), null); // the server said no: it is ours to come again
    });
    socket.on("disconnect", (reason) => this.#lost(socket, reason));
    socket.onAny((event: keyof ServerEvents, payload) => {
      if (event === "ping") this.#tellTime(payload.time);
      this.events.emit(event, payload);
      if (event === "unauthenticated") this.#hooks?.unauthenticated();
    });
    const { signal } = (this.#closed = new AbortController());
    globalThis.window?.addEventListener("online", () => this.reconnect(), { signal });
    globalThis.window?.addEventListener("offline", () => this.#pause(), { signal });
  }

  close(): void {
    clearTimeout(this.#retry);
    this.#closed.abort();
    const socket = this.#socket;
    this.#socket = null;
    socket?.disconnect();
    this.#set("signed-out");
  }

  /** Tries at once, instead of at the end of the current wait. */
  reconnect(): void {
    if (!this.#socket || this.#socket.connected) return;
    this.#set("connecting");
    this.#socket.disconnect().connect();
  }

  get online(): boolean {
    return this.state.value.status === "online";
  }

  async call<E extends ClientEvent>(event: E, payload: PayloadOf<E>): Promise<DataOf<E>> {
    const socket = this.#socket;
    if (!socket || !this.online) throw failure("offline");
    return this.#emit(socket, event, payload);
  }

  async #emit<E extends ClientEvent>(socket: Socket, event: E, payload: PayloadOf<E>): Promise<DataOf<E>> {
    let answer: Answer<DataOf<E>>;
    try {
      answer = (await socket.timeout(ANSWER_WITHIN).emitWithAck(event, payload)) as Answer<DataOf<E>>;
    } catch {
      throw failure(socket.connected ? "timeout" : "offline"); // socket.io-client rejects for these two alone
    }
    if (answer.ok) return answer.data;
    if (answer.error.reason === "unauthenticated") this.#hooks?.unauthenticated();
    throw refused(answer.error);
  }

  async #authenticate(socket: Socket): Promise<void> {
    let answer: Authenticated;
    try {
      answer = await this.#emit(socket, "authenticate", {});
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      // One that is lost comes again by itself, and then authenticates: it must keep the timer for that.
      if (socket.connected) this.#later(() => socket.connected && void this.#authenticate(socket), error.retryAfter);
      return;
    }
    if (socket !== this.#socket) return;
    this.#tellTime(answer.time);
    this.#set("online");
    this.#hooks?.ready(answer);
  }

  #lost(socket: Socket, reason: string): void {
    if (socket !== this.#socket) return;
    this.#set(reason === "transport close" && globalThis.navigator?.onLine === false ? "offline" : "connecting");
    this.#hooks?.lost();
    if (reason === "io server disconnect") this.#later(() => socket.connect(), null);
  }

  /** The network is gone, says the browser: to try now is of no use. Browsers err, so it is tried seldom. */
  #pause(): void {
    if (!this.#socket) return;
    this.#socket.disconnect();
    this.#set("offline");
    this.#later(() => this.reconnect(), 15 * AGAIN_AFTER);
  }

  #later(run: () => void, after: number | null): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(run, after ?? AGAIN_AFTER * (0.5 + Math.random()));
  }

  #tellTime(time: string): void {
    this.clockOffset = Date.parse(time) - Date.now();
  }

  #set(status: ConnectionState["status"]): void {
    if (this.state.value.status !== status) this.state.value = { status, since: Date.now() };
  }
}
