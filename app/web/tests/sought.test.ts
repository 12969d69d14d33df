import { expect, test } from "vitest";
import { partAround, soughtIn } from "../src/sought";

test.each([
  ["tea", "Green Tea, TEA!", ["Tea", "TEA"]],
  ['"green tea" cup', "green tea in a cup", ["green", "tea", "cup"]],
  ["tea or coffee", "tea or coffee", ["tea", "coffee"]],
  ["tea -milk from:ann has:file", "tea milk from ann has file", ["tea"]],
  ['in:"tea room" -"cold milk" green', "tea room cold milk green", ["green"]],
  ["-5", "it was -5", ["-5"]],
  ["C++ (a|b) $1.50 [x] a\\b", "C++ (a|b) $1.50 [x] a\\b", ["C++", "(a|b)", "$1.50", "[x]", "a\\b"]],
  ["from:ann", "from ann", []],
  ["-milk", "milk", []],
  ["", "milk", []],
  ["\ud83d", "🍵", []],
])("%j in %j", (query, text, found) => {
  const sought = soughtIn(query);
  expect(sought ? text.match(sought) ?? [] : []).toEqual(found);
});

test("of a long text, what is around the first word that was sought is shown", () => {
  expect(partAround("green tea", soughtIn("tea"))).toBe("green tea");
  expect(partAround("x".repeat(1000), null)).toBe("x".repeat(400));
  const shown = partAround(`${"😀".repeat(1000)} tea ${"y".repeat(1000)}`, soughtIn("tea"));
  expect(shown).toMatch(/^…😀{29} tea y{336}$/u);
});
