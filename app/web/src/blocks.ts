/** Whom one has blocked, read from the server and kept live. */
import { signal } from "@preact/signals";
import { type Block, type Calling, ChatError, type UserRef } from "./client";

const AGAIN_AFTER = 3000; // ms

export class Blocks {
  /** By their ids. */
  readonly users = signal<ReadonlyMap<string, UserRef>>(new Map());
  #changes = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly link: Calling) {}

  /** Reads all. What comes about meanwhile is not undone by an answer that is older. */
  async read(): Promise<void> {
    clearTimeout(this.#timer);
    const before = this.#changes;
    try {
      const users = new Map<string, UserRef>();
      for (let after: string | null | undefined; after !== null;) {
        const page: { blocks: Block[]; next: string | null } =
          await this.link.call("user:blocks", after ? { after } : {});
        for (const { user } of page.blocks) users.set(user.id, user);
        after = page.next;
      }
      if (before !== this.#changes) return await this.read();
      this.users.value = users;
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      // Offline, it is read when the connection is back.
      if (error.reason !== "offline") this.#timer = setTimeout(() => void this.read(), error.retryAfter ?? AGAIN_AFTER);
    }
  }

  add({ user }: Block): void {
    this.#changes += 1;
    this.users.value = new Map(this.users.peek()).set(user.id, user);
  }

  remove(userId: string): void {
    this.#changes += 1;
    this.users.value = new Map([...this.users.peek()].filter(([id]) => id !== userId));
  }

  forgetAll(): void {
    clearTimeout(this.#timer);
    this.users.value = new Map();
  }
}
