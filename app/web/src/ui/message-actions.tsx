/** The buttons over a message, and what they do. */

import type { Message } from "../client";
import { model } from "../model";
import { announce } from "./announcer";
import { copy } from "./clipboard";
import { IconButton } from "./controls";
import { confirm } from "./confirm";
import { replyTo } from "./draft";
import { nameOf } from "./format";
import { menuOf } from "./message-menu";
import { pin } from "./pins-panel";
import { isAdmin, isArchived, mayPin, pinsOf } from "./room-rights";
import { edit, reacting } from "./room-state";
import { openThread } from "./route";
import { attempt } from "./toasts";

export async function deleteAfterAsking(message: Message): Promise<void> {
  const mine = message.senderId === model.me.value?.id;
  const sure = await confirm({
    title: "Delete this message?",
    text: `${mine ? "Your message" : `${nameOf(message.sender)}'s message`} is removed for everyone. This cannot be undone.`,
    action: "Delete",
    danger: true,
  });
  if (sure && await attempt(() => model.deleteMessage(message.id))) announce("Message deleted");
}

/** In a room that is archived only what changes nothing. */
export function MessageActions({ message, inThread }: { message: Message; inThread?: boolean | undefined }) {
  const open = model.openedRoom.value;
  const mine = message.senderId === model.me.value?.id;
  const writable = !isArchived(open);
  const pinned = pinsOf(open).includes(message.id);
  return (
    <div class="actions" role="toolbar" aria-label="Message actions">
      {writable && (
        <IconButton icon="smile" label="React" size={18}
          onClick={(event) => (reacting.value = { message, anchor: event.currentTarget.getBoundingClientRect() })} />
      )}
      {!inThread && writable && <IconButton icon="reply" label="Reply" size={18} onClick={() => replyTo(message)} />}
      {!inThread && (
        <IconButton icon="message" label="Open thread" size={18}
          onClick={() => openThread(message.roomId, message.thread?.rootId ?? message.id)} />
      )}
      {message.content && (
        <IconButton icon="copy" label="Copy text" size={18} onClick={() => void copy(message.content)} />
      )}
      {mayPin(open) && (
        <IconButton icon="pin" label={pinned ? "Unpin" : "Pin"} size={18}
          onClick={() => void attempt(() => pin(message.id, !pinned))} />
      )}
      {mine && writable && (
        <IconButton icon="edit" label="Edit" size={18} onClick={() => edit(message)} />
      )}
      {(mine || isAdmin(open)) && writable && (
        <IconButton icon="trash" label="Delete" size={18} class="danger" onClick={() => void deleteAfterAsking(message)} />
      )}
      <IconButton icon="more" label="More actions" size={18} aria-haspopup="menu" aria-expanded={menuOf.value?.message.id === message.id}
        onClick={(event) => (menuOf.value = { message, inThread, anchor: event.currentTarget.getBoundingClientRect() })} />
    </div>
  );
}
