/** Completion of @names while one writes. */

import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useId } from "preact/hooks";
import type { UserRef } from "../client";
import { model } from "../model";
import { Avatar } from "./avatar";
import { shortNameOf } from "./format";
import { loaded } from "./load-later";

export const MOST_NAMES = 8;

/** The name being typed before the caret: where its @ stands, and what follows it so far. */
function typedName(text: string, caret: number): { start: number; name: string } | null {
  const match = /(?:^|[\s([{"'*_~>,;:])[@＠]([A-Za-z0-9_.-]{0,50})$/.exec(text.slice(0, caret));
  return match ? { start: caret - (match[1] ?? "").length - 1, name: match[1] ?? "" } : null;
}

/** `take` gets the text and the caret's place after a name was chosen. */
export function useCompletion(take: (text: string, caret: number) => void) {
  const id = useId();
  const typed = useSignal<{ text: string; caret: number; start: number; name: string } | null>(null);
  const chosen = useSignal(0);
  const found = useComputed(() => (typed.value ? loaded()?.mentionable(typed.value.name) ?? [] : []));
  const asked = typed.value?.name;

  useEffect(() => {
    chosen.value = 0;
    // A large room's members come page by page; a failure leaves those that are there.
    const open = model.openedRoom.peek();
    if (asked !== undefined && found.peek().length < MOST_NAMES && open?.moreMembers.peek()) {
      model.loadMoreMembers().catch((error: unknown) => console.info("No more members for the completion:", error));
    }
  }, [asked]);

  const watch = (text: string, caret: number) => {
    const name = typedName(text, caret);
    typed.value = name && { text, caret, ...name };
  };
  const close = () => { typed.value = null; };
  const choose = (user: UserRef) => {
    const at = typed.value;
    if (!at) return;
    const before = `${at.text.slice(0, at.start)}@${user.username} `;
    close();
    take(before + at.text.slice(at.caret).replace(/^ /, ""), before.length);
  };
  /** Takes the keys that belong to the list; tells whether it did. */
  const onKey = (event: KeyboardEvent): boolean => {
    const people = found.value;
    if (people.length === 0) return false;
    const user = people[chosen.value];
    if (event.key === "ArrowDown") chosen.value = (chosen.value + 1) % people.length;
    else if (event.key === "ArrowUp") chosen.value = (chosen.value + people.length - 1) % people.length;
    else if ((event.key === "Enter" || event.key === "Tab") && user) choose(user);
    else if (event.key === "Escape") close();
    else return false;
    event.preventDefault();
    return true;
  };

  const open = found.value.length > 0;
  const attributes = {
    "aria-autocomplete": "list",
    "aria-haspopup": "listbox",
    "aria-controls": open ? id : undefined,
    "aria-activedescendant": open ? `${id}-${chosen.value}` : undefined,
  } as const;
  const list = open && (
    <ul id={id} class="completion" role="listbox" aria-label="People to mention">
      {found.value.map((user, index) => (
        <li key={user.id} id={`${id}-${index}`} role="option" aria-selected={index === chosen.value}
          onPointerDown={(event) => { event.preventDefault(); choose(user); }}
          onPointerEnter={() => (chosen.value = index)}>
          <Avatar user={user} size="small" />
          <span class="truncate">{shortNameOf(user)}</span>
          <small class="truncate">@{user.username}</small>
        </li>
      ))}
    </ul>
  );
  return { watch, close, onKey, attributes, list };
}
