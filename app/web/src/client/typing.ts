/** Who is typing where: told seldom, and forgotten by itself. */
import type { Calling } from "./connection";
import type { TypingUpdate } from "./contract";
import { Watched } from "./watched";

const TELL_EVERY = 2000; // ms
const MOST = 10_000; // ms that a sign of typing counts, whatever the clocks say

export class Typing {
  /** By room: who is typing. */
  readonly rooms = new Watched<ReadonlyMap<string, readonly string[]>>(new Map());
  readonly #ends = new Map<string, ReturnType<typeof setTimeout>>();
  #told: { roomId: string; at: number } | null = null;

  /** `clockOffset`: server time minus ours, ms. */
  constructor(private readonly link: Calling & { clockOffset: number }) {}

  /** One types. */
  start(roomId: string): void {
    const now = Date.now();
    if (this.#told && this.#told.roomId !== roomId) this.stop(this.#told.roomId);
    if (this.#told && now - this.#told.at < TELL_EVERY) return;
    this.#told = { roomId, at: now };
    this.#tell("typing:start", roomId);
  }

  /** One has stopped, if one was typing. */
  stop(roomId: string): void {
    if (this.#told?.roomId !== roomId) return;
    this.#told = null;
    this.#tell("typing:stop", roomId);
  }

  /** One's message was sent, which stops it at the server too. */
  sent(roomId: string): void {
    if (this.#told?.roomId === roomId) this.#told = null;
  }

  /** Somebody types, or has stopped. */
  take({ roomId, userId, isTyping, expiresAt }: TypingUpdate): void {
    this.end(roomId, userId);
    if (!isTyping) return;
    const left = expiresAt ? Date.parse(expiresAt) - Date.now() - this.link.clockOffset : MOST;
    if (left <= 0) return;
    const key = `${roomId} ${userId}`;
    this.#ends.set(key, setTimeout(() => this.end(roomId, userId), Math.min(left, MOST)));
    this.#put(roomId, [...(this.rooms.value.get(roomId) ?? []), userId]);
  }

  /** Somebody has stopped: their message came, or they left. */
  end(roomId: string, userId: string): void {
    const key = `${roomId} ${userId}`;
    if (!this.#ends.has(key)) return;
    clearTimeout(this.#ends.get(key));
    this.#ends.delete(key);
    this.#put(roomId, (this.rooms.value.get(roomId) ?? []).filter((id) => id !== userId));
  }

  forgetAll(): void {
    for (const timer of this.#ends.values()) clearTimeout(timer);
    this.#ends.clear();
    this.#told = null;
    this.rooms.value = new Map();
  }

  /** Whether it comes to be known is worth no more than the one attempt. */
  #tell(event: "typing:start" | "typing:stop", roomId: string): void {
    this.link.call(event, { roomId }).catch(() => undefined);
  }

  #put(roomId: string, typing: readonly string[]): void {
    this.rooms.value = new Map(this.rooms.value).set(roomId, typing);
  }
}
