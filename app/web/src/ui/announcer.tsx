/** What screen readers hear without looking for it: new messages, and that something was done. */

import { signal } from "@preact/signals";
import { onSignedOut } from "./signed-out";

const said = signal({ text: "", turn: 0 });

export function announce(text: string): void {
  // The same text twice would be no change, and so not be read: a space tells the two apart.
  said.value = { text: text + (said.value.turn % 2 ? "\u00a0" : ""), turn: said.value.turn + 1 };
}

onSignedOut(() => announce(""));

export function Announcer() {
  return <div class="sr-only" role="log" aria-live="polite" aria-label="Announcements">{said.value.text}</div>;
}
