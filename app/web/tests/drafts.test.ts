import { expect, test } from "vitest";
import { inTurn, nextTurn } from "../src/chosen-files";
import { Kept, memoryShelf, type Shelf } from "../src/client";
import { Drafts } from "../src/drafts";
import { excess, pastedText } from "../src/message-text";
import type { Draft } from "../src/model";
import { shelfOr } from "../src/shelves";

const PLACE = { roomId: "hall" };
const draft = (text: string): Draft => ({ text, replyTo: null, attachments: [] });

/** A tab of a browser; loading it again keeps its own shelf. */
function tab(shared: Shelf, own = memoryShelf()) {
  const drafts = new Drafts(new Kept(shared), new Kept(own), () => "ada");
  return { drafts, text: () => drafts.get(PLACE).text, write: (text: string) => drafts.set(PLACE, draft(text)), reload: () => tab(shared, own) };
}

test("two tabs keep a draft each, and a new tab has the last one", () => {
  const shared = memoryShelf();
  const [one, other] = [tab(shared), tab(shared)];
  one.write("one");
  other.write("other");
  expect([one.reload().text(), other.reload().text(), tab(shared).text()]).toEqual(["one", "other", "other"]);
});

test("what one tab sends is gone there, and only there", () => {
  const shared = memoryShelf();
  const [one, other] = [tab(shared), tab(shared)];
  one.write("one");
  other.write("other");
  one.write("");
  expect([one.reload().text(), other.reload().text(), tab(shared).text()]).toEqual(["", "other", "other"]);
  other.write("");
  expect([other.reload().text(), tab(shared).text()]).toEqual(["", ""]);
});

test("a draft that was taken up in a new tab is gone when that has sent it", () => {
  const shared = memoryShelf();
  tab(shared).write("one");
  const next = tab(shared);
  expect(next.text()).toBe("one");
  next.write("");
  expect(tab(shared).text()).toBe("");
});

test("edits are kept by message, and none is left after signing out", () => {
  const shared = memoryShelf();
  const { drafts, write } = tab(shared);
  drafts.setEdit("hall", "m1", "one");
  drafts.setEdit("hall", "m2", "two");
  drafts.setEdit("hall", "m1", null);
  expect(tab(shared).drafts.edits("hall")).toEqual({ m2: "two" });
  write("secret");
  drafts.clear();
  expect([shared.length, drafts.get(PLACE).text]).toEqual([0, ""]);
});

test("files stand in the order of their choice", () => {
  const [a, b, c] = [nextTurn(), nextTurn(), nextTurn()];
  const files = [{ id: "c", turn: c }, { id: "old" }, { id: "a", turn: a }, { id: "older" }, { id: "b", turn: b }];
  expect(inTurn(files).map(({ id }) => id)).toEqual(["old", "older", "a", "b", "c"]);
});

test.each([
  ["a".repeat(10_000), 0], ["a".repeat(10_432), 432], ["👍".repeat(10_000), 0], ["👍".repeat(10_001), 1],
  [` \n  ${"a".repeat(9_998)} \n`, 0], [`  ${"a".repeat(9_999)}`, 1],
])("how much too long a message is, with the indentation of its first line", (text, by) => {
  expect(excess(text)).toBe(by);
});

test.each([
  ["A caption", ["image.png"], "A caption"],
  ["photo.jpg", ["photo.jpg"], ""],
  ["/home/ann/a.txt\r\n/home/ann/b.txt", ["a.txt", "b.txt"], ""],
  ["photo.jpg is nice", ["photo.jpg"], "photo.jpg is nice"],
  ["", ["image.png"], ""],
])("text that is pasted with files", (text, names, left) => {
  expect(pastedText(text, names)).toBe(left);
});

test("where a browser forbids to keep anything, memory does", () => {
  const refused = shelfOr(() => { throw new DOMException("denied", "SecurityError"); });
  new Kept(refused.shelf).set("key", 1);
  expect([refused.forbidden, new Kept(refused.shelf).get("key")]).toEqual([true, 1]);
  expect(() => shelfOr(() => { throw new TypeError("ours"); })).toThrow("ours");
  expect(shelfOr(memoryShelf).forbidden).toBe(false);
});
