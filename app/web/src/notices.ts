/** What is to be told once. */
import { signal } from "@preact/signals";
import type { Message } from "./client";
import type { Notice } from "./model";

const MOST = 20;

export class Notices {
  readonly all = signal<readonly Notice[]>([]);
  #last = 0;

  tell(kind: Notice["kind"], text: string, message: Message | null = null): void {
    this.all.value = [...this.all.peek(), { id: (this.#last += 1), kind, text, message }].slice(-MOST);
  }

  forgetAll(): void {
    this.all.value = [];
  }

  dismiss(id: number): void {
    this.all.value = this.all.peek().filter((notice) => notice.id !== id);
  }
}
