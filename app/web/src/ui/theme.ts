/** Light, dark, or as the system has it; a choice is kept for the next visit (public/theme.js sets it before painting). */

import { signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const KEY = "parley.theme";

function chosen(): Theme {
  const set = document.documentElement.dataset["theme"];
  return set === "light" || set === "dark" ? set : "system";
}

export const theme = signal<Theme>(chosen());

export function setTheme(next: Theme): void {
  theme.value = next;
  const root = document.documentElement;
  if (next === "system") root.removeAttribute("data-theme");
  else root.dataset["theme"] = next;
  try {
    if (next === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch (error) {
    // Storage may be forbidden; the choice then holds for this visit.
    console.info("The theme is not kept:", error);
  }
}
