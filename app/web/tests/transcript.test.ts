import { expect, test } from "vitest";
import { transcript } from "../src/transcript";

test("several messages keep their authors, and one is its text", () => {
  const one = { who: "ann", time: "10:05", text: "Roses" };
  expect(transcript([one])).toBe("Roses");
  expect(transcript([one, { who: "ann", time: "10:06", text: "and\nbeans" }, { who: "bob", time: "10:07", text: "Peas" }]))
    .toBe("ann [10:05]\nRoses\nand\nbeans\n\nbob [10:07]\nPeas");
  expect(transcript([])).toBe("");
});
