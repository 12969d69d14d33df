/** A message's text with its links and mentions. Everything becomes text nodes: nothing in it can be markup. */

import type { ComponentChildren } from "preact";
import { model } from "../model";

const TOKEN = /(https?:\/\/[^\s<>"]+)|(?<![\w@])@([A-Za-z0-9_.-]{3,50})/g;
const CLOSING = /[.,;:!?'")\]}…]+$/;

/** A link ends before the punctuation of its sentence, but keeps a bracket that it opened itself. */
function trimLink(text: string): string {
  const trimmed = text.replace(CLOSING, "");
  return trimmed.includes("(") && text[trimmed.length] === ")" ? `${trimmed})` : trimmed;
}

function Link({ text }: { text: string }) {
  if (!URL.canParse(text)) return <>{text}</>;
  return <a href={text} target="_blank" rel="noopener noreferrer nofollow">{text}</a>;
}

/** The mentioned user whose name begins `written`: "@ann." may be Ann at a sentence's end. */
function mentioned(written: string, names: ReadonlySet<string>): string | null {
  for (let name = written; name.length >= 3; name = name.slice(0, -1)) {
    if (names.has(name.toLowerCase())) return name;
    if (!/[._-]$/.test(name)) return null;
  }
  return null;
}

interface RichTextProps {
  text: string;
  /** The ids of the users whom the server found in it. */
  mentions: readonly string[];
}

export function RichText({ text, mentions }: RichTextProps) {
  const me = model.me.value;
  const names = new Set(mentions.map((id) => (me?.id === id ? me : model.userOf(id))?.username.toLowerCase() ?? ""));
  const parts: ComponentChildren[] = [];
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    const [whole, link, name] = match;
    const piece = link ? trimLink(whole) : `@${mentioned(name ?? "", names) ?? ""}`;
    if (piece === "@") continue;
    parts.push(text.slice(end, match.index));
    const mine = me !== null && piece.slice(1).toLowerCase() === me.username.toLowerCase();
    parts.push(link ? <Link text={piece} /> : <span class={`mention ${mine ? "me" : ""}`}>{piece}</span>);
    end = match.index + piece.length;
  }
  parts.push(text.slice(end));
  return <>{parts}</>;
}

const JUMBO =
  /^(?:\p{Extended_Pictographic}(?:[\u{1F3FB}-\u{1F3FF}\u{FE0F}]|\u{200D}\p{Extended_Pictographic})*\s*){1,3}$/u;

/** One to three emoji and nothing else are shown large. */
export function isJumbo(text: string): boolean {
  return text.length <= 24 && JUMBO.test(text);
}
