/** The keys that the page takes, each by its chord: those of one place here, those of the whole page in `commands`. */

/** As `chordOf` names it; `Mod` is Ctrl, or ⌘ on a Mac. */
export const SEND = "Enter";
export const SEND_ON_TOUCH = "Mod+Enter";
export const NEW_LINE = "Shift+Enter";
export const EDIT_LAST = "ArrowUp";
export const CANCEL = "Escape";
export const PREVIOUS = "ArrowUp";
export const NEXT = "ArrowDown";
export const FIRST = "Home";
export const LAST = "End";
export const ACT = "Enter";

/** What is pressed. Of a character that is no letter the Shift does not count: keyboards have it at different keys. */
export function chordOf({ key, ctrlKey, metaKey, altKey, shiftKey }: KeyboardEvent): string {
  const shift = shiftKey && (key.length > 1 || /[a-z]/i.test(key));
  const held = [ctrlKey || metaKey ? "Mod" : "", altKey ? "Alt" : "", shift ? "Shift" : ""].filter(Boolean);
  return [...held, key.length > 1 ? key : key.toLowerCase()].join("+");
}
