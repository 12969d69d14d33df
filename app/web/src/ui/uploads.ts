/** The files that are on their way up; `uploading.ts` brings them there. */

import { signal } from "@preact/signals";
import { later } from "./load-later";
import { placeKey } from "./room-state";
import { attempt } from "./toasts";

export interface Upload {
  id: string;
  turn: number;
  /** The place it was begun in: one may be elsewhere when it is done. */
  key: string;
  name: string;
  size: number;
  /** An object URL of a picture. */
  preview: string | null;
  /** From 0 to 1. */
  part: number;
  /** For a connection, or for the server to take more. */
  waiting: boolean;
  error: string | null;
  abort: AbortController;
}

export const uploads = signal<readonly Upload[]>([]);

/** The uploads of the open place (reads signals). */
export function uploadsHere(): Upload[] {
  const key = placeKey();
  return uploads.value.filter((upload) => upload.key === key);
}

/** Whether a file of the open place is still on its way (reads signals). */
export function uploading(): boolean {
  return uploadsHere().some((upload) => !upload.error);
}

export function addFiles(files: Iterable<File>): void {
  const given = [...files]; // a list of the browser's is empty by the time that the field is
  void attempt(async () => (await later()).addFiles(given));
}

/** A text as a file, where it is too long for a message. */
export function addText(text: string): void {
  addFiles([new File([text], "message.txt", { type: "text/plain" })]);
}

export function cancelUpload(id: string): void {
  void attempt(async () => (await later()).cancelUpload(id));
}
