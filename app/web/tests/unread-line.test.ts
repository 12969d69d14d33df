import { expect, test } from "vitest";
import type { Message } from "../src/client/contract";
import { firstUnseen, left, opened, overrun, place, returned, type UnreadLine } from "../src/unread-line";
import { message } from "./server";

/** Messages by who wrote them: "a" is oneself, "x" a deleted one; the first has seq 1. */
function said(by: string): Message[] {
  return [...by].map((who, index) =>
    message(index + 1, who === "x" ? "b" : who, who === "x" ? { deletedAt: "2026-01-01T00:00:00Z" } : {}));
}

function over(line: UnreadLine, messages: Message[]): number {
  return messages[firstUnseen(messages, place(line, messages, "a"), "a")]?.seq ?? 0;
}

test.each([
  ["the first after one's mark", opened(2), "bbbb", 3],
  ["the very first of the room", opened(0), "bbb", 1],
  ["not one's own, nor a deleted one", opened(1), "baxb", 4],
  ["nowhere where all is read", opened(null), "bbb", 0],
  ["what came while nobody looked", left(opened(null), 2), "bbbb", 3],
  ["where it was while nothing new came", left(opened(1), 3), "bbb", 2],
  ["not at what one wrote elsewhere meanwhile", left(opened(null), 1), "baa", 0],
  ["what did not fit on the screen", overrun(opened(1), 4), "bbbbbb", 5],
] as const)("the line stands at %s", (_, line, by, seq) => {
  expect(over(line, said(by))).toBe(seq);
});

test("the line stays when somebody looks again, and what comes then has none of its own", () => {
  const back = returned(left(opened(null), 2), said("bbbb"), "a");
  expect(over(back, said("bbbbbb"))).toBe(3);
  const nothingNew = returned(left(opened(null), 4), said("bbbb"), "a");
  expect(over(nothingNew, said("bbbbbb"))).toBe(0);
});

test("the line goes to what is new each time that nobody looked", () => {
  const once = returned(left(opened(null), 1), said("bb"), "a");
  expect(over(left(once, 3), said("bbbb"))).toBe(4);
});
