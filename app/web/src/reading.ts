/** Tells the server how far one has read: seldom, and only ever further, but for what one marks as unread again. */
import { type Calling, ChatError } from "./client";

const SETTLE = 400; // ms
const AGAIN_AFTER = 3000; // ms

export class Reading {
  readonly #wanted = new Map<string, number>();
  readonly #known = new Map<string, number>();
  /** The rooms that one has marked as unread: what one sees of them counts as read once they are opened again. */
  readonly #held = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `told` is called once the server knows. */
  constructor(private readonly link: Calling, private readonly told: (roomId: string) => void) {}

  /** Returns whether it is further than before. */
  mark(roomId: string, seq: number): boolean {
    if (this.#held.has(roomId) || seq <= Math.max(this.#wanted.get(roomId) ?? 0, this.#known.get(roomId) ?? 0)) return false;
    this.#wanted.set(roomId, seq);
    this.#soon(SETTLE);
    return true;
  }

  hold(roomId: string): void {
    this.#held.add(roomId);
    this.#wanted.delete(roomId);
    this.#known.delete(roomId);
  }

  release(roomId: string): void {
    this.#held.delete(roomId);
  }

  /** Tells at once: the page may be left for good. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#tellAll();
  }

  /** Tells what could not be told. */
  resume(): void {
    if (this.#wanted.size) this.#soon(SETTLE);
  }

  forgetAll(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#wanted.clear();
    this.#known.clear();
    this.#held.clear();
  }

  #soon(after: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#tellAll();
    }, after);
  }

  #tellAll(): void {
    if (this.link.online) for (const [roomId, seq] of this.#wanted) void this.#tell(roomId, seq);
  }

  async #tell(roomId: string, seq: number): Promise<void> {
    try {
      await this.link.call("room:read", { roomId, seq });
      this.#known.set(roomId, Math.max(seq, this.#known.get(roomId) ?? 0));
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      if (error.reason === "offline") return; // `resume` follows
      if (error.passing) return this.#soon(error.retryAfter ?? AGAIN_AFTER);
    }
    if (this.#wanted.get(roomId) === seq) this.#wanted.delete(roomId);
    this.told(roomId);
  }
}
