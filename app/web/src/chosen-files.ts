/** The files of a draft stand in the order in which they were chosen, whichever is uploaded first. */
import type { Attachment } from "./client";

/** `turn`: when it was chosen; those of older versions of the page have none, and were before all. */
export type ChosenFile = Attachment & { turn?: number };

let last = 0;

/** A number that is higher than all before it, also than those of earlier visits. */
export function nextTurn(): number {
  return (last = Math.max(last + 1, Date.now()));
}

export function inTurn<T extends { turn?: number }>(files: readonly T[]): T[] {
  return [...files].sort((a, b) => (a.turn ?? 0) - (b.turn ?? 0)); // stable: without turns they stay as they are
}
