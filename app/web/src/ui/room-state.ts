/** What is going on in the open room that only the interface knows. */

import { effect, signal } from "@preact/signals";
import type { Attachment, Member, Message } from "../client";
import type { DraftPlace, Edits } from "../drafts";
import { model } from "../model";

/** The row that the pointer or the focus is on: it shows its actions. */
export const activeRow = signal<string | null>(null);

/** The row that Tab reaches, from which the arrow keys go on; null for the last. */
export const roving = signal<string | null>(null);

/** The messages being edited, with the text as it stands: the row, or its room, may leave the screen meanwhile. */
export const edits = signal<Edits>({});

/** The messages whose fields are drawn now. */
export const drawnEdits = signal<ReadonlySet<string>>(new Set());

/** The message whose editing has just begun: its field takes the focus. */
export const justBegun = signal<string | null>(null);

/** A message that is being edited somewhere off the screen (reads signals). */
export function unsavedEdit(): string | undefined {
  return Object.keys(edits.value).find((id) => !drawnEdits.value.has(id));
}

export function edit({ id, content }: Message): void {
  justBegun.value = id;
  changeEdit(id, edits.peek()[id] ?? content);
}

/** `text` null: it is saved, or given up. */
export function changeEdit(messageId: string, text: string | null): void {
  const place = model.place.peek();
  if (!place || !("roomId" in place)) return;
  const { [messageId]: _, ...others } = edits.peek();
  edits.value = text === null ? others : { ...others, [messageId]: text };
  model.setEdit(place.roomId, messageId, text);
}

/** The message a reaction is being chosen for, and where on the window. */
export const reacting = signal<{ message: Message; anchor: DOMRect } | null>(null);

/** The picture that is shown large. */
export const lightbox = signal<Attachment | null>(null);

/** Who was banned from the open room while it was open: the server lists only those who are in it. */
export const banned = signal<readonly Member[]>([]);

/** A key of the open place, for what must begin anew with another one. */
export function placeKey(): string | null {
  return model.place.value && keyOfPlace(model.place.value);
}

export function keyOfPlace(place: DraftPlace): string {
  if ("rootId" in place) return `thread ${place.rootId}`;
  return "roomId" in place ? place.roomId : `person ${place.userId}`;
}

let before: string | null = null;
effect(() => {
  const key = placeKey();
  if (key === before) return;
  before = key;
  activeRow.value = null;
  roving.value = null;
  const place = model.place.peek();
  edits.value = place && "roomId" in place ? model.editsOf(place.roomId) : {};
  justBegun.value = null;
  reacting.value = null;
  lightbox.value = null;
  banned.value = [];
});
