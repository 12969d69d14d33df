import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Changes, ClientEvent, DataOf, PayloadOf } from "../src/client/contract";
import { failure } from "../src/client/errors";
import { Follower } from "../src/client/follower";
import type { Change } from "../src/client/log";
import { message } from "./server";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function sent(seq: number): Extract<Change, { type: "message" }> {
  return { seq, type: "message", message: message(seq, "ada") };
}

function answer(seqs: number[], more: Partial<Changes> = {}): Changes {
  const last = seqs.at(-1) ?? 0;
  return { roomId: "room", changes: seqs.map(sent), nextSeq: last, lastSeq: last, hasMore: false, ...more };
}

/** A follower whose room is open or closed; `calls` is all that it did. */
function follower(open: boolean, sync: (afterSeq: number) => Promise<Changes>, { reload = true } = {}) {
  const calls: string[] = [];
  const call = async <E extends ClientEvent>(event: E, payload: PayloadOf<E>) => {
    const { afterSeq } = payload as PayloadOf<"room:sync">;
    calls.push(event === "room:sync" ? `sync after ${afterSeq}` : "get");
    return (event === "room:sync" ? await sync(afterSeq) : { lastSeq: 1 }) as DataOf<E>;
  };
  const follower = new Follower({ online: true, call }, {
    deliver: (_roomId, changes) => calls.push(...changes.map(({ seq }) => `apply ${seq}`)),
    isOpen: () => open,
    ...(reload ? { reload: () => calls.push("reload") } : {}),
    refresh: () => calls.push("refresh"),
    gone: () => calls.push("gone"),
  });
  return { follower, calls };
}

const never = () => Promise.reject(new Error("nothing should be asked for"));

test("a change that overtook another waits for it, and nothing is asked for", async () => {
  const { follower: it, calls } = follower(false, never);
  it.known("room", 1);
  it.receive("room", sent(3));
  await vi.advanceTimersByTimeAsync(200);
  it.receive("room", sent(2));
  await vi.advanceTimersByTimeAsync(1000);
  expect(calls).toEqual(["apply 2", "apply 3"]);
});

test("a room that is open before the lists are read is loaded once it is known where it stands", async () => {
  const { follower: it, calls } = follower(true, never);
  it.receive("room", sent(1));
  it.receive("room", sent(2));
  await it.sync("room");
  expect(calls).toEqual(["get", "reload", "apply 2"]);
});

test("a gap in an open room is asked for after its grace, and closed with what waited", async () => {
  const { follower: it, calls } = follower(true, () => Promise.resolve(answer([2, 3])));
  await it.sync("room");
  it.receive("room", sent(3));
  it.receive("room", sent(4));
  await vi.advanceTimersByTimeAsync(249);
  expect(calls).toEqual(["get", "reload"]);
  await vi.advanceTimersByTimeAsync(1);
  expect(calls.slice(2)).toEqual(["sync after 1", "apply 2", "apply 3", "apply 4"]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(calls).toHaveLength(6);
});

test("a gap in a closed room is closed by reading the room anew", async () => {
  const { follower: it, calls } = follower(false, never);
  it.known("room", 1);
  it.receive("room", sent(4));
  await vi.advanceTimersByTimeAsync(250);
  expect(calls).toEqual(["refresh"]);
  it.known("room", 3);
  expect(calls).toEqual(["refresh", "apply 4"]);
  expect(it.current("room")).toBe(true);
});

test("what is said in a conversation that is not listed has the lists read", async () => {
  const { follower: it, calls } = follower(false, never);
  it.receive("room", sent(7));
  await vi.advanceTimersByTimeAsync(250);
  expect(calls).toEqual(["refresh"]);
  it.known("room", 6);
  expect(calls).toEqual(["refresh", "apply 7"]);
});

test("events that come before the lists are applied once it is known where they go on", () => {
  const { follower: it, calls } = follower(false, never);
  it.receive("room", sent(7));
  it.receive("room", sent(8));
  expect(calls).toEqual([]);
  it.known("room", 7);
  expect(calls).toEqual(["apply 8"]);
});

test("who missed more than a page reads the room anew and follows from its end", async () => {
  const { follower: it, calls } = follower(true, () =>
    Promise.resolve(answer([2, 3], { hasMore: true, lastSeq: 900 })));
  await it.sync("room");
  await it.sync("room");
  it.receive("room", sent(901));
  expect(calls.slice(2)).toEqual(["sync after 1", "reload", "apply 901"]);
});

test("one who lost the connection applies nothing before the sync", async () => {
  let come: (answer: Changes) => void = () => undefined;
  const { follower: it, calls } = follower(true, () => new Promise((resolve) => (come = resolve)));
  await it.sync("room");
  it.lose();
  const syncing = it.sync("room");
  it.receive("room", sent(2));
  it.receive("room", sent(5));
  expect(calls.slice(2)).toEqual(["sync after 1"]);
  come(answer([3, 4]));
  await syncing;
  expect(calls.slice(3)).toEqual(["apply 3", "apply 4", "apply 5"]);
});

test("a server that is out of reach is asked again, and one that says no is believed", async () => {
  const refusals = [failure("unavailable"), failure("not_a_member")];
  const { follower: it, calls } = follower(true, () => Promise.reject(refusals.shift()!));
  await it.sync("room");
  it.lose();
  await it.sync("room");
  await vi.advanceTimersByTimeAsync(2000);
  expect(calls.slice(2)).toEqual(["sync after 1", "sync after 1", "gone"]);
});

test("without something to read anew, all pages are read, and live changes wait for the last", async () => {
  const pages = [answer([2, 3], { hasMore: true, lastSeq: 5 }), answer([4, 5])];
  const { follower: it, calls } = follower(true, () => {
    it.receive("room", sent(6));
    return Promise.resolve(pages.shift()!);
  }, { reload: false });
  it.follow("room", 1);
  await it.sync("room");
  expect(calls).toEqual([
    "sync after 1", "apply 2", "apply 3", "sync after 3", "apply 4", "apply 5", "apply 6",
  ]);
});

test("a log that has not come to where ours is, is another one: the room is read anew", async () => {
  const { follower: it, calls } = follower(false, () => Promise.reject(failure("conflict")));
  it.known("room", 7);
  await it.sync("room");
  expect(calls).toEqual(["sync after 7", "refresh"]);
  it.known("room", 3);
  it.receive("room", sent(4));
  expect(calls.slice(2)).toEqual(["apply 4"]);
});

test("what was never announced is asked for, unless it is applied", async () => {
  const { follower: it, calls } = follower(true, () => Promise.resolve(answer([2, 3])));
  await it.sync("room");
  it.syncNeeded("room", 1);
  await vi.advanceTimersByTimeAsync(1000);
  expect(calls).toEqual(["get", "reload"]);
  it.syncNeeded("room", 3);
  await vi.advanceTimersByTimeAsync(1000);
  expect(calls).toEqual(["get", "reload", "sync after 1", "apply 2", "apply 3"]);
});

test("a closed room in which a change was never announced is read anew", async () => {
  const { follower: it, calls } = follower(false, never);
  it.known("room", 1);
  it.syncNeeded("room", 2);
  await vi.advanceTimersByTimeAsync(1000);
  expect(calls).toEqual(["refresh"]);
});
