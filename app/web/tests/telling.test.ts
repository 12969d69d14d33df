import { expect, test } from "vitest";
import type { NotificationSettings } from "../src/client";
import { concerns, type Heard, inWords, isQuiet, levelIn, waiting } from "../src/telling/rules";
import { message } from "./server";

const SETTINGS: NotificationSettings = {
  level: "mentions", content: "text", quiet: false, quietFrom: "22:00", quietTo: "07:00", timeZone: "UTC", mutedUntil: null,
};

function heard(change: Partial<Heard> = {}): Heard {
  return { message: message(1, "bob", { content: "Tea?" }), room: "Kitchen", named: false, followed: false, muted: false, level: "mentions", ...change };
}

const IN_THREAD = message(2, "bob", { replyTo: "m1", alsoToRoom: false });

test.each<[Partial<Heard>, boolean]>([
  [{}, false],
  [{ named: true }, true],
  [{ room: null }, true],
  [{ level: "all" }, true],
  [{ level: "all", muted: true }, false],
  [{ level: "nothing", room: null, named: true }, false],
  [{ named: true, muted: true }, false],
  [{ followed: true }, true],
  [{ followed: true, named: true }, false], // told as a mention
  [{ followed: true, room: null }, false], // told as direct
  [{ followed: true, level: "all" }, false], // told as any message
  [{ followed: true, level: "all", message: IN_THREAD }, true],
  [{ level: "all", message: IN_THREAD }, false],
  [{ named: true, message: IN_THREAD }, true],
  [{ followed: true, level: "nothing", message: IN_THREAD }, false],
])("what concerns one: %j", (change, expected) => {
  expect(concerns(heard(change))).toBe(expected);
});

test("a room's own level counts before the user's", () => {
  expect(levelIn("mentions", "all")).toBe("all");
  expect(levelIn("mentions", "default")).toBe("mentions");
  expect(levelIn("nothing", undefined)).toBe("nothing");
});

test.each<[Partial<NotificationSettings>, string, boolean]>([
  [{}, "2026-11-29T23:00:00Z", false],
  [{ quiet: true }, "2026-11-29T21:59:00Z", false],
  [{ quiet: true }, "2026-11-29T22:00:00Z", true],
  [{ quiet: true }, "2026-11-30T06:59:00Z", true],
  [{ quiet: true }, "2026-11-30T07:00:00Z", false],
  [{ quiet: true, quietFrom: "12:00", quietTo: "13:00" }, "2026-11-29T12:30:00Z", true],
  [{ quiet: true, quietFrom: "12:00", quietTo: "13:00" }, "2026-11-29T13:00:00Z", false],
  [{ quiet: true, quietFrom: "12:00", quietTo: "12:00" }, "2026-11-29T12:00:00Z", false],
  [{ quiet: true, timeZone: "Asia/Tokyo" }, "2026-11-29T14:00:00Z", true], // 23:00 there
  [{ quiet: true, timeZone: "Asia/Tokyo" }, "2026-11-29T23:00:00Z", false], // 08:00 there
  [{ mutedUntil: "2026-11-29T12:00:00Z" }, "2026-11-29T11:59:59Z", true],
  [{ mutedUntil: "2026-11-29T12:00:00Z" }, "2026-11-29T12:00:01Z", false],
])("quiet with %j at %s", (change, at, expected) => {
  expect(isQuiet({ ...SETTINGS, ...change }, new Date(at))).toBe(expected);
});

test("as much is shown as the user wants", () => {
  expect(inWords(heard(), "text")).toEqual({ title: "bob in Kitchen", body: "Tea?" });
  expect(inWords(heard({ room: null }), "sender")).toEqual({ title: "bob", body: "A direct message" });
  expect(inWords(heard({ named: true }), "none")).toEqual({ title: "Parley", body: "You were mentioned" });
  const long = message(2, "bob", { content: `a\n\nb ${"x".repeat(200)}` });
  expect(inWords(heard({ message: long }), "text").body).toBe(`a b ${"x".repeat(116)}…`);
});

test("mentions of rooms and messages of conversations wait for one", () => {
  expect(waiting([{ mentions: 2 }, { mentions: 0 }], [{ unread: 3 }])).toBe(5);
});
