import { expect, test } from "vitest";
import { PALETTE } from "../src/ui/emoji";

test("the emojis are found by their names, by words that go with them, and by themselves", async () => {
  const { find, GROUPS } = await import("../src/ui/emoji-data");
  const kinds = (query: string) => find(query).flatMap(({ emojis }) => emojis.map(({ kind }) => kind));
  expect(GROUPS.length).toBeGreaterThanOrEqual(8);
  expect(kinds("").length).toBeGreaterThan(1800);
  expect(kinds("pizza")).toContain("🍕");
  expect(kinds("PIZ")).toContain("🍕");
  expect(kinds("red heart")).toContain("❤️");
  expect(kinds("🍕")).toEqual(["🍕"]);
  expect(kinds("no such thing")).toEqual([]);
  for (const [kind] of PALETTE) expect(kinds("")).toContain(kind);
});
