import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Calling } from "../src/client/connection";
import { failure } from "../src/client/errors";
import { Typing } from "../src/client/typing";

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => void vi.useRealTimers());

function typing(clockOffset = 0) {
  const told: string[] = [];
  const call: Calling["call"] = (event, payload) => {
    told.push(`${event} ${(payload as { roomId: string }).roomId}`);
    return Promise.reject(failure("timeout"));
  };
  const it = new Typing({ online: true, call, clockOffset });
  const take = (userId: string, left: number | null) =>
    it.take({
      roomId: "hall", userId, isTyping: left !== null,
      expiresAt: left === null ? null : new Date(Date.now() + clockOffset + left).toISOString(),
    });
  return { it, told, take, who: () => it.rooms.value.get("hall") ?? [] };
}

test("typing is told at most every two seconds, and its end once", () => {
  const { it, told } = typing();
  for (let key = 0; key < 21; key += 1) {
    it.start("hall");
    vi.advanceTimersByTime(200);
  }
  expect(told).toEqual(["typing:start hall", "typing:start hall", "typing:start hall"]);
  it.stop("hall");
  it.stop("hall");
  expect(told.slice(3)).toEqual(["typing:stop hall"]);
});

test("going on in another room ends it in the first", () => {
  const { it, told } = typing();
  it.start("hall");
  it.start("cellar");
  expect(told).toEqual(["typing:start hall", "typing:stop hall", "typing:start cellar"]);
});

test("after a message was sent there is no end to tell, and a new beginning is told at once", () => {
  const { it, told } = typing();
  it.start("hall");
  it.sent("hall");
  it.stop("hall");
  it.start("hall");
  expect(told).toEqual(["typing:start hall", "typing:start hall"]);
});

test.each([0, 3_600_000, -3_600_000])("others' typing ends when it expires, with clocks %i ms apart", (offset) => {
  const { take, who } = typing(offset);
  take("bob", 3000);
  take("cleo", 5000);
  take("bob", 4000);
  expect(who()).toEqual(["cleo", "bob"]);
  vi.advanceTimersByTime(3999);
  expect(who()).toEqual(["cleo", "bob"]);
  vi.advanceTimersByTime(1);
  expect(who()).toEqual(["cleo"]);
  take("cleo", null);
  expect(who()).toEqual([]);
});

test("it ends with the message, and with the connection", () => {
  const { it, take, who } = typing();
  take("bob", 3000);
  it.end("hall", "bob");
  expect(who()).toEqual([]);
  take("bob", 3000);
  it.forgetAll();
  expect(who()).toEqual([]);
});
