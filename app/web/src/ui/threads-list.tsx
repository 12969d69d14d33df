/** The threads that one follows, and how many of them have something unread. */

import type { OwnThread } from "../client";
import { model } from "../model";
import { IconButton } from "./controls";
import { Dialog } from "./dialog";
import { badge, briefTime, count, nameOf } from "./format";
import { unread } from "./live-threads";
import { summary } from "./message-parts";
import { closeDialog, openDialog } from "./open-dialog";
import { isMuted } from "./personal";
import { placeName } from "./place-name";
import { openThread } from "./route";
import { FindingNote, useFinding } from "./search-field";

/** How many threads of rooms that are not muted have something unread (reads signals). */
function unreadThreads(): number {
  const muted = new Set([
    ...model.rooms.value.filter(({ membership }) => isMuted(membership)).map(({ id }) => id),
    ...model.conversations.value.filter(isMuted).map(({ roomId }) => roomId),
  ]);
  return [...unread.all.value.values()].filter(({ roomId }) => !muted.has(roomId)).length;
}

/** Opens the list of threads, and tells in how many of them something is unread. */
export function ThreadsButton() {
  const n = unreadThreads();
  return (
    <span class="threads-button">
      <IconButton icon="message" label={n ? `Threads, ${badge(n)} unread` : "Threads"}
        onClick={() => (openDialog.value = "threads")} />
      {n > 0 && <span class="badge" aria-hidden="true">{badge(n)}</span>}
    </span>
  );
}

function Followed({ own: { root, mark } }: { own: OwnThread }) {
  const fresh = unread.all.value.get(mark.rootId)?.unread ?? 0;
  const open = () => {
    closeDialog();
    openThread(root.roomId, root.id);
  };
  return (
    <li>
      <button type="button" class="result" onClick={open}>
        <span class="result-where">
          <span class="truncate">{placeName(root.roomId)}</span>
          {fresh > 0 && <strong class="tag">{badge(fresh)} new</strong>}
          {root.thread?.lastReplyAt && <time dateTime={root.thread.lastReplyAt}>{briefTime(root.thread.lastReplyAt)}</time>}
        </span>
        <strong>{nameOf(root.sender)}</strong>
        <span class="result-text">{summary(root)}</span>
        <span class="result-where">{count(root.thread?.replyCount ?? 0, "reply", "replies")}</span>
      </button>
    </li>
  );
}

export function ThreadsList() {
  const found = useFinding("threads", async (before) => {
    const { threads, next } = await model.link.call("thread:list", { limit: 20, before });
    model.meet(threads.map(({ root }) => root));
    return { items: threads, next };
  }).value;
  return (
    <Dialog title="Threads" onClose={closeDialog} tall>
      <div>
        <ul aria-label="Threads that you follow">
          {found.items.map((own) => <Followed key={own.root.id} own={own} />)}
        </ul>
        <FindingNote found={found} empty="Nobody has replied to you yet. You follow a thread once you write in it, or are mentioned." />
      </div>
    </Dialog>
  );
}
