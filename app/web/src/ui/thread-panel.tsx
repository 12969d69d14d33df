/** A message with its replies, and where one writes another: beside the room, or over it. */

import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { type Draft, model, type OpenRoom, type OutboxEntry } from "../model";
import type { LiveThread } from "../thread";
import { announce } from "./announcer";
import { ComposerBox } from "./composer-box";
import { MenuButton, MenuItem, Problem } from "./controls";
import { inThread, Writing } from "./draft";
import { Loading } from "./empty";
import { DropHere, heldOver } from "./file-drop";
import { count } from "./format";
import { soughtReply } from "./go-to";
import { openLiveThread } from "./live-threads";
import { attentive } from "./media";
import { MessageRow, OutgoingRow } from "./message-row";
import { Panel } from "./panel";
import { isArchived } from "./room-rights";
import { attempt } from "./toasts";

const NEAR = 80; // px from the end: what is new is scrolled to

/** What every row of a panel is told. */
const around = { first: true, day: null, unread: false, tabbable: true, inThread: true };

/** Keys of their own, for the same message may stand in the room, too. */
const keyOf = (id: string) => `thread ${id}`;

function FollowButton({ thread }: { thread: LiveThread }) {
  const following = thread.mark.value?.following ?? false;
  return (
    <button type="button" class="button small" aria-pressed={following}
      onClick={() => void attempt(() => thread.follow(!following))}>
      {following ? "Following" : "Follow"}
    </button>
  );
}

function ThreadMenu({ thread }: { thread: LiveThread }) {
  const last = thread.replies.value.messages.findLast(({ deletedAt }) => !deletedAt);
  if (!last || !thread.mark.value?.following) return null;
  const markUnread = () => void attempt(async () => {
    await thread.markUnread(last.id);
    announce("The thread is marked as unread");
  });
  return (
    <MenuButton label="Thread menu">
      {(close) => <MenuItem onClick={() => { close(); markUnread(); }}>Mark as unread</MenuItem>}
    </MenuButton>
  );
}

/** The replies of a thread that are on their way (reads a signal). */
function outgoingOf({ rootId }: LiveThread): OutboxEntry[] {
  return model.waiting.value.filter(({ replyTo }) => replyTo === rootId);
}

function ThreadComposer({ open: { roomId, room }, thread: { rootId } }: { open: OpenRoom; thread: LiveThread }) {
  const writing = useMemo(() => new Writing(() => ({ rootId })), []);
  const alsoToRoom = useSignal(false);
  useEffect(() => {
    inThread.value = writing;
    return () => { inThread.value = null; };
  }, []);
  const send = (draft: Draft) => model.send({ roomId }, { ...draft, replyTo: rootId }, { alsoToRoom: alsoToRoom.peek() });
  return (
    <ComposerBox writing={writing} class="thread-composer" form="Reply in the thread" label="Reply in the thread"
      sendLabel="Send reply" placeholder="Reply…" send={send}>
      <label class="also-to-room">
        <input type="checkbox" checked={alsoToRoom.value} onChange={(event) => (alsoToRoom.value = event.currentTarget.checked)} />
        {room.value ? "Also to the room" : "Also to the conversation"}
      </label>
    </ComposerBox>
  );
}

/** Follows the end of a list while one is near it, and always for what one writes oneself. */
function useEnd(last: string | undefined, mine: boolean) {
  const end = useRef<HTMLDivElement>(null);
  const near = useRef(true);
  useEffect(() => {
    const body = end.current?.closest<HTMLElement>(".panel-body");
    if (!body) return;
    const note = () => { near.current = body.scrollHeight - body.scrollTop - body.clientHeight < NEAR; };
    body.addEventListener("scroll", note, { passive: true });
    return () => body.removeEventListener("scroll", note);
  }, []);
  useLayoutEffect(() => {
    const body = end.current?.closest<HTMLElement>(".panel-body");
    if (body && (near.current || mine)) body.scrollTop = body.scrollHeight;
  }, [last, mine]);
  return end;
}

/** Goes to the reply that was asked for, however far up it is. Answers its id. */
function useSoughtReply(thread: LiveThread, list: { current: HTMLElement | null }): string | null {
  const reached = useSignal<string | null>(null);
  const sought = soughtReply.value;
  useEffect(() => {
    if (!sought) return;
    void attempt(async () => {
      const there = await thread.reach(sought.id);
      if (soughtReply.peek() !== sought) return; // another one is
      soughtReply.value = null;
      reached.value = there ? sought.id : null;
    });
  }, [sought]);
  useLayoutEffect(() => {
    const row = reached.value && list.current?.querySelector<HTMLElement>(`[data-key="${CSS.escape(keyOf(reached.value))}"]`);
    if (!row) return;
    row.scrollIntoView({ block: "center" });
    row.focus({ preventScroll: true });
  }, [reached.value]);
  return reached.value;
}

function Replies({ thread }: { thread: LiveThread }) {
  const { messages, atStart } = thread.replies.value;
  const root = thread.root.value;
  const outgoing = outgoingOf(thread);
  const end = useEnd(outgoing.at(-1)?.clientId ?? messages.at(-1)?.id, outgoing.length > 0);
  const list = useRef<HTMLDivElement>(null);
  const reached = useSoughtReply(thread, list);
  const looked = useComputed(() => attentive.value && thread.replies.value.messages.at(-1)?.id);
  useEffect(() => { if (looked.value) void thread.read(); }, [looked.value, thread.mark.value?.following]);
  const number = root?.thread?.replyCount ?? 0;
  return (
    <>
      <div role="list" aria-label="The message">
        {root && <MessageRow message={root} rowKey={keyOf(root.id)} {...around} />}
      </div>
      <p class="replies-line">{number ? count(number, "reply", "replies") : "No replies yet"}</p>
      {!atStart && (
        <button type="button" class="button small quiet wide" onClick={() => void attempt(() => thread.loadOlder())}>
          Show earlier replies
        </button>
      )}
      <div ref={list} role="list" aria-label="Replies">
        {messages.map((message) => (
          <MessageRow key={message.id} message={message} rowKey={keyOf(message.id)} sought={message.id === reached} {...around} />
        ))}
        {outgoing.map((entry) => <OutgoingRow key={entry.clientId} entry={entry} rowKey={keyOf(entry.clientId)} {...around} />)}
      </div>
      <div ref={end} />
    </>
  );
}

export function ThreadPanel({ open, rootId }: { open: OpenRoom; rootId: string }) {
  const { thread, close } = useMemo(() => openLiveThread(open.roomId, rootId), []);
  useEffect(() => close, []);
  const status = thread.status.value;
  return (
    <Panel title="Thread">
      {status === "loading" && <Loading />}
      {status === "failed" && <Problem text={thread.error.value} />}
      {status === "ready" && (
        <>
          <div class="thread-head"><FollowButton thread={thread} /><ThreadMenu thread={thread} /></div>
          <Replies thread={thread} />
          {thread.root.value?.deletedAt
            ? <p class="list-note">The message was deleted, so nobody can reply any more.</p>
            : isArchived(open) ? <p class="list-note">The room is archived, so nobody can reply any more.</p>
            : <ThreadComposer open={open} thread={thread} />}
          {heldOver.value !== null && heldOver.value === inThread.value && <DropHere />}
        </>
      )}
    </Panel>
  );
}
