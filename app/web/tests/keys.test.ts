import { expect, test } from "vitest";
import { chordOf } from "../src/ui/keys";

const NONE = { ctrlKey: false, metaKey: false, altKey: false, shiftKey: false };

test.each([
  ["Enter", {}, "Enter"],
  ["Enter", { shiftKey: true }, "Shift+Enter"],
  ["K", { ctrlKey: true, shiftKey: true }, "Mod+Shift+k"],
  ["k", { metaKey: true }, "Mod+k"],
  ["?", { shiftKey: true }, "?"], // on most keyboards
  ["/", { ctrlKey: true, shiftKey: true }, "Mod+/"], // on a German one
  ["ArrowUp", { altKey: true, shiftKey: true }, "Alt+Shift+ArrowUp"],
])("the chord of %s", (key, held, chord) => {
  expect(chordOf({ key, ...NONE, ...held } as KeyboardEvent)).toBe(chord);
});
