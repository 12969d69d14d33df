import fc from "fast-check";
import { expect, test } from "vitest";
import { Offsets } from "../src/ui/offsets";

/** What may happen to a list: rows come before or after the others, the last goes, one is found to be so high. */
const step = fc.oneof(
  fc.record({ kind: fc.constant("before" as const), n: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ kind: fc.constant("after" as const), n: fc.integer({ min: 1, max: 400 }) }),
  fc.record({ kind: fc.constant("shorter" as const), n: fc.constant(1) }),
  fc.record({ kind: fc.constant("measured" as const), n: fc.nat(), height: fc.integer({ min: 1, max: 900 }) }),
);

test("rows begin where the heights above them end, whatever comes, goes and is measured", () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
    const offsets = new Offsets();
    const measured = new Map<string, number>();
    let keys: string[] = [];
    let made = 0;
    const fresh = (n: number) => Array.from({ length: n }, () => `row ${made++}`);
    for (const one of steps) {
      if (one.kind === "before") keys = [...fresh(one.n), ...keys];
      if (one.kind === "after") keys = [...keys, ...fresh(one.n)];
      if (one.kind === "shorter") keys = keys.slice(0, -1);
      offsets.setRows(keys.length, (i) => keys[i] ?? "", () => 50);
      if (one.kind === "measured" && keys.length) {
        const index = one.n % keys.length;
        offsets.measure(index, keys[index] ?? "", one.height);
        measured.set(keys[index] ?? "", one.height);
      }
      let top = 0;
      keys.forEach((key, index) => {
        expect(offsets.top(index)).toBe(top);
        expect(offsets.at(top)).toBe(index);
        top += measured.get(key) ?? 50;
      });
      expect(offsets.top(keys.length)).toBe(top);
    }
  }));
});
