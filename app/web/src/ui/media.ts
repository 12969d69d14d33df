/** What the screen is like, as signals. */

import { signal, type ReadonlySignal } from "@preact/signals";

function matching(query: string): ReadonlySignal<boolean> {
  const list = matchMedia(query);
  const matches = signal(list.matches);
  list.addEventListener("change", () => {
    matches.value = list.matches;
  });
  return matches;
}

/** One column: either the lists, or a room, or a panel (styles/shell.css has the same width). */
export const narrow = matching("(max-width: 760px)");

/** Written with on a keyboard of the screen: there Enter begins a line, and a button sends. */
export const touch = matching("(hover: none) and (pointer: coarse)");

/** Whether the browser has a network: without a connection to the server, it is the server that is away. */
export const networkUp = signal(navigator.onLine);

for (const type of ["online", "offline"]) addEventListener(type, () => { networkUp.value = navigator.onLine; });

/** Whether what moves by itself is to stand still. */
export const still = matching("(prefers-reduced-motion: reduce)");

/** Whether somebody sees the page and has it in front: what they look at then counts as read. */
export const attentive = signal(isAttentive());

function isAttentive(): boolean {
  return document.visibilityState === "visible" && document.hasFocus();
}

for (const [target, name] of [[document, "visibilitychange"], [window, "focus"], [window, "blur"]] as const) {
  target.addEventListener(name, () => {
    attentive.value = isAttentive();
  });
}
