/** Uploads files: each goes into the draft of the place or thread it was chosen in, wherever one is by then. */

import { effect, untracked } from "@preact/signals";
import { inTurn, nextTurn } from "../chosen-files";
import { ChatError, inWords, newId, type Attachment } from "../client";
import { KeptUploads, type KeptUpload } from "../kept-uploads";
import type { DraftPlace } from "../drafts";
import { locks, model } from "../model";
import { isPicture } from "./attachments";
import { inPlace, inThread, type Writing } from "./draft";
import { still } from "./media";
import { keyOfPlace } from "./room-state";
import { onSignedOut } from "./signed-out";
import { tell } from "./toasts";
import { uploads, uploadsTo, type Upload } from "./uploads";

const keptUploads = new KeptUploads(locks);

const MOST_FILES = 10;
const MOST_TRIES = 5; // in a row, with a connection
const AGAIN_AFTER = 3000; // ms

export function cancelUpload(id: string): void {
  const upload = uploads.peek().find((one) => one.id === id);
  if (!upload) return;
  upload.abort.abort();
  forget(upload);
  void keptUploads.remove(id);
}

/** Call before signing out: none goes on then, in any tab. */
export async function discardUploads(): Promise<void> {
  for (const { id } of uploads.peek()) cancelUpload(id);
  const me = model.me.peek();
  for (const { id } of me ? await keptUploads.of(me.id) : []) await keptUploads.remove(id);
}

export function addFiles(files: Iterable<File>, writing: Writing): void {
  const place = untracked(writing.place);
  const me = model.me.peek();
  if (!place || !me) return;
  const given = [...files];
  const room = MOST_FILES - writing.draft.peek().attachments.length - untracked(() => uploadsTo(writing)).length;
  if (given.length > room) tell(`A message has at most ${MOST_FILES} files.`, "error");
  for (const file of given.slice(0, Math.max(0, room))) {
    const upload: KeptUpload = { id: newId(), userId: me.id, place, turn: nextTurn(), file };
    const kept = keptUploads.add(upload);
    void keptUploads.alone(upload.id, () => run(upload, kept));
  }
}

/** What a reload or another tab's end has cut off goes on here. */
async function resume(userId: string): Promise<void> {
  for (const { id } of await keptUploads.of(userId)) {
    void keptUploads.alone(id, async () => {
      const left = await keptUploads.get(id); // another tab may have gone on with it and be done
      if (!left || model.me.peek()?.id !== userId) return;
      // The page may have ended between the draft's having the file and its not being kept any more.
      if (isChosen(left)) await keptUploads.remove(id);
      else await run(left, Promise.resolve());
    });
  }
}

function isChosen({ place, turn }: KeptUpload): boolean {
  return model.draftOf(place).attachments.some((file) => file.turn === turn);
}

function change(id: string, with_: Partial<Upload>): void {
  uploads.value = uploads.peek().map((upload) => (upload.id === id ? { ...upload, ...with_ } : upload));
}

function forget(upload: Upload): void {
  if (upload.preview) URL.revokeObjectURL(upload.preview);
  uploads.value = uploads.peek().filter((one) => one.id !== upload.id);
}

effect(() => {
  const userId = model.me.value?.id;
  if (userId) untracked(() => void resume(userId));
});

onSignedOut(() => {
  for (const upload of uploads.peek()) {
    upload.abort.abort();
    forget(upload); // it stays kept: a session that has ended may begin again
  }
});

async function run({ id, place, turn, file }: KeptUpload, kept: Promise<void>): Promise<void> {
  const upload: Upload = {
    id, turn, key: keyOfPlace(place), name: file.name, size: file.size, part: 0, waiting: false, error: null,
    abort: new AbortController(), preview: isPreviewed(file) ? URL.createObjectURL(file) : null,
  };
  uploads.value = inTurn([...uploads.peek(), upload]);
  try {
    attach({ ...await sent(upload, file), turn }, place);
    forget(upload);
  } catch (error) {
    if (upload.abort.signal.aborted) return;
    change(id, { error: inWords(error), waiting: false });
  }
  await kept;
  await keptUploads.remove(id);
}

/** Whether a file is shown while it comes. Others than a JPEG may move. */
function isPreviewed({ type }: File): boolean {
  return isPicture(type) && (type === "image/jpeg" || !still.peek());
}

/** Uploads, again and again where the connection or the server is not there for it now. */
async function sent({ id, abort: { signal } }: Upload, file: File): Promise<Attachment> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await model.upload(file, (part) => change(id, { part }), signal);
    } catch (error) {
      if (!(error instanceof ChatError && error.passing) || tries === MOST_TRIES) throw error;
      change(id, { part: 0, waiting: true });
      if (model.connection.peek().status !== "online") tries = 0;
      await pause(error.retryAfter ?? AGAIN_AFTER, signal);
      change(id, { waiting: false });
    }
  }
}

/** At least so long, and until there is a connection. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
  let stop = () => {};
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
    stop = effect(() => {
      if (model.connection.value.status === "online" || signal.aborted) resolve();
    });
  });
  stop();
}

function attach(file: Attachment & { turn: number }, place: DraftPlace): void {
  const open = [inPlace, inThread.peek()].find((writing) => writing?.key === keyOfPlace(place));
  if (open) return open.change({ attachments: inTurn([...open.draft.peek().attachments, file]) });
  const kept = model.draftOf(place);
  model.setDraft(place, { ...kept, attachments: inTurn([...kept.attachments, file]) });
}
