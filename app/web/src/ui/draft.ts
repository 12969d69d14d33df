/** What is being written in the open place: the text, what it answers, and its files. */

import { effect, signal } from "@preact/signals";
import type { Message } from "../client";
import { excess, trimmed } from "../message-text";
import { model, type Draft } from "../model";
import { placeKey } from "./room-state";

const EMPTY: Draft = { text: "", replyTo: null, attachments: [] };

export const draft = signal<Draft>(EMPTY);

/** Raised when the field is to take the focus. */
export const focusField = signal(0);

effect(() => {
  const place = placeKey() && model.place.peek();
  draft.value = place ? model.draftOf(place) : EMPTY;
});

export function changeDraft(change: Partial<Draft>): void {
  const place = model.place.peek();
  if (!place) return;
  draft.value = { ...draft.peek(), ...change };
  model.setDraft(place, draft.peek());
}

export function replyTo(message: Message): void {
  changeDraft({ replyTo: message.id });
  focusField.value++;
}

/** Sends what was written, unless it is nothing or too long. Tells whether it did. */
export function sendDraft(): boolean {
  const place = model.place.peek();
  const { text, attachments, replyTo: answered } = draft.peek();
  const content = trimmed(text);
  if (!place || (!content && attachments.length === 0) || excess(content) > 0) return false;
  model.send(place, { text: content, replyTo: answered, attachments: attachments.map(({ turn: _, ...file }) => file) });
  draft.value = EMPTY;
  return true;
}

export function removeAttachment(id: string): void {
  changeDraft({ attachments: draft.peek().attachments.filter((file) => file.id !== id) });
}
