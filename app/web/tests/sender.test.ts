import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Calling } from "../src/client/connection";
import type { ClientEvent, DataOf, PayloadOf, Written } from "../src/client/contract";
import { failure, refused } from "../src/client/errors";
import { Outbox, type Locks, type OutboxEntry, type Place } from "../src/client/outbox";
import { Sender } from "../src/client/sender";
import { Kept, memoryShelf } from "../src/client/storage";
import { PageLocks } from "./browser";
import { message } from "./server";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const HALL: Place = { roomId: "hall" };
const BOB: Place = { userId: "bob" };
let entries = 0;

function entry(content: string, place = HALL): OutboxEntry {
  entries += 1;
  const createdAt = new Date(entries).toISOString();
  return { clientId: `c${entries}`, place, content, replyTo: null, attachments: [], createdAt, state: "pending", error: null };
}

/** A sender whose server refuses with `answers`, in turn, and else takes everything. */
function sending(kept = new Kept(memoryShelf()), locks: Locks | null = null) {
  const answers: Error[] = [];
  const taken: string[] = [];
  const world = { online: true, answers, taken };
  const outbox = new Outbox(kept, locks, () => sender.pump());
  const link: Calling = {
    get online() {
      return world.online;
    },
    call: async <E extends ClientEvent>(_event: E, payload: PayloadOf<E>) => {
      const { content, clientId } = payload as Written;
      taken.push(content);
      const answer = answers.shift();
      if (answer) throw answer;
      return message(taken.length, "ada", { content, clientId: clientId ?? null }) as DataOf<E>;
    },
  };
  const refused: string[] = [];
  const sender = new Sender(
    outbox, link, (sent) => outbox.remove(sent.clientId), ({ content }, { reason }) => refused.push(`${content}: ${reason}`),
  );
  outbox.open("ada");
  return { ...world, world, outbox, sender, refused };
}

const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms);

test("what is written offline goes out in its order once online", async () => {
  const { world, outbox, sender, taken } = sending();
  world.online = false;
  for (const text of ["one", "two", "three"]) outbox.add(entry(text));
  sender.pump();
  await settle();
  expect(taken).toEqual([]);
  world.online = true;
  sender.pump();
  await settle();
  expect(taken).toEqual(["one", "two", "three"]);
  expect(outbox.entries.value).toEqual([]);
});

test("one that is to be tried again holds up its own place alone", async () => {
  const { outbox, sender, answers, taken } = sending();
  answers.push(refused({ reason: "rate_limited", message: "", retryAfter: 5000 }));
  for (const it of [entry("one"), entry("two"), entry("hello", BOB)]) outbox.add(it);
  sender.pump();
  await settle(4999);
  expect(taken).toEqual(["one", "hello"]);
  await settle(1);
  expect(taken).toEqual(["one", "hello", "one", "two"]);
});

test("without an answer it is sent again, ever later, by the same clientId", async () => {
  const { outbox, sender, answers, taken } = sending();
  answers.push(failure("timeout"), failure("timeout"));
  outbox.add(entry("one"));
  sender.pump();
  await settle(999);
  expect(taken).toHaveLength(1);
  await settle(1);
  expect(taken).toHaveLength(2);
  await settle(1999);
  expect(taken).toHaveLength(2);
  await settle(1);
  expect(taken).toHaveLength(3);
  expect(outbox.entries.value).toEqual([]);
});

test("one that is refused fails in words and lets the next pass; it can be sent again", async () => {
  const { outbox, sender, answers, taken, refused } = sending();
  answers.push(failure("not_a_member"));
  const [first, second] = [entry("one"), entry("two")];
  outbox.add(first);
  outbox.add(second);
  sender.pump();
  await settle();
  expect(taken).toEqual(["one", "two"]);
  expect(outbox.entries.value).toEqual([
    { ...first, state: "failed", error: "You are not a member of this room." },
  ]);
  expect(refused).toEqual(["one: not_a_member"]);
  outbox.update(first.clientId, { state: "pending", error: null });
  sender.pump();
  await settle();
  expect(taken).toEqual(["one", "two", "one"]);
  expect(outbox.entries.value).toEqual([]);
});

/** Ada writes two messages offline on a page that has these locks. */
function leftBehind(locks: Locks | null) {
  const kept = new Kept(memoryShelf());
  const page = sending(kept, locks);
  page.world.online = false;
  page.outbox.add(entry("one"));
  page.outbox.add(entry("two"));
  return kept;
}

test("what a page could not send is sent by one of the others once it is closed", async () => {
  const locks = new PageLocks();
  const kept = leftBehind(locks.page("first"));
  const others = [sending(kept, locks.page("second")), sending(kept, locks.page("third"))];
  await settle();
  expect(others.flatMap(({ taken }) => taken)).toEqual([]); // the first lives, and sends when it is online again
  locks.close("first");
  await settle();
  expect(others.flatMap(({ taken }) => taken)).toEqual(["one", "two"]);
  expect(kept.keys("outbox.")).toEqual([]);
});

test("without locks it is sent by the next page that is opened", async () => {
  const kept = leftBehind(null);
  const { taken } = sending(kept);
  await settle();
  expect(taken).toEqual(["one", "two"]);
  expect(kept.keys("outbox.")).toEqual([]);
});

test("what was not sent when a session ended is sent when its user is back in the same page", async () => {
  const { world, outbox, sender, taken } = sending();
  world.online = false;
  outbox.add(entry("one"));
  outbox.close();
  outbox.open("ada");
  outbox.add(entry("two"));
  world.online = true;
  sender.pump();
  await settle();
  expect(taken).toEqual(["one", "two"]);
});

test("one user's messages are not another's to send", async () => {
  const kept = new Kept(memoryShelf());
  const ada = sending(kept);
  ada.world.online = false;
  ada.outbox.add(entry("mine"));
  const bob = sending(kept);
  bob.outbox.open("bob");
  await settle();
  expect(bob.outbox.entries.value).toEqual([]);
});

test("what has no room in the browser's storage is sent all the same", async () => {
  const full = memoryShelf();
  full.setItem = () => {
    throw new DOMException("no room", "QuotaExceededError");
  };
  const { outbox, sender, taken } = sending(new Kept(full));
  outbox.add(entry("one"));
  sender.pump();
  await settle();
  expect(taken).toEqual(["one"]);
});
