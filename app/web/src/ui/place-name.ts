import { model } from "../model";
import { nameOf } from "./format";

/** What a room or conversation of one's own is called (reads signals). */
export function placeName(roomId: string): string {
  const room = model.rooms.value.find(({ id }) => id === roomId);
  const conversation = model.conversations.value.find((one) => one.roomId === roomId);
  return room?.name ?? (conversation ? nameOf(conversation.user) : "Direct message");
}
