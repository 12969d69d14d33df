import fc from "fast-check";
import { expect, test } from "vitest";
import { counted, total, withMessage, withoutMessage, withRead, type Unread } from "../src/unread";

/** What happens in a room: a message of another, one deleted, reading up to a message, or a figure of the server. */
type Step = { do: "message" | "delete" | "read" | "ask" | "answer"; pick: number };

const steps = fc.array(
  fc.record({ do: fc.constantFrom<Step["do"]>("message", "message", "delete", "read", "ask", "answer"), pick: fc.nat(1000) }),
  { maxLength: 80 },
);

class Server {
  lastSeq = 0;
  readTo = 0;
  readonly seqs = new Set<number>();

  figure(): [number, number, number] {
    return [[...this.seqs].filter((seq) => seq > this.readTo).length, this.lastSeq, this.readTo];
  }
}

test("what is counted between the server's figures is what the server would count, or is known to be stale", () => {
  fc.assert(
    fc.property(steps, (taken) => {
      const server = new Server();
      let unread: Unread = counted(null, 0, 0, 0);
      let asked: [number, number, number][] = [];
      for (const step of taken) {
        const seqs = [...server.seqs];
        const chosen = seqs[step.pick % Math.max(1, seqs.length)];
        if (step.do === "message") {
          const seq = (server.lastSeq += 1 + (step.pick % 2));
          server.seqs.add(seq);
          unread = withMessage(unread, { id: `m${seq}`, seq });
          unread = withMessage(unread, { id: `m${seq}`, seq }); // the ack of another device's retry
        } else if (step.do === "delete" && chosen !== undefined) {
          server.lastSeq += 1;
          server.seqs.delete(chosen);
          unread = withoutMessage(unread, `m${chosen}`);
          asked = []; // a figure from before a deletion is not asked for again by anybody but `stale`
        } else if (step.do === "read" && chosen !== undefined) {
          server.readTo = Math.max(server.readTo, chosen);
          unread = withRead(unread, chosen, chosen === Math.max(...seqs));
        } else if (step.do === "ask") {
          asked.push(server.figure());
        } else if (step.do === "answer") {
          const answer = asked.shift();
          if (answer) unread = counted(unread, ...answer);
        }
        if (!unread.stale) expect(total(unread)).toBe(server.figure()[0]);
      }
      unread = counted(unread, ...server.figure());
      expect(unread.stale).toBe(false);
      expect(total(unread)).toBe(server.figure()[0]);
    }),
    { numRuns: 1000 },
  );
});

test("no more are counted than the server counts", () => {
  expect(total({ ...counted(null, 999, 10, 0), since: [{ id: "a", seq: 11 }, { id: "b", seq: 12 }] })).toBe(1000);
});
