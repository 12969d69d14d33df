import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type ClientEvent, type DataOf, failure, type PayloadOf, type ThreadMark } from "../src/client";
import type { Change } from "../src/client/log";
import { LiveThread } from "../src/thread";
import { UnreadThreads } from "../src/threads";
import { message, RoomOnServer } from "./server";

const ROOM = "room";
const ME = "ada";

function mark(rootId: string, unread: number, more: Partial<ThreadMark> = {}): ThreadMark {
  return { roomId: ROOM, rootId, following: true, lastReadSeq: 0, unreadFrom: null, unread, ...more };
}

/** A link whose answers are made by `answers`, and given when `answer` is called. */
function held(answers: (event: ClientEvent, payload: Record<string, unknown>) => unknown) {
  const waiting: (() => void)[] = [];
  const asked: [string, unknown][] = [];
  const call = async <E extends ClientEvent>(event: E, payload: PayloadOf<E>) => {
    asked.push([event, payload]);
    const given = answers(event, payload as Record<string, unknown>);
    await new Promise<void>((resolve) => waiting.push(resolve));
    if (given instanceof Error) throw given;
    return structuredClone(given) as DataOf<E>;
  };
  const answer = async () => {
    for (const resolve of waiting.splice(0)) resolve();
    await vi.advanceTimersByTimeAsync(0);
  };
  return { link: { online: true, call }, asked, answer };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

// What is unread

function unread(listed: ThreadMark[]) {
  const server = { listed };
  const { link, asked, answer } = held(() => ({
    threads: server.listed.map((one) => ({ root: message(1, "bob", { id: one.rootId }), mark: one })), next: null,
  }));
  const threads = new UnreadThreads(link, () => ME);
  const counts = () => Object.fromEntries([...threads.all.value].map(([id, one]) => [id, one.unread]));
  const reply = (rootId: string, seq: number, senderId = "bob") => threads.replied(message(seq, senderId, {
    replyTo: rootId, thread: { rootId, replyCount: 1, lastReplySeq: seq, lastReplyAt: "", changeSeq: seq },
  }));
  return { threads, server, asked, answer, counts, reply };
}

test("others' replies to threads that one follows are unread until one has read them", async () => {
  const { threads, answer, counts, reply } = unread([mark("a", 2)]);
  void threads.read();
  await answer();
  expect(counts()).toEqual({ a: 2 });
  reply("a", 5);
  reply("b", 6);
  reply("b", 7, ME);
  expect(counts()).toEqual({ a: 3, b: 1 });
  threads.take(mark("a", 0, { lastReadSeq: 5 }));
  threads.take(mark("b", 1, { following: false }));
  expect(counts()).toEqual({});
});

test("a reply that comes while the list is read is not undone by it", async () => {
  const { threads, server, asked, answer, counts, reply } = unread([]);
  void threads.read();
  reply("a", 5);
  server.listed = [mark("a", 1)];
  await answer();
  expect(counts()).toEqual({ a: 1 });
  await vi.advanceTimersByTimeAsync(300);
  await answer();
  expect(asked).toHaveLength(2);
  expect(counts()).toEqual({ a: 1 });
});

test("of a reply that is deleted the server tells whether it was unread; a room that one has left has none", async () => {
  const { threads, server, answer, counts, reply } = unread([]);
  reply("a", 5);
  reply("b", 6);
  const thread = { rootId: "a", replyCount: 0, lastReplySeq: null, lastReplyAt: null, changeSeq: 7 };
  threads.apply([{ seq: 7, type: "deleted", messageId: "m5", deletedAt: "", thread }]);
  server.listed = [mark("b", 1)];
  await vi.advanceTimersByTimeAsync(300);
  await answer();
  expect(counts()).toEqual({ b: 1 });
  threads.left("another room");
  expect(counts()).toEqual({ b: 1 });
  threads.left(ROOM);
  expect(counts()).toEqual({});
});

// An open thread

function opened(server: RoomOnServer, rootId: string, following = true) {
  const standing = { mark: mark(rootId, 0, { following }) };
  const { link, asked, answer } = held((event, payload) => {
    if (event === "thread:get") return { root: server.shown(server.messages.get(rootId)!), mark: standing.mark };
    if (event === "thread:mark-unread") return { ...standing.mark, unreadFrom: 3, unread: 1 };
    if (event === "thread:read") return { ...standing.mark, lastReadSeq: payload["seq"] };
    const before = server.messages.get(payload["before"] as string)?.seq ?? Infinity;
    return server.replies(rootId).filter(({ seq }) => seq < before).slice(-(payload["limit"] as number)).reverse();
  });
  const thread = new LiveThread(ROOM, rootId, { me: () => ME, link, meet: () => undefined });
  return { thread, standing, asked, answer };
}

test("whatever comes while it is read, an open thread ends with its root and replies as the server has them", async () => {
  const act = fc.tuple(fc.nat(5), fc.nat(1000));
  await fc.assert(fc.asyncProperty(fc.array(act, { maxLength: 40 }), fc.nat(40), fc.nat(40), async (acts, at, answered) => {
    const server = new RoomOnServer();
    server.send("bob");
    const { thread, answer } = opened(server, "m1");
    const late: Change[] = [];
    const loading = thread.load();
    for (const [index, [kind, pick]] of acts.entries()) {
      const standing = [...server.messages.values()].filter(({ deletedAt }) => !deletedAt);
      const chosen = standing[pick % Math.max(1, standing.length)];
      if (!chosen) break;
      const change = kind < 3 ? server.reply(chosen, `user ${pick % 3}`, pick % 2 === 0)
        : kind === 3 ? server.remove(chosen)
        : kind === 4 ? server.edit(chosen)
        : server.react(chosen, "bob");
      if (index < at) late.push(change);
      else thread.apply([...late.splice(0), change]);
      if (index === answered) await answer();
    }
    thread.apply(late);
    await answer();
    await loading;
    expect(thread.status.value).toBe("ready");
    const root = server.shown(server.messages.get("m1")!);
    expect(thread.root.value).toEqual(root);
    const shown = thread.replies.value.messages.filter(({ deletedAt }) => !deletedAt);
    expect(shown.map(({ id, changeSeq }) => [id, changeSeq]))
      .toEqual(server.replies("m1").map(({ id, changeSeq }) => [id, changeSeq]));
  }), { numRuns: 200 });
});

test("replies are marked as read by one who follows, once each, and earlier ones are read on demand", async () => {
  const server = new RoomOnServer();
  server.send("bob");
  for (let n = 0; n < 60; n += 1) server.reply(server.messages.get("m1")!, "bob", false);
  const { thread, asked, answer } = opened(server, "m1");
  void thread.load();
  await answer();
  expect(thread.replies.value.messages).toHaveLength(50);
  expect(thread.replies.value.atStart).toBe(false);
  void thread.loadOlder();
  await answer();
  expect(thread.replies.value.messages.map(({ seq }) => seq)).toEqual(server.replies("m1").map(({ seq }) => seq));
  expect(thread.replies.value.atStart).toBe(true);
  void thread.read();
  await answer();
  void thread.read();
  await answer();
  expect(asked.filter(([event]) => event === "thread:read")).toEqual([["thread:read", { messageId: "m1", seq: 61 }]]);
});

test("a thread that is marked as unread stays so until it is opened again, or one replies", async () => {
  const server = new RoomOnServer();
  server.send("bob");
  const reply = (by: string) => server.reply(server.messages.get("m1")!, by, false);
  for (const by of ["bob", "bob"]) reply(by);
  const { thread, standing, asked, answer } = opened(server, "m1");
  const reads = () => asked.filter(([event]) => event === "thread:read").length;
  const read = async () => {
    void thread.read();
    await answer();
    return reads();
  };
  standing.mark = mark("m1", 1, { lastReadSeq: 3, unreadFrom: 3 });
  void thread.load();
  await answer();
  expect(await read()).toBe(1); // it was unread when it was opened
  thread.take(mark("m1", 0, { lastReadSeq: 3 }));
  expect(await read()).toBe(1);
  void thread.markUnread("m3");
  await answer();
  expect(asked.at(-1)).toEqual(["thread:mark-unread", { messageId: "m3" }]);
  thread.apply([reply("bob")]);
  expect(await read()).toBe(1);
  thread.apply([reply(ME)]);
  expect(await read()).toBe(2);
});

test("who replies follows from then on, as the server says; of others' replies nothing is asked", async () => {
  const server = new RoomOnServer();
  server.send("bob");
  const { thread, standing, asked, answer } = opened(server, "m1", false);
  void thread.load();
  await answer();
  void thread.read();
  const before = asked.length;
  thread.apply([server.reply(server.messages.get("m1")!, "bob", false)]);
  expect(asked).toHaveLength(before);
  standing.mark = mark("m1", 0);
  thread.apply([server.reply(server.messages.get("m1")!, ME, false)]);
  await answer();
  expect(thread.mark.value?.following).toBe(true);
});

test("a thread that cannot be read says why; one that the server is too busy for is tried again", async () => {
  const server = new RoomOnServer();
  server.send("bob");
  const outcome: { error: Error | null } = { error: failure("unavailable") };
  const { link, answer } = held((event) => outcome.error ?? (event === "thread:get"
    ? { root: server.messages.get("m1"), mark: mark("m1", 0) } : []));
  const thread = new LiveThread(ROOM, "m1", { me: () => ME, link, meet: () => undefined });
  void thread.load();
  await answer();
  expect(thread.status.value).toBe("loading");
  outcome.error = failure("not_found");
  await vi.advanceTimersByTimeAsync(2000);
  await answer();
  expect(thread.status.value).toBe("failed");
  expect(thread.error.value).not.toBe("");
  thread.close();
});
