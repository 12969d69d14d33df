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

async function markUnread({ id }: Message): Promise<void> {
  if (await attempt(() => model.link.call("message:mark-unread", { messageId: id }))) announce("Marked as unread from here on");
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
      {!inThread && item("Mark as unread", () => void markUnread(message))}
      {item("Copy link", () => void copy(linkTo(message), "The link is copied."))}
    </Popover>
  );
}
