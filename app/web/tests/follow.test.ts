import fc from "fast-check";
import { expect, test } from "vitest";
import type { Changes, Message, RoomInfo } from "../src/client/contract";
import { Log, type Change } from "../src/client/log";
import { NOBODY, present, withMembers, type Members } from "../src/members";
import { applyChange, edge, EMPTY, withPage, type Direction, type Window } from "../src/client/window";
import { RoomOnServer } from "./server";

const PAGE = 3;

type Step =
  | { do: "change"; kind: number; pick: number }
  | { do: "deliver"; pick: number }
  | { do: "ask"; direction: Direction; pick: number }
  | { do: "answer" }
  | { do: "sync" }
  | { do: "synced" }
  | { do: "lose" };

const pick = fc.nat(1000);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant("change" as const), kind: fc.nat(9), pick }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant("deliver" as const), pick }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant("ask" as const), direction: fc.constantFrom<Direction>("older", "newer", "latest", "around"), pick,
      }),
    },
    { weight: 3, arbitrary: fc.constant<Step>({ do: "answer" }) },
    { weight: 2, arbitrary: fc.constant<Step>({ do: "sync" }) },
    { weight: 2, arbitrary: fc.constant<Step>({ do: "synced" }) },
    { weight: 1, arbitrary: fc.constant<Step>({ do: "lose" }) },
  ),
  { minLength: 5, maxLength: 120 },
);

interface Asked {
  around: string | undefined;
  direction: Direction;
  page: Message[];
  missed: Change[];
}

/** A client in the middle of a room's life: events, pages and syncs arrive when they will. */
class Client {
  readonly log = new Log();
  window: Window = EMPTY;
  members: Members = NOBODY;
  info: RoomInfo | null = null;
  onTheWay: Change[] = [];
  asked: Asked[] = [];
  syncing: Changes | null = null;

  constructor(readonly server: RoomOnServer) {
    this.log.startAt(0);
    this.ask("latest", 0);
  }

  take(step: Step): void {
    if (step.do === "change") this.onTheWay.push(this.change(step.kind, step.pick));
    else if (step.do === "deliver") this.deliver(step.pick);
    else if (step.do === "ask") this.ask(step.direction, step.pick);
    else if (step.do === "answer") this.answer();
    else if (step.do === "sync") this.syncing ??= this.server.sync(this.log.applied);
    else if (step.do === "synced") this.synced();
    else this.lose();
  }

  change(kind: number, pick: number): Change {
    const { server } = this;
    const standing = server.standing();
    const chosen = standing[pick % Math.max(1, standing.length)];
    if (!chosen || kind < 3) return server.send(`user ${pick % 3}`);
    if (kind === 3) return server.reply(chosen, `user ${pick % 3}`, pick % 2 === 0);
    if (kind === 4) return server.edit(chosen);
    if (kind === 5) return server.remove(chosen);
    if (kind < 8) return server.react(chosen, `user ${pick % 3}`);
    if (kind === 8) return server.join(`user ${pick % 5}`, pick % 2 ? "member" : "left");
    return server.rename();
  }

  /** Instances announce a little out of order. */
  deliver(pick: number): void {
    const [change] = this.onTheWay.splice(pick % Math.min(4, Math.max(1, this.onTheWay.length)), 1);
    if (change) this.apply(this.log.receive(change));
  }

  ask(direction: Direction, pick: number): void {
    const standing = this.server.standing();
    const from = direction === "latest" ? undefined
      : direction === "around" ? standing[pick % Math.max(1, standing.length)]
      : edge(this.window, direction);
    if (direction !== "latest" && !from) return;
    if ((direction === "older" && this.window.atStart) || (direction === "newer" && this.window.atEnd)) return;
    this.asked.push({ direction, page: this.server.history(direction, from, PAGE), around: from?.id, missed: [] });
  }

  answer(): void {
    const asked = this.asked.shift();
    if (!asked) return;
    const { direction, page, around, missed } = asked;
    this.window = withPage(this.window, direction, { messages: page, full: page.length >= PAGE, around }, missed);
    if (direction === "latest" || direction === "around") this.asked = [];
  }

  synced(): void {
    if (this.syncing) this.apply(this.log.catchUp(this.syncing));
    this.syncing = null;
  }

  /** What is on its way is lost; then the connection is back, and a sync is asked for. */
  lose(): void {
    this.onTheWay = [];
    this.asked = [];
    this.log.lose();
    this.syncing = this.server.sync(this.log.applied);
  }

  apply(changes: readonly Change[]): void {
    for (const { missed } of this.asked) missed.push(...changes);
    this.window = changes.reduce(applyChange, this.window);
    this.members = withMembers(this.members, changes.flatMap((it) => (it.type === "member" ? it.member : [])));
    for (const change of changes) {
      if (change.type === "room") this.info = change.room;
    }
  }

  /** Everything that is on its way arrives, and what is not loaded is read. */
  settle(): void {
    while (this.onTheWay.length) this.deliver(0);
    this.synced();
    while (this.asked.length) this.answer();
    if (this.log.gap) this.apply(this.log.catchUp(this.server.sync(this.log.applied)));
    if (!this.window.messages.some(({ deletedAt }) => !deletedAt)) this.step("latest");
    while (!this.window.atStart) this.step("older");
    while (!this.window.atEnd) this.step("newer");
  }

  step(direction: Direction): void {
    this.ask(direction, 0);
    this.answer();
  }
}

/** Messages as they are held to be: how many replies there are is told of the root, of a reply only where it belongs. */
function said(messages: readonly Message[]): unknown[] {
  return messages.map(({ thread, ...message }) => ({ ...message, thread: message.replyTo ? thread?.rootId : thread }));
}

test("however pages, events and syncs meet, a client ends with the room as the server has it", () => {
  fc.assert(
    fc.property(steps, (taken) => {
      const client = new Client(new RoomOnServer());
      for (const step of taken) {
        const before = new Map(client.window.messages.map(({ id, changeSeq }) => [id, changeSeq]));
        client.take(step);
        const { messages } = client.window;
        expect(new Set(messages.map(({ id }) => id)).size).toBe(messages.length);
        for (const { id, changeSeq } of messages) expect(changeSeq).toBeGreaterThanOrEqual(before.get(id) ?? 0);
      }
      client.settle();
      const { server } = client;
      expect(client.log.applied).toBe(server.lastSeq);
      expect(said(client.window.messages.filter(({ deletedAt }) => !deletedAt))).toEqual(said(server.standing()));
      const members = [...server.members.values()].filter(({ state }) => state === "member");
      expect(new Set(present(client.members))).toEqual(new Set(members));
      if (server.info.changeSeq) expect(client.info).toEqual(server.info);
    }),
    { numRuns: 2000 },
  );
});

test("one who stayed and one who comes back with a sync have the same", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(9), pick), { maxLength: 60 }), fc.nat(60), (changes, until) => {
      const server = new RoomOnServer();
      const [stayed, left] = [new Client(server), new Client(server)];
      for (const client of [stayed, left]) client.answer();
      changes.forEach(([kind, chosen], index) => {
        const change = stayed.change(kind, chosen);
        stayed.apply(stayed.log.receive(change));
        if (index < until) left.apply(left.log.receive(change));
      });
      left.apply(left.log.catchUp(server.sync(left.log.applied)));
      // What came and went while it was away it never saw, so there is no tombstone of it.
      const seen = new Set(left.window.messages.map(({ id }) => id));
      const known = stayed.window.messages.filter(({ id, deletedAt }) => !deletedAt || seen.has(id));
      expect(said(left.window.messages)).toEqual(said(known));
      expect(new Set(present(left.members))).toEqual(new Set(present(stayed.members)));
    }),
    { numRuns: 300 },
  );
});
