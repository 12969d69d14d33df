import { expect, test } from "vitest";
import { colourOf } from "../src/ui/hues";

test("people have many colours, and each has always the same", () => {
  const ids = Array.from({ length: 400 }, (_, index) => `0197c5f0-0000-7000-8000-${String(index).padStart(12, "0")}`);
  const colours = ids.map((id) => JSON.stringify(colourOf(id)));
  expect(new Set(colours).size).toBe(32);
  expect(ids.map((id) => JSON.stringify(colourOf(id)))).toEqual(colours);
});
