/** A message's text without its markup, as it is shown in a line and read aloud. */

import { mayHaveMarkup } from "../message-text";
import { parse, type Node } from "./parse";

const REMEMBERED = 200; // texts

const known = new Map<string, string>();

/** A text as it looks: of links the words, before items their numbers, before quotes a `>`; lines stay lines. */
export function plainText(text: string): string {
  if (!mayHaveMarkup(text)) return text;
  const found = known.get(text);
  if (found !== undefined) return found;
  if (known.size >= REMEMBERED) known.clear();
  const plain = wordsOf(parse(text)).trim();
  known.set(text, plain);
  return plain;
}

function wordsOf(node: Node): string {
  switch (node.type) {
    case "text":
    case "mention":
    case "code":
    case "fence": return node.text;
    case "list": return node.children.map((item, index) => `${mark(node.start, index)} ${wordsOf(item)}`).join("\n");
    case "quote": return linesOf(node.children).replace(/^/gm, "> ");
    case "root":
    case "item": return linesOf(node.children);
    default: return node.children.map(wordsOf).join("");
  }
}

function mark(start: number | null, index: number): string {
  return start === null ? "•" : `${start + index}.`;
}

function linesOf(blocks: readonly Node[]): string {
  return blocks.map(wordsOf).join("\n");
}
