/** The files that are on their way up; `uploading.ts` brings them there. */

import { signal } from "@preact/signals";
import type { Writing } from "./draft";
import { later } from "./load-later";
import { attempt } from "./toasts";

export interface Upload {
  id: string;
  turn: number;
  /** Of where it was begun: one may be elsewhere when it is done. */
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

/** The uploads for what is written somewhere (reads signals). */
export function uploadsTo({ key }: Writing): Upload[] {
  return uploads.value.filter((upload) => upload.key === key);
}

export function addFiles(files: Iterable<File>, writing: Writing): void {
  const given = [...files]; // a list of the browser's is empty by the time that the field is
  void attempt(async () => (await later()).addFiles(given, writing));
}

/** A text as a file, where it is too long for a message. */
export function addText(text: string, writing: Writing): void {
  addFiles([new File([text], "message.txt", { type: "text/plain" })], writing);
}

export function cancelUpload(id: string): void {
  void attempt(async () => (await later()).cancelUpload(id));
}
