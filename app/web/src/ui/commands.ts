/** All that one can ask the page for wherever one is: the switcher finds it, and keys do it. */

import { model } from "../model";
import { question } from "./confirm";
import { chordOf } from "./keys";
import { listed, type Listed } from "./listed";
import { closeDialog, openDialog } from "./open-dialog";
import { go, route, togglePanel } from "./route";
import { lightbox } from "./room-state";
import { attempt } from "./toasts";

export interface Command {
  name: string;
  run: () => void;
  /** The chords that do it, as `chordOf` has them. */
  keys?: readonly string[];
}

type DialogName = NonNullable<typeof openDialog.value>;

/** Opens a dialog; by its keys it closes as well. */
const dialog = (name: DialogName) => () => { openDialog.value = openDialog.peek() === name ? null : name; };

/** Goes to the next place of the lists that fits, from the open one on. */
function step(by: 1 | -1, fits: (one: Listed) => boolean): void {
  const places = listed();
  const at = route.peek();
  const here = at.name === "room" ? places.findIndex(({ roomId }) => roomId === at.roomId) : -1;
  const start = here >= 0 ? here : by > 0 ? -1 : places.length;
  for (let n = 1; n <= places.length; n += 1) {
    const place = places[(start + by * n + 2 * places.length) % places.length];
    if (place && fits(place)) return go({ name: "room", roomId: place.roomId, panel: null });
  }
}

const any = () => true;
const waits = (one: Listed) => one.waits;

export const COMMANDS: readonly Command[] = [
  { name: "Go to a room, a person or a command", keys: ["Mod+k"], run: dialog("switcher") },
  { name: "Keyboard shortcuts", keys: ["Mod+/", "?"], run: dialog("shortcuts") },
  { name: "Next room", keys: ["Alt+ArrowDown"], run: () => step(1, any) },
  { name: "Previous room", keys: ["Alt+ArrowUp"], run: () => step(-1, any) },
  { name: "Next room with something unread", keys: ["Alt+Shift+ArrowDown"], run: () => step(1, waits) },
  { name: "Previous room with something unread", keys: ["Alt+Shift+ArrowUp"], run: () => step(-1, waits) },
  { name: "Search messages", keys: ["Mod+Shift+f"], run: () => togglePanel("search") },
  { name: "Mentions", keys: ["Mod+Shift+m"], run: dialog("mentions") },
  { name: "Saved messages", keys: ["Mod+Shift+s"], run: dialog("saved") },
  { name: "Threads", run: dialog("threads") },
  { name: "New message", run: dialog("new-message") },
  { name: "Create a room", run: dialog("new-room") },
  { name: "Discover rooms", run: dialog("discover") },
  {
    name: "Notes to yourself",
    run: () => {
      const me = model.me.peek();
      if (me) void attempt(() => model.startConversation(me));
    },
  },
  { name: "Your account", run: dialog("account") },
  { name: "Notifications", run: dialog("notifications") },
  { name: "Privacy", run: dialog("privacy") },
];

/** Whether a key belongs to what one types. */
function types(event: KeyboardEvent, chord: string): boolean {
  const inField = event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable]");
  return Boolean(inField) && !/^(Mod|Alt)\+/.test(chord);
}

/** Call once. Before whatever has the focus, for a field keeps its keys to itself; a question is to be answered first. */
export function takeKeys(): void {
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || model.me.peek() === null || question.peek() || lightbox.peek()) return;
    const chord = chordOf(event);
    const command = COMMANDS.find(({ keys }) => keys?.includes(chord));
    if (!command || types(event, chord)) return;
    event.preventDefault();
    event.stopPropagation();
    const open = openDialog.peek();
    command.run();
    if (open && openDialog.peek() === open) closeDialog(); // what it leads to is behind the dialog
  }, true);
}
