/** What the timeline does by itself as it is opened, scrolled and added to. */

import { effect, signal, useSignal, type ReadonlySignal, type Signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { Message } from "../client";
import { model, type OpenRoom, type Timeline } from "../model";
import { announce } from "./announcer";
import { nameOf } from "./format";
import { attentive } from "./media";
import { summary } from "./message-parts";
import { keyOf } from "./rows";
import { roving } from "./room-state";
import { attempt } from "./toasts";
import type { VirtualRows } from "./virtual-rows";

/** What was unread when the room was opened. */
export interface UnreadAtFirst {
  count: number;
  readUpTo: number;
  /** Whether it begins before what is loaded. */
  above: boolean;
  /** The first of it, unless that is above: the line over it stays there while one reads. */
  first: string | undefined;
}

export function useUnread(open: OpenRoom | null, timeline: Timeline, me: string): UnreadAtFirst {
  const { messages, atStart } = timeline;
  const [count, readUpTo] = useMemo(() => {
    const room = open?.room.peek();
    const { unread, lastReadSeq } = { ...open?.conversation.peek(), ...room, ...room?.membership };
    return [unread ?? 0, (unread && lastReadSeq) ?? Infinity];
  }, [open]);
  return useMemo(() => {
    const above = count > 0 && !atStart && (messages[0]?.seq ?? 0) > readUpTo;
    const isUnread = ({ seq, senderId, deletedAt }: Message) => seq > readUpTo && senderId !== me && !deletedAt;
    return { count, readUpTo, above, first: count > 0 && !above ? messages.find(isUnread)?.id : undefined };
  }, [messages, atStart, count, readUpTo, me]);
}

/** A room opens where one left off reading. */
export function useStart(rows: VirtualRows, messages: readonly Message[], firstUnread: string | undefined): void {
  useLayoutEffect(() => {
    const index = messages.findIndex((message) => message.id === firstUnread);
    if (index > 0) rows.show(index, 96);
  }, []);
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

/** What is on the screen while somebody looks counts as read. Answers the highest number that was on it. */
export function useReading(rows: VirtualRows, open: OpenRoom | null, messages: readonly Message[]): ReadonlySignal<number> {
  const seen = useSignal(0);
  useEffect(() => effect(() => {
    const last = messages[Math.min(rows.lastVisible.value, messages.length - 1)];
    const looking = attentive.value;
    if (!open || !last) return;
    seen.value = Math.max(seen.peek(), last.seq);
    if (looking) model.markRead(open.roomId, last.seq);
  }), [open, messages]);
  return seen;
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
        announce(`${nameOf(last.sender)}: ${summary(last).slice(0, 300)}`);
      }
    });
  }, [open]);
}
