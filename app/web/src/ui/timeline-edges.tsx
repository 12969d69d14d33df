/** What stands at the ends of a timeline, and in its place while there is none. */

import { useSignal, type ReadonlySignal, type Signal } from "@preact/signals";
import { model, type OpenRoom, type Timeline } from "../model";
import { Avatar, RoomMark } from "./avatar";
import { Empty } from "./empty";
import { count, nameOf } from "./format";
import { Icon } from "./icons";
import { attempt } from "./toasts";
import { togglePanel } from "./route";
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

export function TimelineFailed({ text }: { text: string | null }) {
  const again = () => {
    const place = model.place.peek();
    if (place && "roomId" in place) model.openRoom(place.roomId);
  };
  return (
    <Empty level={2} icon="warning" title="The messages did not load" text={text}>
      <button type="button" class="button primary" onClick={again}>Try again</button>
    </Empty>
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

/** The top of a room's history: what this place is, and what to do in it. */
export function Beginning({ open, empty }: { open: OpenRoom | null; empty: boolean }) {
  const room = open?.room.value;
  const user = open?.conversation.value?.user ?? model.person.value;
  if (room) {
    return (
      <div class="beginning">
        <RoomMark isPrivate={room.isPrivate} size="large" />
        <h2>Welcome to {room.name}</h2>
        <p>
          {room.description || "This is where the room begins."}
          {empty && " Nobody has written here yet: say hello."}
        </p>
        {empty && room.membership.role === "admin" && (
          <p><button type="button" class="button" onClick={() => togglePanel("members")}>
            <Icon name="plus" size={18} /> Invite people
          </button></p>
        )}
      </div>
    );
  }
  if (!user) return null;
  const toSelf = user.id === model.me.value?.id;
  return (
    <div class="beginning">
      <Avatar user={user} size="large" />
      <h2>{toSelf ? "Notes to yourself" : nameOf(user)}</h2>
      <p>
        {toSelf
          ? "Keep links, lists and files here. Only you can see them."
          : `This is the beginning of your conversation with ${nameOf(user)}.${empty ? " Write the first message." : ""}`}
      </p>
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
