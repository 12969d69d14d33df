import { expect, test } from "vitest";
import { plainText } from "../src/markdown/plain";
import { excerpt, toPlain } from "../src/message-text";
import { Notices } from "../src/notices";
import { message } from "./server";

test("many mentions are one notice, with the room and the text of the last", () => {
  const notices = new Notices();
  const texts = () => notices.all.value.map(({ text }) => text);
  notices.mention(message(1, "bob", { roomId: "hall", content: "Look\nhere, @ada" }), "Hall");
  expect(texts()).toEqual(["bob mentioned you in Hall: “Look here, @ada”"]);
  const [first] = notices.all.value;
  notices.mention(message(2, "cleo", { roomId: "hall", content: `@ada ${"x".repeat(200)}` }), "Hall");
  expect(texts()).toEqual([`2 mentions of you in Hall, the last by cleo: “@ada ${"x".repeat(75)}…”`]);
  notices.mention(message(9, "dan", { roomId: "attic", content: "@ada" }), "Attic");
  expect(texts()).toEqual(["3 mentions of you in 2 places, the last by dan in Attic: “@ada”"]);
  expect(notices.all.value[0]).toMatchObject({ id: first!.id, message: { seq: 9 } });
  notices.tell("info", "Something else");
  notices.dismiss(first!.id);
  notices.mention(message(10, "dan", { roomId: "direct", content: "@ada" }), null);
  expect(texts()).toEqual(["Something else", "dan mentioned you: “@ada”"]);
});

test("a notice has the words of the text and not its markup, once that can be read", () => {
  toPlain.value = plainText;
  const notices = new Notices();
  notices.mention(message(1, "bob", { content: "**Look** at `this`, @ada:\n> [docs](https://a.example)" }), "Hall");
  expect(notices.all.value[0]!.text).toBe("bob mentioned you in Hall: “Look at this, @ada: > docs”");
});

test("an excerpt is a line of whole characters that turns nothing around", () => {
  expect(excerpt(" a\n\tb \u202e\u2066c", 10)).toBe("a b c");
  expect(excerpt("😀😀😀", 2)).toBe("😀😀…");
});
