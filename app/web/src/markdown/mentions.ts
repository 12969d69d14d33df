/**
 * The mentions in a message's text: which they are, the server has told; here is where they stand. What may be one is
 * as `app/messages/mentions.py` has it: tests/app/messages/mentions.json holds the two together.
 */

import { isBare, type Node, type Parent } from "./parse";

const NAME = /[@＠﹫]([A-Za-z0-9_.-]{3,})/g;
const LONGEST = 50; // characters of a username
const OF_WORD = /^[\p{L}\p{N}\p{M}]$/u;
/** Of scripts that have no spaces between words, or in which endings follow a name at once. */
const UNSPACED = new RegExp("^[\\u0e00-\\u0eff\\u1000-\\u109f\\u1100-\\u11ff\\u1780-\\u17ff\\u3005-\\u3007\\u3031-\\u30ff"
  + "\\u3130-\\u318f\\u31f0-\\u31ff\\u3400-\\u9fff\\ua960-\\ua97f\\uac00-\\ud7ff\\uf900-\\ufaff\\uff66-\\uff9f"
  + "\\u{20000}-\\u{3ffff}]$", "u");

/** The tree with nodes for those of the names, in lower case, that are mentioned in it. */
export function withMentions(parent: Parent, names: ReadonlySet<string>): Parent {
  const children = parent.children.flatMap((node, index): Node[] => {
    if (node.type === "text") return node.literal ? [node] : piecesOf(node.text, names, isBare(parent.children[index - 1]));
    return ["children" in node && !isBare(node) ? withMentions(node, names) : node];
  });
  return { ...parent, children };
}

/** `afterWord`: there is a word right before the text. */
function piecesOf(text: string, names: ReadonlySet<string>, afterWord: boolean): Node[] {
  const pieces: Node[] = [];
  let [end, lastEnd] = [0, -1];
  for (const match of text.matchAll(NAME)) {
    const written = match[1]!;
    const behind = match.index + match[0].length;
    if (afterWord && match.index === 0) continue;
    if (!begins(text, match.index, lastEnd)) continue;
    const ends = endsOf(written, charactersAt(text, behind));
    if (ends.length) lastEnd = behind;
    const length = ends.find((place) => names.has(written.slice(0, place).toLowerCase()));
    if (length === undefined) continue;
    if (match.index > end) pieces.push({ type: "text", text: text.slice(end, match.index) });
    end = match.index + 1 + length;
    pieces.push({ type: "mention", text: text.slice(match.index, end) });
  }
  if (end < text.length) pieces.push({ type: "text", text: text.slice(end) });
  return pieces;
}

/** Whether an @ begins a mention: it is no part of a word, an address or a path. "@ann/@bob" are two. */
function begins(text: string, at: number, lastEnd: number): boolean {
  let place = at;
  while (text[place - 1] === "_") place -= 1;
  const before = [...text.slice(Math.max(0, place - 2), place)].at(-1) ?? "";
  return before === "" || (before === "/" && lastEnd === at - 1) || !("@＠﹫/\\=".includes(before) || isOfWord(before));
}

/** Where a name may end in what is written after an @, the longest first: "@ann.Thanks" is Ann at a sentence's end. */
function endsOf(written: string, [following = "", next = ""]: string[]): number[] {
  const ends: number[] = [];
  for (let place = Math.min(written.length, LONGEST); place >= 3; place -= 1) {
    const rest = written.slice(place);
    if (rest === "" ? !goesOn(written, following, next) : /^(?:[.-]|_+(?![A-Za-z0-9_]))/.test(rest)) ends.push(place);
  }
  return ends;
}

/** Whether a name is one of the fediverse, of a package or of another word; in "@ann.@bob" the dot ends a sentence. */
function goesOn(written: string, following: string, next: string): boolean {
  if (following === "" || !("@＠﹫/".includes(following) || isOfWord(following))) return false;
  return isOfWord(following) || (/^[\p{L}\p{N}]$/u.test(next) && /[A-Za-z0-9]$/.test(written));
}

/** The two characters that stand there. */
function charactersAt(text: string, place: number): string[] {
  return [...text.slice(place, place + 4)].slice(0, 2);
}

/** Whether a character stands in one word with the letters beside it. */
function isOfWord(character: string): boolean {
  return OF_WORD.test(character) && !UNSPACED.test(character);
}
