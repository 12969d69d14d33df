import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ClientEvent, DataOf, PayloadOf } from "../src/client/contract";
import { Reading } from "../src/reading";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function reading() {
  const told: unknown[] = [];
  const call = async <E extends ClientEvent>(_: E, payload: PayloadOf<E>) => {
    told.push(payload);
    return {} as DataOf<E>;
  };
  return { told, reading: new Reading({ online: true, call }, () => undefined) };
}

test("how far one has read is told seldom, and only further", async () => {
  const { told, reading: marks } = reading();
  expect([marks.mark("hall", 3), marks.mark("hall", 5), marks.mark("hall", 4)]).toEqual([true, true, false]);
  expect(told).toEqual([]);
  await vi.advanceTimersByTimeAsync(500);
  expect(told).toEqual([{ roomId: "hall", seq: 5 }]);
  expect(marks.mark("hall", 5)).toBe(false);
});

test("who leaves the page has told how far they have read", async () => {
  const { told, reading: marks } = reading();
  marks.mark("hall", 3);
  marks.flush();
  expect(told).toEqual([{ roomId: "hall", seq: 3 }]);
  await vi.advanceTimersByTimeAsync(500);
  expect(told).toHaveLength(1);
});

test("what is marked as unread is not told as read before the room is opened again", async () => {
  const { told, reading: marks } = reading();
  marks.mark("hall", 4);
  await vi.advanceTimersByTimeAsync(500);
  marks.mark("hall", 5);
  marks.hold("hall");
  expect([marks.mark("hall", 6), marks.mark("yard", 2)]).toEqual([false, true]);
  await vi.advanceTimersByTimeAsync(500);
  expect(told).toEqual([{ roomId: "hall", seq: 4 }, { roomId: "yard", seq: 2 }]);
  marks.release("yard");
  expect(marks.mark("hall", 6)).toBe(false);
  marks.release("hall");
  expect(marks.mark("hall", 4)).toBe(true);
});
