/** What stands at the ends of a timeline, and in its place while there is none. */

import { useSignal, type ReadonlySignal, type Signal } from "@preact/signals";
import { model, type OpenRoom, type Timeline } from "../model";
import { count } from "./format";
import { Icon } from "./icons";
import { attempt } from "./toasts";
import type { Unread } from "./timeline-hooks";
import type { VirtualRows } from "./virtual-rows";

export function GhostRows() {
  return (
    <div class="timeline ghost-rows" role="status" aria-label="Loading messages">
      {[0, 1, 2, 3, 4].map((row) => (
        <div key={row}><span class="bone" /><span class="bone" /><span class="bone" /></div>
      ))}
    </div>
  );
}

export function LoadingEdge({ label, failed }: { label: string; failed: Signal<(() => void) | null> }) {
  const retry = failed.value;
  return (
    <div class="timeline-note">
      {retry
        ? <button type="button" class="button small" onClick={retry}>Could not load. Try again</button>
        : <span class="spinner" role="img" aria-label={label} />}
    </div>
  );
}

/** The way up to what was unread when the room was opened, where that is not loaded. */
export function JumpToUnread({ unread }: { unread: Unread }) {
  const done = useSignal(false);
  if (!unread.above || done.value) return null;
  const jump = async () => {
    done.value = await attempt(() => model.jumpAfter(unread.readUpTo));
  };
  return (
    <button type="button" class="jump unread" onClick={() => void jump()}>
      <Icon name="arrowDown" size={18} />
      {unread.count >= 1000 ? "1000 or more unread messages" : count(unread.count, "unread message")}
    </button>
  );
}

/** The way back to the newest messages, with how many have come meanwhile. */
export function JumpToEnd({ rows, open, timeline, seen }: {
  rows: VirtualRows; open: OpenRoom | null; timeline: Timeline; seen: ReadonlySignal<number>;
}) {
  const { messages, atEnd } = timeline;
  if ((rows.atBottom.value && atEnd) || messages.length === 0) return null;
  const me = model.me.value?.id;
  let news = 0;
  for (let i = messages.length - 1; i >= 0 && (messages[i]?.seq ?? 0) > seen.value; i--) {
    if (messages[i]?.senderId !== me && !messages[i]?.deletedAt) news++;
  }
  if (!atEnd) news = Math.max(news, (open?.room.value ?? open?.conversation.value)?.unread ?? 0);
  const jump = async () => {
    if (!atEnd && !await attempt(() => model.showLatest())) return;
    rows.showEnd();
  };
  return (
    <button type="button" class={`jump ${news ? "news" : ""}`} onClick={() => void jump()}>
      <Icon name="arrowDown" size={18} />
      {news ? count(news, "new message") : "Jump to latest"}
    </button>
  );
}
