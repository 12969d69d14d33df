/** Links to messages: `#/r/ROOM/m/MESSAGE` opens the room at the message. */

import { ChatError, failure, type Message } from "../client";
import { model } from "../model";
import { goTo } from "./go-to";
import { go, href, route } from "./route";
import { tell } from "./toasts";

/** The address of a message, for others as well: whoever is in its room comes to it. */
export function linkTo({ roomId, id }: Message): string {
  return new URL(`/${href({ name: "room", roomId, panel: null, messageId: id })}`, location.origin).href;
}

/** Opens the message of a notification or a link. Rejects with a ChatError, also where it was deleted. */
export async function openMessage(messageId: string): Promise<void> {
  const message = await model.link.call("message:get", { messageId });
  if (message.deletedAt) throw failure("not_found");
  await goTo(message);
}

/**
 * Opens the message of the address, which is that of its room from then on. Where it cannot be had it says why, and
 * shows the room: one that is public is offered, and the message is opened once one has joined it.
 */
export async function openLinked(roomId: string, messageId: string): Promise<void> {
  try {
    await openMessage(messageId);
  } catch (error) {
    if (!(error instanceof ChatError)) throw error;
    if (error.reason === "offline") return; // it is asked again with the connection
    model.openRoom(roomId);
    if (error.reason === "not_a_member") return; // what becomes of the room says enough
    tell(error.reason === "not_found" ? "The message that the link leads to is not there any more." : error.message, "error");
  }
  const at = route.value;
  if (at.name === "room" && at.messageId === messageId) go({ name: "room", roomId: at.roomId, panel: null }, true);
}
