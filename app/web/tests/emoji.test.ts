import { expect, test } from "vitest";
import { PALETTE } from "../src/ui/emoji";
import { toned, TONES } from "../src/ui/toned";

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

test("an emoji that has tones has each of them, as fully-qualified emojis have", async () => {
  expect(["👍", "☝️", "👨‍💻", "🏌️‍♀️", "🧑‍🤝‍🧑", "🤝", "👩‍❤️‍👨", "🙋‍♂️"].map((kind) => toned(kind, "🏽"))).toEqual(
    ["👍🏽", "☝🏽", "👨🏽‍💻", "🏌🏽‍♀️", "🧑🏽‍🤝‍🧑🏽", "🤝🏽", "👩🏽‍❤️‍👨🏽", "🙋🏽‍♂️"],
  );
  const { GROUPS } = await import("../src/ui/emoji-data");
  const all = GROUPS.flatMap(({ emojis }) => emojis);
  expect(all.filter(({ tones }) => tones).length).toBeGreaterThan(300);
  const emoji = new RegExp("^\\p{RGI_Emoji}$", "v"); // the flag is newer than what the page is built for
  for (const [tone] of TONES.slice(1)) {
    for (const { kind } of all.filter(({ tones }) => tones)) expect(toned(kind, tone)).toMatch(emoji);
  }
  for (const [kind, , tones = false] of PALETTE) expect(all.find((one) => one.kind === kind)!.tones).toBe(tones);
});
