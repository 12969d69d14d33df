/** What is being written in the open place: the text, what it answers, its files and those still on their way up. */

import { effect, signal } from "@preact/signals";
import { type Attachment, inWords, type Message } from "../client";
import { model, type Draft, type Place } from "../model";
import { isPicture } from "./attachments";
import { placeKey } from "./room-state";
import { onSignedOut } from "./signed-out";
import { tell } from "./toasts";

const MOST_FILES = 10;
const EMPTY: Draft = { text: "", replyTo: null, attachments: [] };

export const draft = signal<Draft>(EMPTY);

/** Raised when the field is to take the focus. */
export const focusField = signal(0);

export interface Upload {
  id: number;
  /** The place it was begun in: one may be elsewhere when it is done. */
  key: string;
  name: string;
  size: number;
  /** An object URL of a picture. */
  preview: string | null;
  /** From 0 to 1. */
  part: number;
  error: string | null;
  abort: AbortController;
}

export const uploads = signal<readonly Upload[]>([]);

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

/** Sends what was written, unless it is nothing or a file is still on its way. Tells whether it did. */
export function sendDraft(): boolean {
  const place = model.place.peek();
  const { text, attachments, replyTo: answered } = draft.peek();
  const content = text.trim();
  if (!place || (!content && attachments.length === 0) || uploadsHere().some((upload) => !upload.error)) return false;
  model.send(place, { text: content, replyTo: answered, attachments });
  draft.value = EMPTY;
  return true;
}

/** The uploads of the open place (reads signals). */
export function uploadsHere(): Upload[] {
  const key = placeKey();
  return uploads.value.filter((upload) => upload.key === key);
}

export function cancelUpload(id: number): void {
  const upload = uploads.peek().find((one) => one.id === id);
  if (!upload) return;
  upload.abort.abort();
  forget(upload);
}

export function removeAttachment(id: string): void {
  changeDraft({ attachments: draft.peek().attachments.filter((file) => file.id !== id) });
}

export function addFiles(files: Iterable<File>): void {
  const place = model.place.peek();
  const key = placeKey();
  if (!place || key === null) return;
  const given = [...files];
  const room = MOST_FILES - draft.peek().attachments.length - uploadsHere().length;
  if (given.length > room) tell(`A message has at most ${MOST_FILES} files.`, "error");
  for (const file of given.slice(0, Math.max(0, room))) void begin(file, place, key);
}

let lastId = 0;

function change(id: number, with_: Partial<Upload>): void {
  uploads.value = uploads.peek().map((upload) => (upload.id === id ? { ...upload, ...with_ } : upload));
}

function forget(upload: Upload): void {
  if (upload.preview) URL.revokeObjectURL(upload.preview);
  uploads.value = uploads.peek().filter((one) => one.id !== upload.id);
}

onSignedOut(() => uploads.peek().forEach(({ id }) => cancelUpload(id)));

async function begin(file: File, place: Place, key: string): Promise<void> {
  const upload: Upload = {
    id: ++lastId, key, name: file.name, size: file.size, part: 0, error: null, abort: new AbortController(),
    preview: isPicture(file.type) ? URL.createObjectURL(file) : null,
  };
  uploads.value = [...uploads.peek(), upload];
  try {
    attach(await model.upload(file, (part) => change(upload.id, { part }), upload.abort.signal), place, key);
    forget(upload);
  } catch (error) {
    if (!upload.abort.signal.aborted) change(upload.id, { error: inWords(error) });
  }
}

function attach(file: Attachment, place: Place, key: string): void {
  if (placeKey() === key) return changeDraft({ attachments: [...draft.peek().attachments, file] });
  const kept = model.draftOf(place);
  model.setDraft(place, { ...kept, attachments: [...kept.attachments, file] });
}
