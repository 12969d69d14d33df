import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Connection } from "../src/client/connection";
import type { Changes, ClientEvent, DataOf, Message, PayloadOf, ServerEvents } from "../src/client/contract";
import { Emitter } from "../src/client/emitter";
import { failure } from "../src/client/errors";
import { EveryRoom } from "../src/client/every-room";
import type { RoomEvents } from "../src/client/feed";
import { Follower } from "../src/client/follower";
import type { Change } from "../src/client/log";
import { RoomOnServer } from "./server";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const PAGE = 2; // changes

/** A client of one room, on a line that the test cuts, and whose answers it lets through. */
class Client {
  readonly events = new Emitter<RoomEvents>();
  readonly follower: Follower;
  readonly rooms: EveryRoom;
  /** Messages as the events tell them. */
  readonly told = new Map<string, Message>();
  readonly order: number[] = [];
  readonly left: string[] = [];
  readonly calls: string[] = [];
  live: Change[] = [];
  waiting: (() => void)[] = [];
  online = false;
  member = true;
  #drop: (() => void)[] = [];

  constructor(readonly server: RoomOnServer) {
    const call = <E extends ClientEvent>(event: E, payload: PayloadOf<E>) => this.#call(event, payload);
    const connection = { events: new Emitter<ServerEvents>(), call } as unknown as Connection;
    this.rooms = new EveryRoom(
      this.events, () => ({ connection, follower: this.follower }), () => undefined, (roomId) => this.left.push(roomId),
    );
    this.follower = new Follower(connection, this.rooms);
    this.events.on("message", (message) => {
      this.order.push(message.seq);
      this.told.set(message.id, message);
    });
    this.events.on("changed", (message) => this.told.has(message.id) && this.told.set(message.id, message));
    this.events.on("deleted", ({ messageId }) => this.told.delete(messageId));
    this.events.on("reactions", ({ messageId, reactions }) => {
      const message = this.told.get(messageId);
      if (message) this.told.set(messageId, { ...message, reactions });
    });
  }

  connect(): void {
    this.online = true;
    void this.rooms.read();
  }

  cut(): void {
    this.online = false;
    this.live = [];
    this.waiting = [];
    for (const drop of this.#drop.splice(0)) drop();
    this.follower.lose();
  }

  hear(at: number): void {
    const [change] = this.live.splice(at % Math.max(1, this.live.length), 1);
    if (change) this.follower.receive("room", change);
  }

  async settle(): Promise<void> {
    for (let idle = 0; idle < 3; idle += 1) {
      if (this.live.length || this.waiting.length) idle = 0;
      while (this.live.length) this.hear(0);
      this.waiting.shift()?.();
      await vi.advanceTimersByTimeAsync(4000);
    }
  }

  /** The answer is as of now, and comes when the test lets it. */
  #call<E extends ClientEvent>(event: E, payload: PayloadOf<E>): Promise<DataOf<E>> {
    this.calls.push(event);
    if (!this.online) return Promise.reject(failure("offline"));
    const answers: Partial<Record<ClientEvent, () => unknown>> = {
      "room:list": () => this.member
        ? [{ id: "room", kind: "public", lastSeq: this.server.lastSeq, membership: { lastReadSeq: 0 } }] : [],
      "conversation:list": () => ({ conversations: [], next: null }),
      "room:sync": () => this.#page((payload as PayloadOf<"room:sync">).afterSeq),
    };
    return new Promise((resolve, reject) => {
      this.#drop.push(() => reject(failure("offline")));
      if (event === "room:sync" && !this.member) return reject(failure("not_a_member"));
      const answer = answers[event]!() as DataOf<E>;
      this.waiting.push(() => resolve(answer));
    });
  }

  #page(afterSeq: number): Changes {
    const all = this.server.sync(afterSeq);
    const changes = all.changes.slice(0, PAGE);
    const hasMore = changes.length < all.changes.length;
    return { ...all, changes, hasMore, nextSeq: hasMore ? changes.at(-1)!.seq : all.nextSeq };
  }
}

/** One change of the room by its number, told live to a client that is connected. */
function change(server: RoomOnServer, kind: number, pick: number): Change {
  const standing = server.standing();
  const one = standing[pick % Math.max(1, standing.length)];
  if (!one || kind < 4) return server.send("ada");
  if (kind < 6) return server.edit(one);
  if (kind === 6) return server.remove(one);
  if (kind === 7) return server.react(one, "bob");
  return kind === 8 ? server.join("bob", "member") : server.rename();
}

const step = fc.record({
  do: fc.constantFrom("change", "change", "hear", "hear", "miss", "answer", "answer", "time", "cut"),
  kind: fc.nat(9),
  pick: fc.nat(50),
});

test("whatever is cut, lost or overtaken, each message is told once, in order, and ends as on the server", async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 80 }), async (steps) => {
    const server = new RoomOnServer();
    const client = new Client(server);
    server.send("ada"); // from before
    client.connect();
    await client.settle();
    for (const { do: what, kind, pick } of steps) {
      if (what === "change") {
        const made = change(server, kind, pick);
        if (client.online) client.live.push(made);
      } else if (what === "hear") client.hear(pick);
      else if (what === "miss") client.live.pop();
      else if (what === "answer") client.waiting.splice(pick % Math.max(1, client.waiting.length), 1)[0]?.();
      else if (what === "time") await vi.advanceTimersByTimeAsync(300);
      else if (client.online) client.cut();
      else client.connect();
      await vi.advanceTimersByTimeAsync(0);
    }
    client.cut();
    client.connect();
    await client.settle();
    expect(client.order).toEqual([...new Set(client.order)].sort((a, b) => a - b));
    const expected = server.standing().filter(({ seq }) => seq > 1);
    const seen = [...client.told.values()].sort((a, b) => a.seq - b.seq);
    const bare = ({ id, content, reactions }: Message) => ({ id, content, reactions });
    expect(seen.map(bare)).toEqual(expected.map(bare));
  }), { numRuns: 150 });
});

test("nothing is asked of a room in which nothing was missed", async () => {
  const client = new Client(new RoomOnServer());
  client.connect();
  await client.settle();
  client.cut();
  client.connect();
  await client.settle();
  expect(client.calls).toEqual(["room:list", "conversation:list", "room:list", "conversation:list"]);
});

test("a room that the user is no longer in is told as left", async () => {
  const server = new RoomOnServer();
  const client = new Client(server);
  client.connect();
  await client.settle();
  client.cut();
  client.member = false;
  client.connect();
  await client.settle();
  expect(client.left).toEqual(["room"]);
});

test("a conversation that was hidden is followed from what is said in it", async () => {
  const server = new RoomOnServer();
  const client = new Client(server);
  client.member = false;
  client.connect();
  await client.settle();
  server.send("ada");
  client.live.push(server.send("bob"));
  await client.settle();
  expect(client.order).toEqual([2]);
});
