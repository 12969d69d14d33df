/** What can be done with a message beside what its row has buttons for. */

import { effect, signal } from "@preact/signals";
import type { Message } from "../client";
import { model } from "../model";
import { announce } from "./announcer";
import { copy } from "./clipboard";
import { MenuItem } from "./controls";
import { linkTo } from "./links";
import { Popover } from "./popover";
import { placeKey } from "./room-state";
import { saved, setSaved } from "./saved";
import { attempt } from "./toasts";

/** The message whose menu is open, and where on the window; `inThread`: it was opened in the panel of a thread. */
export const menuOf = signal<{ message: Message; inThread?: boolean | undefined; anchor: DOMRect } | null>(null);

const close = () => { menuOf.value = null; };

effect(() => {
  placeKey();
  close();
});

/** In its room, or in the thread that it stands in; an open thread hears of that by an event, as everybody does. */
async function markUnread({ id }: Message, inThread: boolean | undefined): Promise<void> {
  const event = inThread ? "thread:mark-unread" : "message:mark-unread";
  if (await attempt(() => model.link.call(event, { messageId: id }))) announce("Marked as unread from here on");
}

function isReply({ id, thread }: Message): boolean {
  return thread !== undefined && thread.rootId !== id;
}

/** Not within the row, which shows its buttons only as long as the pointer is on it. */
export function MessageMenu() {
  if (!menuOf.value) return null;
  const { message, inThread, anchor } = menuOf.value;
  const isSaved = saved.value.ids.has(message.id);
  const item = (label: string, run: () => void) => (
    <MenuItem onClick={() => { close(); run(); }}>{label}</MenuItem>
  );
  return (
    <Popover label="Message" role="menu" class="menu" anchor={anchor} onClose={close}>
      {item(isSaved ? "Remove from saved" : "Save message", () => void attempt(() => setSaved(message, !isSaved)))}
      {(!inThread || isReply(message)) && item("Mark as unread", () => void markUnread(message, inThread))}
      {item("Copy link", () => void copy(linkTo(message), "The link is copied."))}
    </Popover>
  );
}
