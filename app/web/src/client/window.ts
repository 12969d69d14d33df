/** The messages of a room that are loaded: a stretch of its history without gaps. */
import type { Message, Thread } from "./contract";
import type { Change } from "./log";

/** Oldest first. `atStart`: nothing is older; `atEnd`: nothing is newer, and what is new belongs in it. */
export interface Window {
  readonly messages: readonly Message[];
  readonly atStart: boolean;
  readonly atEnd: boolean;
}

export type Direction = "older" | "newer" | "latest" | "around";

/**
 * A page of history, in any order. `full`: it ends for its number or its size, so there may be more. `around`: the
 * message that one of that direction is around.
 */
export interface HistoryPage {
  messages: readonly Message[];
  full: boolean;
  around?: string | null | undefined;
}

export const EMPTY: Window = { messages: [], atStart: false, atEnd: false };

const LARGE = 100_000; // characters of JSON; the server ends a page at 500,000 bytes, which are more characters than that

/** Whether there may be more behind a page of messages of which `limit` were asked for. */
export function mayGoOn(page: readonly Message[], limit: number): boolean {
  return page.length >= limit || JSON.stringify(page).length >= LARGE;
}

const MOST = 3000; // messages that paging keeps; the far end is let go of

type Apply = (window: Window, change: Change) => Window;

/**
 * What gives the window after a change, of a window for those messages that it `takes`. A change older than what it has
 * changes nothing. A reply also tells how many there are, which its root shows.
 */
export function applying(takes: (message: Message) => boolean): Apply {
  return (window, change) => {
    switch (change.type) {
      case "message":
        window = threaded(window, change.message.thread);
        return takes(change.message) ? placed(window, change.message) : window;
      case "deleted":
        window = threaded(window, change.thread);
        return revised(window, change.messageId, change.seq, (message) => tombstone(message, change.deletedAt));
      case "reactions":
        return revised(window, change.messageId, change.seq, (message) =>
          message.deletedAt ? message : { ...message, reactions: change.reactions });
      default:
        return window;
    }
  };
}

/** Of a room's window, without the replies that stand in their threads alone. */
export const applyChange: Apply = applying(({ alsoToRoom }) => alsoToRoom !== false);

/**
 * The window with a page of history. `missed` are the changes that were applied since the page was asked for: the
 * page may have been read before them.
 */
export function withPage(
  window: Window, direction: Direction, page: HistoryPage, missed: readonly Change[], apply: Apply = applyChange,
): Window {
  const joined = joinedPage(window, direction, page);
  return trimmed(missed.reduce<Window>((before, change) => apply(before, change), joined), direction);
}

/** The message from which to read on at an end: deleted ones may be unknown to the server. */
export function edge(window: Window, direction: "older" | "newer"): Message | undefined {
  const standing = (message: Message) => !message.deletedAt;
  return direction === "older" ? window.messages.find(standing) : window.messages.findLast(standing);
}

function joinedPage(window: Window, direction: Direction, page: HistoryPage): Window {
  const more = page.full;
  switch (direction) {
    case "latest":
      return { messages: merged([], page.messages), atStart: !more, atEnd: true };
    case "around":
      return aroundOne(merged([], page.messages), page);
    case "older":
      return { ...window, messages: merged(window.messages, page.messages), atStart: !more };
    case "newer":
      return { ...window, messages: merged(window.messages, page.messages), atEnd: window.atEnd || !more };
  }
}

/** Where nothing stands on a side of a page that is not full, nothing is there. */
function aroundOne(messages: readonly Message[], { full, around }: HistoryPage): Window {
  const at = messages.findIndex(({ id }) => id === around);
  return { messages, atStart: !full && at === 0, atEnd: !full && at >= 0 && at === messages.length - 1 };
}

/** Both lists in the order of `seq`, each message once, as of its later change. */
function merged(some: readonly Message[], others: readonly Message[]): Message[] {
  const byId = new Map(some.map((message) => [message.id, message]));
  for (const message of others) {
    const known = byId.get(message.id);
    if (!known || known.changeSeq < message.changeSeq) byId.set(message.id, message);
  }
  return [...byId.values()].sort((a, b) => a.seq - b.seq);
}

function placed(window: Window, message: Message): Window {
  const { messages } = window;
  const at = placeOf(messages, message.seq);
  const there = messages[at];
  if (there?.id === message.id) {
    return there.changeSeq < message.changeSeq ? { ...window, messages: messages.with(at, message) } : window;
  }
  const afterFirst = at > 0 || window.atStart;
  const beforeLast = at < messages.length || window.atEnd;
  if (message.deletedAt || !afterFirst || !beforeLast) return window;
  const grown = messages.toSpliced(at, 0, message);
  return grown.length > 2 * MOST
    ? { ...window, messages: grown.slice(-MOST), atStart: false }
    : { ...window, messages: grown };
}

/** The window with a thread that its root has only an earlier state of. */
function threaded(window: Window, thread: Thread | undefined): Window {
  const at = window.messages.findLastIndex(({ id }) => id === thread?.rootId);
  const root = window.messages[at];
  if (!thread || !root || (root.thread && root.thread.changeSeq >= thread.changeSeq)) return window;
  return { ...window, messages: window.messages.with(at, { ...root, thread }) };
}

function revised(window: Window, id: string, seq: number, revise: (message: Message) => Message): Window {
  const at = window.messages.findLastIndex((message) => message.id === id);
  const message = window.messages[at];
  if (!message || message.changeSeq >= seq) return window;
  return { ...window, messages: window.messages.with(at, { ...revise(message), changeSeq: seq }) };
}

function tombstone(message: Message, deletedAt: string): Message {
  const { previews: _, ...left } = message;
  return { ...left, deletedAt, content: "", metadata: null, attachments: [], reactions: [], mentions: [], groupMention: null };
}

/** The index of the message with this seq, or where it would stand. */
function placeOf(messages: readonly Message[], seq: number): number {
  let low = 0;
  let high = messages.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (messages[middle]!.seq < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

function trimmed(window: Window, direction: Direction): Window {
  const { messages } = window;
  if (messages.length <= MOST) return window;
  return direction === "older"
    ? { ...window, messages: messages.slice(0, MOST), atEnd: false }
    : { ...window, messages: messages.slice(-MOST), atStart: false };
}
