/** What a browser has and Node has not, in memory. */
import type { Locks } from "../src/client/outbox";

interface Waiting {
  page: string;
  held: () => unknown;
}

/** The locks that pages of one origin hold, until they give them back or are closed. The first of a list holds it. */
export class PageLocks {
  readonly #queues = new Map<string, Waiting[]>();

  /** The locks as one page sees them. */
  page(page: string): Locks {
    return {
      request: (name, held) => {
        const queue = this.#queues.get(name) ?? [];
        this.#queues.set(name, queue);
        queue.push({ page, held });
        if (queue.length === 1) void this.#hold(queue);
        return Promise.resolve();
      },
    };
  }

  close(page: string): void {
    for (const queue of this.#queues.values()) {
      const held = queue[0]?.page === page;
      queue.splice(0, queue.length, ...queue.filter((waiting) => waiting.page !== page));
      if (held && queue.length) void this.#hold(queue);
    }
  }

  async #hold(queue: Waiting[]): Promise<void> {
    const first = queue[0]!;
    await first.held();
    if (queue[0] !== first) return;
    queue.shift();
    if (queue.length) void this.#hold(queue);
  }
}
