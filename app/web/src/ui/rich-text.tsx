/**
 * A message's text. What has markup, links or mentions is shown by a part of the page that is loaded later; until then,
 * and where it cannot be loaded, it stands as it was typed. Nothing in it can be HTML.
 */

import { useEffect, useMemo } from "preact/hooks";
import type { Message } from "../client";
import { mayHaveMarkup } from "../message-text";
import { model } from "../model";
import { ask, loaded } from "./load-later";

/** The names that the server found in a message, in lower case, and those of the groups that it calls. */
function namesOf({ mentions, groupMention }: Pick<Message, "mentions" | "groupMention">): string[] {
  const me = model.me.value;
  const users = mentions.flatMap((id) => (me?.id === id ? me : model.userOf(id)) ?? []);
  return [...users.map(({ username }) => username.toLowerCase()), ...(groupMention ? ["all", "here"] : [])];
}

export function RichText({ message }: { message: Pick<Message, "content" | "mentions" | "groupMention"> }) {
  const { content } = message;
  const render = mayHaveMarkup(content) ? loaded()?.renderText : null; // undefined: it has markup that cannot be shown yet
  const missing = render === undefined;
  useEffect(() => { if (missing) ask(); }, [missing]);
  const names = namesOf(message).join(" ");
  const me = model.me.value?.username.toLowerCase() ?? "";
  const shown = useMemo(() => render?.(content, names.split(" "), me) ?? content, [content, names, me, render]);
  return <>{shown}</>;
}

const JUMBO =
  /^(?:\p{Extended_Pictographic}(?:[\u{1F3FB}-\u{1F3FF}\u{FE0F}]|\u{200D}\p{Extended_Pictographic})*\s*){1,3}$/u;

/** One to three emoji and nothing else are shown large. */
export function isJumbo(text: string): boolean {
  return text.length <= 24 && JUMBO.test(text);
}
