import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ClientEvent, Conversation, DataOf, Message, PayloadOf, Room, RoomInfo } from "../src/client/contract";
import { failure } from "../src/client/errors";
import type { Change } from "../src/client/log";
import { Lists } from "../src/lists";
import { message, user } from "./server";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function room(id: string, more: Partial<Room> = {}): Room {
  return {
    id, kind: "public", name: id, description: null, isPrivate: false, createdBy: "ada", changeSeq: 1, lastSeq: 1,
    createdAt: "", modifiedAt: "", archivedAt: null, pins: [], unread: 0, mentions: 0, group: null,
    membership: {
      role: "member", state: "member", joinedAt: "", lastReadAt: null, lastReadSeq: 0, unreadFrom: null, muted: false,
      mutedUntil: null, favorite: false,
    },
    ...more,
  };
}

/** A room's own fields after a change. */
function changed(id: string, changeSeq: number, more: Partial<RoomInfo> = {}): Change {
  const { kind, name, description, isPrivate, createdBy, createdAt, modifiedAt, archivedAt, pins } = room(id);
  const own = { id, kind, name, description, isPrivate, createdBy, createdAt, modifiedAt, archivedAt, pins };
  return { seq: changeSeq, type: "room", room: { ...own, changeSeq, ...more } };
}

function conversation(roomId: string, seq: number, more: Partial<Conversation> = {}): Conversation {
  const lastMessage = message(seq, "bob", { roomId });
  return {
    roomId, user: user(roomId), presence: null, lastSeq: seq, lastReadSeq: seq, unread: 0, unreadFrom: null, muted: false,
    mutedUntil: null, favorite: false, pins: [], lastMessage, ...more,
  };
}

/** Lists of a server that answers with what `server` has when it is asked. */
function listed() {
  const server = { rooms: [] as Room[], invitations: [] as Room[], conversations: [] as Conversation[] };
  const applied = new Map<string, number>();
  const asked: string[] = [];
  let hold: Promise<void> = Promise.resolve();
  const call = async <E extends ClientEvent>(event: E, payload: PayloadOf<E>) => {
    asked.push(event);
    const { rooms, invitations, conversations } = structuredClone(server);
    const before = (payload as { before?: string }).before;
    const from = conversations.findIndex(({ roomId }) => roomId === before) + 1;
    const page = conversations.slice(from, from + 2);
    const next = conversations.length > from + 2 ? page.at(-1)!.roomId : null;
    await hold;
    const roomId = (payload as { roomId?: string }).roomId;
    const answers: Partial<Record<ClientEvent, unknown>> = {
      "room:list": rooms, "room:invitations": invitations, "conversation:list": { conversations: page, next },
      "room:get": rooms.find(({ id }) => id === roomId),
    };
    if (!answers[event]) throw failure("not_found");
    return answers[event] as DataOf<E>;
  };
  const follower = {
    applied: (roomId: string) => applied.get(roomId) ?? 0,
    known: (roomId: string, lastSeq: number) => void applied.set(roomId, Math.max(lastSeq, applied.get(roomId) ?? 0)),
  };
  const lists = new Lists(() => "ada", { online: true, call }, { meetConversations: () => undefined }, follower);
  const say = (roomId: string, seq: number, senderId = "bob") => {
    applied.set(roomId, seq);
    lists.apply(roomId, [{ seq, type: "message", message: message(seq, senderId, { roomId }) }]);
  };
  /** The server's answers stay on their way until the returned function is called. */
  const delay = () => {
    let arrive = () => {};
    hold = new Promise((resolve) => (arrive = resolve));
    return () => arrive();
  };
  const names = () => lists.rooms.value.map(({ name, unread }) => `${name} ${unread}`);
  return { lists, server, asked, applied, say, delay, names };
}

test("rooms are by name, and conversations by their last message", async () => {
  const { lists, server, say, names } = listed();
  server.rooms = [room("hall"), room("Attic"), room("cellar")];
  server.conversations = [conversation("cleo", 9), conversation("bob", 5)];
  await lists.read();
  expect(names()).toEqual(["Attic 0", "cellar 0", "hall 0"]);
  say("bob", 10);
  expect(lists.conversations.value.map(({ roomId, unread }) => [roomId, unread])).toEqual([["bob", 1], ["cleo", 0]]);
});

test("others' messages count as unread until they are read, one's own never", async () => {
  const { lists, server, say, names } = listed();
  server.rooms = [room("hall", { unread: 2, lastSeq: 5 })];
  await lists.read();
  say("hall", 6);
  say("hall", 7, "ada");
  expect(names()).toEqual(["hall 3"]);
  lists.markRead("hall", 7, true);
  expect(names()).toEqual(["hall 0"]);
});

test("mentions are counted until they are read, and by the server where an edit makes or ends one", async () => {
  const { lists, server, say, asked } = listed();
  const mentions = () => lists.rooms.value.map((one) => one.mentions);
  const mentioned = (seq: number, more: Partial<Message> = {}) =>
    lists.mentioned(message(seq, "bob", { roomId: "hall", ...more }));
  server.rooms = [room("hall", { unread: 2, mentions: 1, lastSeq: 5 })];
  await lists.read();
  say("hall", 6);
  mentioned(6);
  mentioned(6); // told twice
  expect(mentions()).toEqual([2]);
  lists.markRead("hall", 6, true);
  expect(mentions()).toEqual([0]);
  mentioned(6); // read already
  expect(mentions()).toEqual([0]);
  server.rooms = [room("hall", { mentions: 1, lastSeq: 8 })];
  mentioned(7, { editedAt: "then" });
  await vi.advanceTimersByTimeAsync(1000);
  expect(asked.at(-1)).toBe("room:get");
  expect(mentions()).toEqual([1]);
  server.rooms = [room("hall", { mentions: 0, lastSeq: 9 })];
  lists.apply("hall", [{ seq: 9, type: "message", message: message(7, "bob", { roomId: "hall", editedAt: "now" }) }]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(mentions()).toEqual([0]);
});

test("a message that came while the lists were on their way is counted once, whether they knew it or not", async () => {
  for (const knew of [false, true]) {
    const { lists, server, say, delay, names } = listed();
    server.rooms = [room("hall", { lastSeq: 5 })];
    await lists.read();
    if (knew) server.rooms = [room("hall", { lastSeq: 6, unread: 1 })];
    const arrive = delay();
    const reading = lists.read();
    say("hall", 6);
    arrive();
    await reading;
    expect(names()).toEqual(["hall 1"]);
  }
});

test("an answer that is older than a coming or a going does not undo it", async () => {
  const { lists, server, delay, names } = listed();
  server.rooms = [room("hall"), room("cellar")];
  server.invitations = [room("attic"), room("tower")];
  await lists.read();
  const arrive = delay();
  const reading = lists.read();
  lists.remove("cellar");
  lists.add(room("attic"));
  lists.invited(room("garden"));
  lists.remove("tower");
  arrive();
  await reading;
  expect(names()).toEqual(["attic 0", "hall 0"]);
  expect(lists.invitations.value.map(({ id }) => id)).toEqual(["garden"]);
});

test("a name that was changed while an older list was on its way stays", async () => {
  const { lists, server, applied, delay, names } = listed();
  server.rooms = [room("hall")];
  await lists.read();
  const arrive = delay();
  const reading = lists.read();
  applied.set("hall", 2);
  lists.apply("hall", [{ seq: 2, type: "room", room: { ...room("hall"), name: "ballroom", changeSeq: 2 } }]);
  arrive();
  await reading;
  expect(names()).toEqual(["ballroom 0"]);
});

test("what left the server's list while one was away is gone", async () => {
  const { lists, server, names } = listed();
  server.rooms = [room("hall"), room("cellar")];
  await lists.read();
  server.rooms = [room("hall")];
  await lists.read();
  expect(names()).toEqual(["hall 0"]);
});

test("reading into the middle asks the server how much is left", async () => {
  const { lists, server, asked, names } = listed();
  server.rooms = [room("hall", { unread: 4, lastSeq: 9 })];
  await lists.read();
  lists.markRead("hall", 6, false);
  server.rooms = [room("hall", { unread: 3, lastSeq: 9, membership: { ...room("hall").membership, lastReadSeq: 6 } })];
  lists.settle("hall");
  await vi.advanceTimersByTimeAsync(300);
  expect(asked.filter((event) => event === "room:get")).toHaveLength(1);
  expect(names()).toEqual(["hall 3"]);
});

test("as many conversations are read again as were loaded", async () => {
  const { lists, server, asked } = listed();
  server.conversations = ["a", "b", "c", "d", "e"].map((id, index) => conversation(id, 9 - index));
  await lists.read();
  expect(lists.conversations.value).toHaveLength(2);
  await lists.readMoreConversations();
  expect(lists.conversations.value).toHaveLength(4);
  asked.length = 0;
  await lists.read();
  expect(asked.filter((event) => event === "conversation:list")).toHaveLength(2);
  expect(lists.next.value).toBe("d");
});

test("a hidden conversation goes, unless something has come since, and what is read again knows of it", async () => {
  const { lists, server, say } = listed();
  server.conversations = [conversation("bob", 3), conversation("eve", 2), conversation("joe", 1)];
  await lists.read();
  await lists.readMoreConversations();
  const there = () => lists.conversations.value.map(({ roomId }) => roomId).sort();
  expect(lists.hide({ roomId: "bob", seq: 3 })).toBe(true);
  expect(there()).toEqual(["eve", "joe"]);
  say("eve", 4);
  expect(lists.hide({ roomId: "eve", seq: 2 })).toBe(false);
  expect(there()).toEqual(["eve", "joe"]);
  // Hidden on another device while this one was away.
  server.conversations = [conversation("eve", 4)];
  await lists.read();
  expect(there()).toEqual(["eve"]);
});

test("rooms and conversations are muted and unmuted in place", async () => {
  const { lists, server } = listed();
  server.rooms = [room("garden", { unread: 2 })];
  server.conversations = [conversation("bob", 3)];
  await lists.read();
  for (const muted of [true, false]) {
    lists.chosen({ roomId: "garden", muted, mutedUntil: null });
    lists.chosen({ roomId: "bob", muted, mutedUntil: null });
    lists.chosen({ roomId: "unknown", muted, mutedUntil: null });
    expect(lists.rooms.value.map(({ unread, membership }) => [unread, membership.muted])).toEqual([[2, muted]]);
    expect(lists.conversations.value.map((one) => [one.roomId, one.muted])).toEqual([["bob", muted]]);
  }
});

test("what was read is unread again once it is marked so, here or while one was away, until one reads on", async () => {
  const { lists, server, say } = listed();
  const read = { ...room("garden").membership, lastReadSeq: 5 };
  server.rooms = [room("garden", { lastSeq: 5, membership: read })];
  server.conversations = [conversation("bob", 5)];
  await lists.read();
  const shown = () => [...lists.rooms.value.map(({ unread, mentions, membership }) => [unread, mentions, membership.lastReadSeq]),
    ...lists.conversations.value.map(({ unread, lastReadSeq }) => [unread, lastReadSeq])];
  const mark = { roomId: "garden", unreadFrom: 3, lastReadSeq: 5, lastSeq: 5, unread: 3, mentions: 1 };
  expect(lists.marked(mark)).toBe(true);
  expect(lists.marked({ ...mark, roomId: "unknown" })).toBe(false);
  say("garden", 6);
  expect(shown()).toEqual([[4, 1, 2], [0, 5]]);
  // Read on, up to number 4 and to the mark: no less is read than before.
  expect(lists.marked({ ...mark, unreadFrom: 5, lastSeq: 6, unread: 2, mentions: 0 })).toBe(false);
  expect(shown()).toEqual([[2, 0, 4], [0, 5]]);
  lists.markRead("garden", 6, true);
  expect(lists.marked({ ...mark, unreadFrom: null, lastSeq: 6, unread: 1, mentions: 0 })).toBe(false);
  expect(shown()).toEqual([[0, 0, 6], [0, 5]]); // the server did not know yet
  // Marked on another device while this one was away.
  server.rooms = [room("garden", { lastSeq: 6, unread: 5, membership: { ...read, lastReadSeq: 6, unreadFrom: 2 } })];
  server.conversations = [conversation("bob", 5, { unread: 1, unreadFrom: 5 })];
  await lists.read();
  expect(shown()).toEqual([[5, 0, 1], [1, 4]]);
});

test("pins are those of the last change, without messages that were deleted since", async () => {
  const { lists, server } = listed();
  server.rooms = [room("hall", { pins: ["m1", "m2"] })];
  server.conversations = [conversation("bob", 5, { pins: ["m5"] })];
  await lists.read();
  const pins = () => [lists.rooms.value[0]!.pins, lists.conversations.value[0]!.pins];
  lists.apply("hall", [{ seq: 2, type: "deleted", messageId: "m1", deletedAt: "then" }]);
  lists.apply("bob", [changed("bob", 6, { pins: ["m6", "m5"] })]);
  expect(pins()).toEqual([["m2"], ["m6", "m5"]]);
  lists.apply("bob", [{ seq: 7, type: "message", message: message(6, "bob", { deletedAt: "then", changeSeq: 7 }) }]);
  lists.apply("hall", [changed("hall", 3, { pins: ["m3", "m2"] })]);
  expect(pins()).toEqual([["m3", "m2"], ["m5"]]);
});

test("a group is called as its people are, whatever its changes say, and knows its last message", async () => {
  const { lists, server, say, names } = listed();
  const group = { people: [{ ...user("bob"), displayName: "Bob" }, user("eve")], lastMessageAt: null };
  server.rooms = [room("group", { name: "ada, bob, eve", group })];
  await lists.read();
  lists.apply("group", [changed("group", 2, { name: "ada, bob, eve" })]);
  say("group", 3);
  expect(names()).toEqual(["Bob, eve 1"]);
  expect(lists.rooms.value[0]!.group?.lastMessageAt).toBe(message(3, "bob").createdAt);
});
