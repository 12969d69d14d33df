/** Rooms in which one was mentioned, until one has read so far. */
import { computed, signal } from "@preact/signals";
import type { Message } from "./client";

export class Mentions {
  readonly rooms = computed<ReadonlySet<string>>(() => new Set(this.#last.value.keys()));
  /** By room: the seq of the last mention. */
  readonly #last = signal<ReadonlyMap<string, number>>(new Map());

  add({ roomId, seq }: Message): void {
    const last = this.#last.peek();
    this.#last.value = new Map(last).set(roomId, Math.max(seq, last.get(roomId) ?? 0));
  }

  read(roomId: string, seq: number): void {
    const last = this.#last.peek();
    if ((last.get(roomId) ?? Infinity) > seq) return;
    this.#last.value = new Map([...last].filter(([id]) => id !== roomId));
  }

  forgetAll(): void {
    this.#last.value = new Map();
  }
}
