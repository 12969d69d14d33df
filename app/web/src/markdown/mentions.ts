/** The mentions in a piece of a message's text: which they are, the server has told; here is where they stand. */

const NAME = /[@＠﹫]([A-Za-z0-9_.-]{3,})/g;
const NOT_BEFORE = /[\p{L}\p{N}\p{M}@＠﹫/\\=]$/u;
/** Scripts without spaces, or with endings that follow a name at once: as `app/messages/mentions.py` has them. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Myanmar}\p{Script=Khmer}]$/u;

export interface Piece {
  text: string;
  mention: boolean;
}

/** The longest of the names that begins what is written: "@ann.Thanks" is Ann at a sentence's end. */
function nameIn(written: string, names: ReadonlySet<string>): string | null {
  for (let end = Math.min(written.length, 50); end >= 3; end -= 1) {
    const rest = written.slice(end);
    const ends = rest === "" || /^[.-]/.test(rest) || /^_+(?![A-Za-z0-9])/.test(rest);
    if (ends && names.has(written.slice(0, end).toLowerCase())) return written.slice(0, end);
  }
  return null;
}

/** The pieces of a text. */
export function withMentions(text: string, names: ReadonlySet<string>): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(NAME)) {
    const before = text.slice(0, match.index).replace(/_+$/, "");
    if (NOT_BEFORE.test(before) && !UNSPACED.test(before) && !(before.endsWith("/") && end === match.index - 1)) continue;
    const name = nameIn(match[1]!, names);
    if (name === null) continue;
    if (match.index > end) pieces.push({ text: text.slice(end, match.index), mention: false });
    end = match.index + 1 + name.length;
    pieces.push({ text: text.slice(match.index, end), mention: true });
  }
  if (end < text.length) pieces.push({ text: text.slice(end), mention: false });
  return pieces;
}
