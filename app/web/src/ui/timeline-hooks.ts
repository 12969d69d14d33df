/** What the timeline does by itself as it is opened, scrolled and added to. */

import { effect, signal, untracked, useSignal, type ReadonlySignal, type Signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { Message } from "../client";
import { excerpt } from "../message-text";
import { model, type OpenRoom, type Timeline } from "../model";
import { firstUnseen, left, opened, overrun, place, returned } from "../unread-line";
import { announce } from "./announcer";
import { nameOf } from "./format";
import { attentive, narrow } from "./media";
import { summary } from "./message-parts";
import { keyOf } from "./rows";
import { roving } from "./room-state";
import { route } from "./route";
import { attempt } from "./toasts";
import type { VirtualRows } from "./virtual-rows";

const SAID = 300; // characters of a message that are read aloud
const FROM_TOP = 96; // px above the first unread message when a room is opened

/** What had not been seen when the room was opened, or when nobody looked. */
export interface Unread {
  count: number;
  readUpTo: number;
  /** Whether it begins before what is loaded. */
  above: boolean;
  /** The first of it, unless that is above: the line over it stays there while one reads. */
  first: string | undefined;
  /** More came at once than the screen has room for. */
  overrun: () => void;
}

/** Up to where one had read a room when it was opened, and how much was unread. */
function atFirst(open: OpenRoom | null): { count: number; readUpTo: number | null } {
  const room = open?.room.peek();
  const { unread = 0, lastReadSeq } = { ...open?.conversation.peek(), ...room, ...room?.membership };
  return { count: unread, readUpTo: unread && lastReadSeq !== undefined ? lastReadSeq : null };
}

/** `seen`: up to where one has seen the messages since. */
export function useUnread(
  open: OpenRoom | null, { messages, atStart }: Timeline, me: string, seen: ReadonlySignal<number>,
): Unread {
  const { count, readUpTo } = useMemo(() => atFirst(open), [open]);
  const line = useSignal(opened(readUpTo));
  useEffect(() => effect(() => {
    const looking = looks();
    untracked(() => {
      const { messages } = { ...open?.timeline.peek() };
      line.value = looking ? returned(line.peek(), messages ?? [], me) : left(line.peek(), seen.peek());
    });
  }), [open]);
  useEffect(() => {
    let before = 0;
    return effect(() => {
      const { lastReadSeq = 0 } = { ...open?.conversation.value, ...open?.room.value?.membership };
      if (lastReadSeq < before) untracked(() => { line.value = opened(lastReadSeq); }); // one has marked it as unread
      before = lastReadSeq;
    });
  }, [open]);
  const after = place(line.value, messages, me);
  const above = count > 0 && after === readUpTo && !atStart && (messages[0]?.seq ?? 0) > after;
  return {
    count, above, readUpTo: readUpTo ?? Infinity,
    first: above ? undefined : messages[firstUnseen(messages, after, me)]?.id,
    overrun: () => { line.value = overrun(line.peek(), seen.peek()); },
  };
}

/** A room opens where one left off reading. */
export function useStart(rows: VirtualRows, messages: readonly Message[], firstUnread: string | undefined): void {
  const begun = useRef(false);
  useLayoutEffect(() => {
    if (begun.current || messages.length === 0) return;
    begun.current = true;
    const index = messages.findIndex((message) => message.id === firstUnread);
    if (index >= 0) rows.show(index, FROM_TOP);
  });
}

/** Focuses a row once it is drawn; answers the function that asks for it. */
export function useRowFocus(list: { current: HTMLElement | null }): (key: string) => void {
  const wanted = useRef<string | null>(null);
  useLayoutEffect(() => {
    if (wanted.current === null) return;
    const row = list.current?.querySelector<HTMLElement>(`[data-key="${CSS.escape(wanted.current)}"]`);
    if (!row) return;
    wanted.current = null;
    row.focus({ preventScroll: true });
  });
  return (key) => {
    wanted.current = key;
    roving.value = key;
  };
}

/** Goes to the message that was jumped to, and focuses it. */
export function useTarget(rows: VirtualRows, timeline: Timeline, me: string, focus: (key: string) => void): void {
  const { target, messages } = timeline;
  useLayoutEffect(() => {
    const index = target ? messages.findIndex((message) => message.id === target.messageId) : -1;
    const message = messages[index];
    if (!message) return;
    focus(keyOf(message, me));
    rows.show(index, 140);
  }, [target?.token]);
}

/** An end of what is loaded: what to call to try again, after more could not be had; else null. */
export interface Failures {
  older: Signal<(() => void) | null>;
  newer: Signal<(() => void) | null>;
}

function ask(failed: Signal<(() => void) | null>, load: () => Promise<void>): void {
  failed.value = null;
  void attempt(load).then((came) => {
    if (!came) failed.value = () => ask(failed, load);
  });
}

/** Asks for more while one is near the end of what is loaded; after a failure only when told to. */
export function useLoading(rows: VirtualRows, timeline: Timeline): Failures {
  const failed = useMemo<Failures>(() => ({ older: signal(null), newer: signal(null) }), []);
  const { status, loading, atStart, atEnd } = timeline;
  const older = rows.nearTop.value && !atStart && !loading.older;
  const newer = rows.nearEnd.value && !atEnd && !loading.newer;
  useEffect(() => {
    if (status !== "ready") return;
    // The rows may have been measured since this was drawn.
    if (older && rows.nearTop.peek() && !failed.older.peek()) ask(failed.older, () => model.loadOlder());
    if (newer && rows.nearEnd.peek() && !failed.newer.peek()) ask(failed.newer, () => model.loadNewer());
  });
  return failed;
}

/** Whether somebody looks at the messages (reads signals): a panel of a narrow screen covers them. */
function looks(): boolean {
  return attentive.value && !(narrow.value && route.value.name === "room" && route.value.panel !== null);
}

/** The highest number that was seen: before anything of it is on the screen, all that was read before. */
export function useSeen(open: OpenRoom | null, messages: readonly Message[]): Signal<number> {
  return useSignal(useMemo(() => atFirst(open).readUpTo ?? messages.at(-1)?.seq ?? 0, [open]));
}

/** What is on the screen while somebody looks has been seen, and so is read. */
export function useReading(
  rows: VirtualRows, open: OpenRoom | null, messages: readonly Message[], seen: Signal<number>,
): void {
  useEffect(() => effect(() => {
    const last = messages[Math.min(rows.lastVisible.value, messages.length - 1)];
    if (!open || !last || !looks()) return;
    seen.value = Math.max(seen.peek(), last.seq);
    model.markRead(open.roomId, last.seq);
  }), [open, messages]);
}

/** Tells screen readers of what others write while the room is open. */
export function useNews(open: OpenRoom | null): void {
  useEffect(() => {
    if (!open) return;
    let heard: number | null = null;
    return effect(() => {
      const { messages, atEnd, status } = open.timeline.value;
      const last = messages[messages.length - 1];
      if (!atEnd || status !== "ready" || !last) return;
      const isNew = heard !== null && last.seq > heard;
      heard = Math.max(heard ?? 0, last.seq);
      if (isNew && last.senderId !== model.me.peek()?.id && !last.deletedAt) {
        announce(`${nameOf(last.sender)}: ${excerpt(summary(last), SAID)}`);
      }
    });
  }, [open]);
}
