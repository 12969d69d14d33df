/** One row of the timeline. Rows read only their own signals, so that a long list draws again only what changed. */

import { useComputed } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { Message, UserRef } from "../client";
import { model, type OutboxEntry } from "../model";
import { Attachments } from "./attachments";
import { Avatar } from "./avatar";
import { count, dayName, nameOf, shortNameOf, timeOfDay, wholeTime } from "./format";
import { Icon } from "./icons";
import { Later, loaded } from "./load-later";
import { Delivery, Quote, Reactions, Replies, summary } from "./message-parts";
import { pinsOf } from "./room-rights";
import { activeRow, edits } from "./room-state";
import { isJumbo, RichText } from "./rich-text";

/** What a row is told by its neighbours. */
export interface Surroundings {
  rowKey: string;
  /** Begins a group: shows author and time. */
  first: boolean;
  /** A time on the day to name above it. */
  day: string | null;
  /** The first one unread when the room was opened. */
  unread: boolean;
  /** Whether Tab reaches it; the arrow keys go on from there. */
  tabbable: boolean;
}

interface RowProps extends Surroundings {
  label: string;
  children: ComponentChildren;
}

function Row({ rowKey, day, unread, tabbable, label, children }: RowProps) {
  const active = useComputed(() => activeRow.value === rowKey);
  const activate = () => { activeRow.value = rowKey; };
  return (
    <div role="listitem" class={`row ${active.value ? "active" : ""}`} data-key={rowKey} tabIndex={tabbable ? 0 : -1}
      aria-label={label} onFocusCapture={activate} onClick={activate}
      onPointerEnter={(event) => event.pointerType === "mouse" && activate()}>
      {day && <p class="day"><time dateTime={day}>{dayName(day)}</time></p>}
      {unread && <p class="unread-line">New</p>}
      {children}
    </div>
  );
}

function Text({ message }: { message: Pick<Message, "content" | "mentions" | "groupMention"> & { editedAt?: string | null } }) {
  if (!message.content) return null;
  return (
    <div class={`content ${isJumbo(message.content) ? "jumbo" : ""}`} dir="auto">
      <RichText message={message} />
      {message.editedAt && (
        <Later draw={({ EditedMark }) => <EditedMark message={message as Message} />} waiting={<span class="edited">(edited)</span>} />
      )}
    </div>
  );
}

function Byline({ user, time }: { user: UserRef; time: string }) {
  return (
    <p class="byline">
      <strong>{shortNameOf(user)}</strong>
      {user.displayName && <small>@{user.username}</small>}
      <time dateTime={time} title={wholeTime(time)}>{timeOfDay(time)}</time>
    </p>
  );
}

function labelOf(message: Message): string {
  const parts = [`${nameOf(message.sender)}, ${timeOfDay(message.createdAt)}: ${summary(message)}`];
  if (message.content && message.attachments.length) parts.push(count(message.attachments.length, "attachment"));
  const reactions = message.reactions.reduce((sum, one) => sum + one.userIds.length, 0);
  if (reactions) parts.push(count(reactions, "reaction"));
  if (message.editedAt) parts.push("edited");
  if (message.thread?.rootId === message.id && message.thread.replyCount) {
    parts.push(count(message.thread.replyCount, "reply", "replies"));
  }
  return parts.join(", ");
}

function mentionsMe({ mentions, groupMention, senderId }: Message, me: string): boolean {
  return mentions.includes(me) || (groupMention !== null && senderId !== me);
}

/** `inThread`: in the panel of its thread, which shows what it answers and how many replies there are; `sought`: to be shown there. */
export function MessageRow({ message, inThread, sought, ...row }: Surroundings & {
  message: Message; inThread?: boolean; sought?: boolean;
}) {
  const me = model.me.value?.id ?? "";
  const active = useComputed(() => activeRow.value === row.rowKey);
  const edited = useComputed(() => message.id in edits.value);
  const pinned = useComputed(() => pinsOf(model.openedRoom.value).includes(message.id));
  const found = useComputed(() => model.openedRoom.value?.timeline.value.target?.messageId === message.id);
  if (message.deletedAt || message.type === "system") {
    return (
      <Row {...row} label={labelOf(message)}>
        <p class="system">{message.deletedAt ? `${nameOf(message.sender)}: message deleted` : message.content}</p>
        {!inThread && <Replies message={message} />}
      </Row>
    );
  }
  const Actions = loaded()?.MessageActions;
  const marks = [row.first && "first", (sought || found.value) && "found", mentionsMe(message, me) && "mentions-me"];
  return (
    <Row {...row} label={labelOf(message)}>
      <div class={`message ${marks.filter(Boolean).join(" ")}`}>
        {row.first
          ? <Avatar user={message.sender} />
          : <span class="gutter-time" aria-hidden="true">{timeOfDay(message.createdAt).replace(/\s?[ap]m$/i, "")}</span>}
        <div>
          {row.first && <Byline user={message.sender} time={message.createdAt} />}
          {message.replyTo && !inThread && <Quote messageId={message.replyTo} />}
          {edited.value
            ? <Later draw={({ EditBox }) => <EditBox message={message} />} waiting={<Text message={message} />} />
            : <Text message={message} />}
          <Attachments files={message.attachments} />
          {message.previews && <Later draw={({ Previews }) => <Previews of={message.previews!} />} waiting={null} />}
          {pinned.value && <p class="pinned"><Icon name="pin" size={14} />Pinned</p>}
          <Reactions message={message} />
          {!inThread && <Replies message={message} />}
        </div>
        {active.value && !edited.value && Actions && <Actions message={message} inThread={inThread} />}
      </div>
    </Row>
  );
}

/** A message that is not there yet, shown as if it were. */
export function OutgoingRow({ entry, inThread, ...row }: Surroundings & { entry: OutboxEntry; inThread?: boolean }) {
  const me = model.me.value;
  if (!me) return null;
  const state = { pending: "sending", sent: "sent", failed: "not sent" }[entry.state];
  return (
    <Row {...row} label={`You, ${state}: ${summary({ ...entry, deletedAt: null })}`}>
      <div class={`message ${row.first ? "first" : ""} ${entry.state}`}>
        {row.first ? <Avatar user={me} /> : <span class="gutter-time" aria-hidden="true" />}
        <div>
          {row.first && <Byline user={me} time={entry.createdAt} />}
          {entry.replyTo && !inThread && <Quote messageId={entry.replyTo} />}
          <Text message={{ content: entry.content, mentions: [], groupMention: null }} />
          <Attachments files={entry.attachments} />
          <Delivery entry={entry} />
        </div>
      </div>
    </Row>
  );
}
