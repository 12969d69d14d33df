/** The keys that the page takes. */

import { COMMANDS } from "./commands";
import { Dialog } from "./dialog";
import { ACT, CANCEL, EDIT_LAST, FIRST, LAST, NEW_LINE, NEXT, PREVIOUS, SEND, SEND_ON_TOUCH } from "./keys";
import { touch } from "./media";
import { closeDialog } from "./open-dialog";

type Keys = readonly (readonly [name: string, chords: readonly string[]])[];

const mac = /Mac|iPhone|iPad/.test(navigator.platform);
const NAMES: Record<string, string> = {
  Mod: mac ? "⌘" : "Ctrl", Alt: mac ? "⌥" : "Alt", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc",
};

const ANYWHERE: Keys = COMMANDS.flatMap(({ name, keys }) => (keys ? [[name, keys] as const] : []));
const SENDING = touch.peek() ? SEND_ON_TOUCH : SEND;
const WRITING: Keys = [
  ["Send", [SENDING]], ["New line", [touch.peek() ? SEND : NEW_LINE]], ["Edit your last message, in an empty field", [EDIT_LAST]],
  ["Answer nobody any more, or give up an edit", [CANCEL]],
];
const READING: Keys = [
  ["Previous and next message", [PREVIOUS, NEXT]], ["First and last message that are loaded", [FIRST, LAST]],
  ["To what can be done with a message", [ACT]], ["Back to the message, or close what is open", [CANCEL]],
];

function Chord({ chord }: { chord: string }) {
  return (
    <span class="chord">
      {chord.split("+").map((key) => <kbd key={key}>{NAMES[key] ?? (key.length === 1 ? key.toUpperCase() : key)}</kbd>)}
    </span>
  );
}

function Section({ title, keys }: { title: string; keys: Keys }) {
  return (
    <section>
      <h3>{title}</h3>
      <dl class="shortcuts">
        {keys.map(([name, chords]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{chords.map((chord, index) => <>{index > 0 && " or "}<Chord key={chord} chord={chord} /></>)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

export function ShortcutsDialog() {
  return (
    <Dialog readOnly title="Keyboard shortcuts" onClose={closeDialog}>
      <Section title="Anywhere" keys={ANYWHERE} />
      <Section title="Among messages" keys={READING} />
      <Section title="While you write" keys={WRITING} />
    </Dialog>
  );
}
