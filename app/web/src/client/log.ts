/** Where one stands in a room's log: every change has a number, and each is applied once, in order. */
import type { Changes, Reaction, Thread } from "./contract";

/** A change as it comes live. Those of the last two kinds tell a part of a message, the others the whole of a thing. */
export type Change =
  | Changes["changes"][number]
  | { seq: number; type: "deleted"; messageId: string; deletedAt: string; thread?: Thread }
  | { seq: number; type: "reactions"; messageId: string; reactions: Reaction[] };

/**
 * Follows one log. What is out of turn waits: a part applied to a message that misses an earlier change would
 * hide that change for good.
 */
export class Log {
  /** Everything up to this number has been applied. */
  applied = 0;
  /** The highest number that the server is known to have come to. */
  told = 0;
  /** False until it is known from where on one follows, after a loss of the connection, and between pages of a sync. */
  following = false;
  /** Whether it has ever been known from where on one follows. */
  started = false;
  readonly #waiting = new Map<number, Change>();

  /** Whether changes wait for an earlier one. */
  get gap(): boolean {
    return this.following && this.#waiting.size > 0;
  }

  /** Whether there is more than has been applied, or may be. */
  get behind(): boolean {
    return !this.following || this.#waiting.size > 0 || this.applied < this.told;
  }

  /** Takes a live change; returns those that are to be applied now, in order. */
  receive(change: Change): Change[] {
    if (change.seq > this.applied) this.#waiting.set(change.seq, change);
    return this.#drain();
  }

  /** Everything up to this number is known from elsewhere; returns what is to be applied after it. */
  startAt(seq: number): Change[] {
    this.following = this.started = true;
    this.#advance(seq);
    return this.#drain();
  }

  /** The number before the first change that waits; null where none does. */
  get beforeWaiting(): number | null {
    return this.#waiting.size ? Math.min(...this.#waiting.keys()) - 1 : null;
  }

  /** From here on changes may be missed, until `startAt` or `catchUp`. */
  lose(): void {
    this.following = false;
  }

  /**
   * Takes the answer to a `room:sync` after `applied`; returns what is to be applied. Live changes wait while it
   * has more: what they change may be on a later page.
   *
   * What was applied while it was on its way is not news: a message in it may have been deleted and forgotten since.
   */
  catchUp(answer: Changes): Change[] {
    const news = answer.changes.filter(({ seq }) => seq > this.applied);
    if (!answer.hasMore) return [...news, ...this.startAt(answer.nextSeq)];
    this.lose();
    this.#advance(answer.nextSeq);
    return news;
  }

  #advance(seq: number): void {
    this.applied = Math.max(this.applied, seq);
    for (const waiting of this.#waiting.keys()) if (waiting <= this.applied) this.#waiting.delete(waiting);
  }

  #drain(): Change[] {
    const ready: Change[] = [];
    while (this.following) {
      const next = this.#waiting.get(this.applied + 1);
      if (!next) break;
      this.#waiting.delete(next.seq);
      this.applied = next.seq;
      ready.push(next);
    }
    return ready;
  }
}
