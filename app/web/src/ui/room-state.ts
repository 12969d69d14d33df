/** What is going on in the open room that only the interface knows. */

import { effect, signal } from "@preact/signals";
import type { Attachment, Member, Message } from "../client";
import { model } from "../model";

/** The row that the pointer or the focus is on: it shows its actions. */
export const activeRow = signal<string | null>(null);

/** The row that Tab reaches, from which the arrow keys go on; null for the last. */
export const roving = signal<string | null>(null);

/** The message being edited, with the text as it stands: the row may leave the screen meanwhile. */
export const editing = signal<{ messageId: string; text: string } | null>(null);

/** The message a reaction is being chosen for, and where on the window. */
export const reacting = signal<{ message: Message; anchor: DOMRect } | null>(null);

/** The picture that is shown large. */
export const lightbox = signal<Attachment | null>(null);

/** Who was banned from the open room while it was open: the server lists only those who are in it. */
export const banned = signal<readonly Member[]>([]);

/** A key of the open place, for what must begin anew with another one. */
export function placeKey(): string | null {
  const place = model.place.value;
  return place && ("roomId" in place ? place.roomId : `person ${place.userId}`);
}

let before: string | null = null;
effect(() => {
  const key = placeKey();
  if (key === before) return;
  before = key;
  activeRow.value = null;
  roving.value = null;
  editing.value = null;
  reacting.value = null;
  lightbox.value = null;
  banned.value = [];
});
