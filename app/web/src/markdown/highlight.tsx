/** Colours of code: highlight.js, whose tokens become elements. */

import { common, createLowlight } from "lowlight";
import type { ComponentChildren } from "preact";

const lowlight = createLowlight(common);

// Some grammars compare each word with the rest of its line or text: these take 0.1 s at most.
const LONGEST = 4000; // UTF-16 units
const LONG_LINE = /[^\n]{401}/;

type Token = ReturnType<typeof lowlight.highlight>["children"][number];

function elementOf(token: Token): ComponentChildren {
  if (token.type === "text") return token.value;
  if (token.type !== "element") return null;
  const names = token.properties["className"];
  return <span class={Array.isArray(names) ? names.join(" ") : ""}>{token.children.map((child) => elementOf(child as Token))}</span>;
}

/** The text in colours; null where the language is not known, or the text is longer than is quick to colour. */
export function highlight(text: string, language: string): ComponentChildren {
  if (text.length > LONGEST || LONG_LINE.test(text)) return null;
  return lowlight.registered(language) ? lowlight.highlight(language, text).children.map(elementOf) : null;
}
