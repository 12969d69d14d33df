/** What is being written: the text, what it answers, and its files. */

import { effect, signal } from "@preact/signals";
import type { Message } from "../client";
import type { DraftPlace } from "../drafts";
import { excess, trimmed } from "../message-text";
import { model, type Draft } from "../model";
import { keyOfPlace } from "./room-state";

const EMPTY: Draft = { text: "", replyTo: null, attachments: [] };

/** Somewhere one writes, with what is written there. */
export class Writing {
  readonly draft = signal<Draft>(EMPTY);
  /** Raised when the field is to take the focus. */
  readonly focus = signal(0);

  /** `place` may read signals: with another place, another draft is written. Null where one cannot write. */
  constructor(readonly place: () => DraftPlace | null) {
    effect(() => {
      const at = place();
      this.draft.value = at ? model.draftOf(at) : EMPTY;
    });
  }

  /** For what must begin anew with another place (may read signals). */
  get key(): string | null {
    const at = this.place();
    return at && keyOfPlace(at);
  }

  change(change: Partial<Draft>): void {
    const at = this.place();
    if (!at) return;
    this.draft.value = { ...this.draft.peek(), ...change };
    model.setDraft(at, this.draft.peek());
  }

  detach(fileId: string): void {
    this.change({ attachments: this.draft.peek().attachments.filter(({ id }) => id !== fileId) });
  }

  /** What a message has of it; null where that is nothing, or too long (reads a signal). */
  get sendable(): Draft | null {
    const { text, attachments, replyTo } = this.draft.value;
    const content = trimmed(text);
    if ((!content && attachments.length === 0) || excess(content) > 0) return null;
    return { text: content, replyTo, attachments: attachments.map(({ turn: _, ...file }) => file) };
  }

  /** It is on its way: the model has forgotten it. */
  sent(): void {
    this.draft.value = EMPTY;
  }
}

/** What is written in the open place. */
export const inPlace = new Writing(() => model.place.value);

/** What is written in the thread that is open, where one can write there. */
export const inThread = signal<Writing | null>(null);

export function replyTo(message: Message): void {
  inPlace.change({ replyTo: message.id });
  inPlace.focus.value++;
}
