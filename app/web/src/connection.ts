/** The one Socket.IO connection: kept, authenticated, and what is called over it. */
import { signal } from "@preact/signals";
import { Manager, type Socket } from "socket.io-client";
import type { Ack, Authenticated, Operations, ServerEvents } from "./contract";
import { ChatError, failure, refused } from "./errors";
import type { Connection } from "./model";

const ANSWER_WITHIN = 15_000; // ms
const AGAIN_AFTER = 2000; // ms, where socket.io-client leaves it to us

interface Hooks {
  /** Authenticated: events flow, and what was missed may be read. */
  ready(): void;
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
  call<E extends keyof Operations>(event: E, payload: Operations[E][0]): Promise<Operations[E][1]>;
}

export class Link implements Calling {
  readonly connection = signal<Connection>({ status: "signed-out", since: Date.now() });
  /** Server time minus ours, ms. */
  clockOffset = 0;
  #socket: Socket | null = null;
  #hooks: Hooks | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  readonly #listeners = new Map<string, (payload: never) => void>();

  constructor(private readonly origin: string) {
    globalThis.window?.addEventListener("online", () => this.reconnect());
    globalThis.window?.addEventListener("offline", () => this.#pause());
  }

  /** Who is told of the connection's turns. */
  attach(hooks: Hooks): void {
    this.#hooks = hooks;
  }

  on<E extends keyof ServerEvents>(event: E, listener: (payload: ServerEvents[E]) => void): void {
    this.#listeners.set(event, listener);
  }

  open(token: string): void {
    this.close();
    this.#set("connecting");
    const manager = new Manager(this.origin, {
      path: "/io",
      transports: ["websocket", "polling"],
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
    for (const [event, listener] of this.#listeners) socket.on(event, listener as () => void);
    socket.on("ping", ({ time }: ServerEvents["ping"]) => this.#tellTime(time));
    socket.on("unauthenticated", () => this.#hooks?.unauthenticated());
  }

  close(): void {
    clearTimeout(this.#retry);
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
    return this.connection.peek().status === "online";
  }

  async call<E extends keyof Operations>(event: E, payload: Operations[E][0]): Promise<Operations[E][1]> {
    const socket = this.#socket;
    if (!socket || !this.online) throw failure("offline");
    return this.#emit(socket, event, payload);
  }

  async #emit<E extends keyof Operations>(
    socket: Socket, event: E, payload: Operations[E][0],
  ): Promise<Operations[E][1]> {
    let ack: Ack<Operations[E][1]>;
    try {
      ack = (await socket.timeout(ANSWER_WITHIN).emitWithAck(event, payload)) as Ack<Operations[E][1]>;
    } catch {
      throw failure(socket.connected ? "timeout" : "offline"); // socket.io-client rejects for these two alone
    }
    if (ack.ok) return ack.data;
    if (ack.error.reason === "unauthenticated") this.#hooks?.unauthenticated();
    throw refused(ack.error);
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
    this.#hooks?.ready();
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

  #set(status: Connection["status"]): void {
    if (this.connection.peek().status !== status) this.connection.value = { status, since: Date.now() };
  }
}
