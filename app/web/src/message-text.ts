/** What is sent of a text, and how long it may be, in the characters that the server counts: an emoji of two UTF-16 units is one. */

import { signal } from "@preact/signals";

const LONGEST = 10_000; // characters of a message
/** Beyond this a field is no place for a text: it comes as a file at once. UTF-16 units. */
export const HUGE = 100_000;

/** A text without what is blank before its first line and behind its last one: the first line's indentation stays. */
export function trimmed(text: string): string {
  return text.trimEnd().replace(/^(?:[^\S\n]*\n)+/, "");
}

/** By how many characters a text is too long for a message; 0 for one that fits. */
export function excess(text: string): number {
  const sent = trimmed(text);
  if (sent.length <= LONGEST) return 0;
  let count = 0;
  for (const _ of sent) count += 1;
  return Math.max(0, count - LONGEST);
}

const MAY_HAVE_MARKUP = /[*_~`>@＠﹫[\\]|:\/\/|www\.|^[ \t]*(?:[-+]|\d+[.)])[ \t]/im;

/** Whether a text may have markup, links or mentions in it. */
export function mayHaveMarkup(text: string): boolean {
  return MAY_HAVE_MARKUP.test(text);
}

/** What makes a text plain: `markdown/plain.ts`, once it is loaded. Until then, texts stay as they were typed. */
export const toPlain = signal((text: string) => text);

const DIRECTIONS = /[\u202a-\u202e\u2066-\u2069]/g; // which would turn what stands behind the text, too

/** The beginning of a text in one line, to stand in a sentence. */
export function excerpt(text: string, most: number): string {
  const characters = [...text.replace(DIRECTIONS, "").replace(/\s+/g, " ").trim()];
  return characters.slice(0, most).join("") + (characters.length > most ? "…" : "");
}

/** What is pasted into a message as text: nothing where that is only what the pasted files are called. */
export function pastedText(text: string, names: readonly string[]): string {
  const lines = text.split(/\r?\n/).map((line) => line.trim()).filter(Boolean);
  return lines.length > 0 && lines.every((line) => names.some((name) => line.endsWith(name))) ? "" : text;
}
