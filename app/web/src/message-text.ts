/** What is sent of a text, and how long it may be, in the characters that the server counts: an emoji of two UTF-16 units is one. */

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

/** What is pasted into a message as text: nothing where that is only what the pasted files are called. */
export function pastedText(text: string, names: readonly string[]): string {
  const lines = text.split(/\r?\n/).map((line) => line.trim()).filter(Boolean);
  return lines.length > 0 && lines.every((line) => names.some((name) => line.endsWith(name))) ? "" : text;
}
