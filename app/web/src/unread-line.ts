/** Where the line stands over the first message of a room that one has not seen. */
import type { Message } from "./client";

export interface UnreadLine {
  /** The line is over the first message of another after this seq; Infinity for nowhere. */
  readonly after: number;
  /** While nobody looks: up to where all was seen. What comes after it takes the line along. Null while somebody does. */
  readonly seen: number | null;
}

/** The line of a room that is opened; `readUpTo`: null where all of it is read. */
export function opened(readUpTo: number | null): UnreadLine {
  return { after: readUpTo ?? Infinity, seen: null };
}

/** Nobody looks any more. */
export function left(line: UnreadLine, seen: number): UnreadLine {
  return { ...line, seen };
}

/** Somebody looks again: the line stays where it has come to. */
export function returned(line: UnreadLine, messages: readonly Message[], me: string): UnreadLine {
  return { after: place(line, messages, me), seen: null };
}

/** More has come at once than the screen has room for: what was not seen begins after `seen`. */
export function overrun(line: UnreadLine, seen: number): UnreadLine {
  return { ...line, after: seen };
}

/** The seq after which the line is. */
export function place({ after, seen }: UnreadLine, messages: readonly Message[], me: string): number {
  return seen !== null && firstUnseen(messages, seen, me) >= 0 ? seen : after;
}

/** The index of the first message of another after a seq, -1 for none. */
export function firstUnseen(messages: readonly Message[], seq: number, me: string): number {
  let found = -1;
  for (let index = messages.length - 1; index >= 0; index -= 1) {
    const message = messages[index]!;
    if (message.seq <= seq) break;
    if (message.senderId !== me && !message.deletedAt) found = index;
  }
  return found;
}
