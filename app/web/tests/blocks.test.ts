import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Blocks } from "../src/blocks";
import type { ClientEvent, DataOf, PayloadOf } from "../src/client/contract";
import { failure } from "../src/client/errors";
import { user } from "./server";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const block = (id: string) => ({ user: user(id), createdAt: "" });

/** Blocks of a server that answers in pages of two; `meanwhile` runs while an answer is on its way. */
function read(ids: string[], meanwhile: (blocks: Blocks) => void = () => undefined, failing = 0) {
  const asked: (string | undefined)[] = [];
  const call = async <E extends ClientEvent>(_: E, payload: PayloadOf<E>) => {
    const { after } = payload as { after?: string };
    asked.push(after);
    const from = after ? ids.indexOf(after) + 1 : 0;
    const page = ids.slice(from, from + 2);
    const next = ids.length > from + 2 ? page.at(-1)! : null;
    if (asked.length <= failing) throw failure("unavailable");
    meanwhile(blocks);
    return { blocks: page.map(block), next } as unknown as DataOf<E>;
  };
  const blocks = new Blocks({ online: true, call });
  return { blocks, asked, there: () => [...blocks.users.value.keys()].sort() };
}

test("all pages are read", async () => {
  const { blocks, asked, there } = read(["bob", "eve", "joe"]);
  await blocks.read();
  expect(there()).toEqual(["bob", "eve", "joe"]);
  expect(asked).toEqual([undefined, "eve"]);
});

test("what comes about while they are read is not undone", async () => {
  const server = ["bob"];
  let once = true;
  const { blocks, there } = read(server, (reading) => {
    if (!once) return;
    once = false;
    server.splice(0, 1, "eve");
    reading.add(block("eve"));
    reading.remove("bob");
  });
  await blocks.read();
  expect(there()).toEqual(["eve"]);
});

test("they are read again where the server was out of reach", async () => {
  const { blocks, there } = read(["bob"], () => undefined, 1);
  await blocks.read();
  expect(there()).toEqual([]);
  await vi.advanceTimersByTimeAsync(3000);
  expect(there()).toEqual(["bob"]);
});
