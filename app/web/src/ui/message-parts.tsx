/** What stands in a message's row beside its text. */

import { useComputed, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Message, Reaction } from "../client";
import { excerpt, toPlain } from "../message-text";
import { model, type OutboxEntry } from "../model";
import { emojiName } from "./emoji";
import { briefTime, count, inWords as names, nameOf } from "./format";
import { goTo } from "./go-to";
import { Icon } from "./icons";
import { isArchived } from "./room-rights";
import { reacting } from "./room-state";
import { openThread } from "./route";
import { attempt } from "./toasts";

/** The text of a message without its markup, for quotes, previews and screen readers (reads a signal). */
export function summary(message: Pick<Message, "content" | "attachments" | "deletedAt">): string {
  return message.deletedAt ? "Message deleted" : toPlain.value(message.content) || filesInWords(message);
}

/** As much of it as fits into a line. */
export function preview(message: Parameters<typeof summary>[0]): string {
  return excerpt(summary(message), 200);
}

export function filesInWords({ attachments }: Pick<Message, "attachments">): string {
  const [file, ...others] = attachments;
  return file ? `${file.name}${others.length ? ` and ${others.length} more` : ""}` : "";
}

/** The message that another answers, to jump to. */
export function Quote({ messageId }: { messageId: string }) {
  const loaded = useComputed(() =>
    model.openedRoom.value?.timeline.value.messages.findLast((message) => message.id === messageId));
  const found = useSignal<Message | null | undefined>(undefined);
  const isLoaded = loaded.value !== undefined;
  useEffect(() => {
    if (isLoaded) return;
    model.findMessage(messageId).then(
      (message) => { found.value = message; },
      () => { found.value = null; }, // shown as one that is not there
    );
  }, [messageId, isLoaded]);
  const original = loaded.value ?? found.value;
  if (original === undefined) return <p class="quote"><span class="bone" />Loading the original…</p>;
  if (original === null || original.deletedAt) return <p class="quote">Original message deleted</p>;
  const jump = () => void attempt(() => goTo(original));
  return (
    <button type="button" class="quote" onClick={jump}>
      <Icon name="reply" size={14} />
      <strong><span class="sr-only">In reply to </span>{nameOf(original.sender)}</strong>
      <span class="truncate">{preview(original)}</span>
    </button>
  );
}

/** How many replies a message has, to open their thread. */
export function Replies({ message: { id, roomId, thread } }: { message: Message }) {
  if (thread?.rootId !== id || !thread.replyCount) return null;
  return (
    <button type="button" class="replies" onClick={() => openThread(roomId, id)}>
      {count(thread.replyCount, "reply", "replies")}
      {thread.lastReplyAt && <time dateTime={thread.lastReplyAt}>{briefTime(thread.lastReplyAt)}</time>}
    </button>
  );
}

function ReactionPill({ message, reaction }: { message: Message; reaction: Reaction }) {
  const me = model.me.value?.id ?? "";
  const mine = reaction.userIds.includes(me);
  const who = reaction.userIds.map((id) => {
    const user = model.userOf(id);
    return id === me ? "you" : user ? nameOf(user) : "someone";
  });
  const label = `${emojiName(reaction.kind)}, ${who.length}: ${names(who, 6)}`;
  const toggle = () => void attempt(() =>
    mine ? model.unreact(message.id, reaction.kind) : model.react(message.id, reaction.kind));
  return (
    <button type="button" class="reaction" aria-pressed={mine} aria-label={label} title={label} disabled={isArchived(model.openedRoom.value)}
      onClick={toggle}>
      <span aria-hidden="true">{reaction.kind}</span> {reaction.userIds.length}
    </button>
  );
}

export function Reactions({ message }: { message: Message }) {
  if (message.reactions.length === 0) return null;
  return (
    <div class="reactions" role="group" aria-label="Reactions">
      {message.reactions.map((reaction) => <ReactionPill key={reaction.kind} message={message} reaction={reaction} />)}
      {!isArchived(model.openedRoom.value) && (
        <button type="button" class="reaction" aria-label="Add another reaction"
          onClick={(event) => (reacting.value = { message, anchor: event.currentTarget.getBoundingClientRect() })}>
          <Icon name="smile" size={16} />
        </button>
      )}
    </div>
  );
}

/** Whether an outgoing message is on its way or failed, and what to do about it. */
export function Delivery({ entry }: { entry: OutboxEntry }) {
  if (entry.state === "failed") {
    return (
      <p class="delivery failed" role="alert">
        <Icon name="warning" size={14} /> Not sent. {entry.error}
        <button type="button" onClick={() => model.retry(entry.clientId)}>Retry</button>
        <button type="button" onClick={() => model.discard(entry.clientId)}>Discard</button>
      </p>
    );
  }
  if (entry.state === "sent") return null;
  const waiting = model.connection.value.status !== "online";
  return (
    <p class="delivery">
      {!waiting && <span class="spinner" aria-hidden="true" />}
      {waiting ? "Waiting for a connection" : "Sending…"}
    </p>
  );
}
