/** The messages of what is open: loads as one scrolls, follows the newest, and is walked with the arrow keys. */

import type { ReadonlySignal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { model, type OpenRoom, type OutboxEntry, type Timeline as Loaded } from "../model";
import { firstUnseen } from "../unread-line";
import { ACT, CANCEL, FIRST, LAST, NEXT, PREVIOUS } from "./keys";
import { Later, loaded } from "./load-later";
import { MessageRow, OutgoingRow, type Surroundings } from "./message-row";
import { activeRow, roving } from "./room-state";
import { beginsGroup, estimateHeight, isOutgoing, keyOf, newDay, type Item } from "./rows";
import { GhostRows, JumpToEnd, JumpToUnread, LoadingEdge } from "./timeline-edges";
import {
  useLoading, useNews, useReading, useRowFocus, useSeen, useStart, useTarget, useUnread,
} from "./timeline-hooks";
import { VirtualRows } from "./virtual-rows";

const NOTHING: Loaded = {
  messages: [], atStart: true, atEnd: true, status: "ready", error: null,
  loading: { older: false, newer: false }, target: null, opening: 0,
};

interface TimelineProps {
  /** Null with a person to whom nothing was written yet. */
  open: OpenRoom | null;
  outbox: ReadonlySignal<readonly OutboxEntry[]>;
}

export function Timeline({ open, outbox }: TimelineProps) {
  const timeline = open?.timeline.value ?? NOTHING;
  const { status } = timeline;
  if (status === "loading" && timeline.messages.length + outbox.value.length === 0) return <GhostRows />;
  if (status === "failed") return <Later draw={({ TimelineFailed }) => <TimelineFailed text={timeline.error} />} waiting={null} />;
  return <LoadedTimeline key={`${open?.roomId} ${timeline.opening}`} open={open} timeline={timeline} outgoing={outbox.value} />;
}

/** The items of a timeline by their place and by their key. */
function listed(timeline: Loaded, outgoing: readonly OutboxEntry[], me: string) {
  const { messages } = timeline;
  const shown = timeline.atEnd || messages.length === 0 ? outgoing : [];
  const total = messages.length + shown.length;
  const itemAt = (index: number): Item | undefined => messages[index] ?? shown[index - messages.length];
  const keyAt = (index: number): string => {
    const item = itemAt(index);
    return item ? keyOf(item, me) : "";
  };
  const itemOf = (key: string): Item | undefined => [...messages, ...shown].find((item) => keyOf(item, me) === key);
  return { total, itemAt, itemOf, keyAt };
}

type Listed = ReturnType<typeof listed>;

function drawRows(rows: VirtualRows, { total, itemAt, keyAt }: Listed, me: string, firstUnread: string | undefined) {
  let tabbable = keyAt(total - 1);
  for (let i = rows.first; i < rows.last; i++) if (keyAt(i) === roving.value) tabbable = keyAt(i);
  const drawn = [];
  for (let i = rows.first; i < rows.last; i++) {
    const item = itemAt(i);
    if (!item) continue;
    const before = itemAt(i - 1);
    const key = keyAt(i);
    const day = newDay(item, before);
    const unread = !isOutgoing(item) && item.id === firstUnread;
    const first = day !== null || unread || beginsGroup(item, before, me);
    const around: Surroundings = { rowKey: key, day, unread, first, tabbable: key === tabbable };
    drawn.push(isOutgoing(item)
      ? <OutgoingRow key={key} entry={item} {...around} />
      : <MessageRow key={key} message={item} {...around} />);
  }
  return drawn;
}

/** The arrow keys go from message to message, Enter to what can be done with one, Escape back to it. */
function walk(event: KeyboardEvent, { total, keyAt }: Listed, focusAt: (index: number) => void): void {
  const row = (event.target as Element).closest<HTMLElement>("[data-key]");
  if (!row) return;
  if (event.target !== row) {
    if (event.key === CANCEL) row.focus();
    return;
  }
  let at = total - 1;
  while (at > 0 && keyAt(at) !== row.dataset["key"]) at--;
  const next = { [PREVIOUS]: at - 1, [NEXT]: at + 1, [FIRST]: 0, [LAST]: total - 1 }[event.key];
  if (event.key === ACT) row.querySelector<HTMLElement>(".actions button, .delivery button")?.focus();
  else if (next !== undefined) focusAt(Math.min(Math.max(next, 0), total - 1));
  else return;
  event.preventDefault();
}

function LoadedTimeline({ open, timeline, outgoing }: {
  open: OpenRoom | null; timeline: Loaded; outgoing: readonly OutboxEntry[];
}) {
  const scroller = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const rows = useMemo(() => new VirtualRows(), []);
  const me = model.me.value?.id ?? "";
  const { messages, atStart, atEnd } = timeline;
  const items = listed(timeline, outgoing, me);
  const seen = useSeen(open, messages);
  const unread = useUnread(open, timeline, me, seen);
  const width = scroller.current?.clientWidth ?? 800;

  void rows.version.value; // to be drawn again when other rows come on the screen
  rows.setRows({
    count: items.total,
    keyAt: items.keyAt,
    estimate: (i) => estimateHeight(items.itemAt(i) as Item, items.itemAt(i - 1), me, width),
    follows: atEnd,
    unseen: firstUnseen(messages, seen.peek(), me),
    overrun: unread.overrun,
  });
  useLayoutEffect(() => {
    if (scroller.current && list.current) return rows.attach(scroller.current, list.current);
    return undefined;
  }, []);
  const focusRow = useRowFocus(list);
  useStart(rows, messages, unread.first);
  useTarget(rows, timeline, me, focusRow);
  useLayoutEffect(() => {
    if (outgoing.length > 0) rows.showEnd(); // what one just wrote is what one wants to see
  }, [outgoing[outgoing.length - 1]?.clientId]);
  useLayoutEffect(() => rows.settle());
  const failed = useLoading(rows, timeline);
  useReading(rows, open, messages, seen);
  useNews(open);

  const focusAt = (index: number) => {
    focusRow(items.keyAt(index));
    rows.reveal(index);
  };
  return (
    <div class="timeline-wrap">
      <div ref={scroller} class="timeline" onKeyDown={(event) => walk(event, items, focusAt)}
        onCopy={(event) => loaded()?.copyMessages(event, items.itemOf)}
        onPointerLeave={(event) => { if (event.pointerType === "mouse") activeRow.value = null; }}>
        <div>
          {atStart
            ? <Later draw={({ Beginning }) => <Beginning open={open} empty={items.total === 0} />} waiting={<div class="beginning" />} />
            : <LoadingEdge label="Loading earlier messages" failed={failed.older} />}
          <div ref={list} class="timeline-rows" role="list" aria-label="Messages">
            {drawRows(rows, items, me, unread.first)}
          </div>
          {!atEnd && messages.length > 0 && <LoadingEdge label="Loading newer messages" failed={failed.newer} />}
          {open && atEnd && outgoing.length === 0 && <Later draw={({ Seen }) => <Seen open={open} />} waiting={null} />}
        </div>
      </div>
      <JumpToUnread unread={unread} />
      <JumpToEnd rows={rows} open={open} timeline={timeline} seen={seen} />
    </div>
  );
}
