/** Colours of code: highlight.js, whose tokens become elements. */

import { common, createLowlight } from "lowlight";
import type { ComponentChildren } from "preact";

const lowlight = createLowlight(common);

type Token = ReturnType<typeof lowlight.highlight>["children"][number];

function elementOf(token: Token): ComponentChildren {
  if (token.type === "text") return token.value;
  if (token.type !== "element") return null;
  const names = token.properties["className"];
  return <span class={Array.isArray(names) ? names.join(" ") : ""}>{token.children.map((child) => elementOf(child as Token))}</span>;
}

/** The text in colours, or null where the language is not known. */
export function highlight(text: string, language: string): ComponentChildren {
  return lowlight.registered(language) ? lowlight.highlight(language, text).children.map(elementOf) : null;
}
