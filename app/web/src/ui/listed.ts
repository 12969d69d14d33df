import type { Room } from "../client";
import { model } from "../model";
import { inOrder, unreadOf, waits } from "./list-order";

/** A room or conversation as the lists have it. */
export interface Listed {
  roomId: string;
  kind: Room["kind"];
  /** Its name; of a person the username as well, where they have another name. */
  names: readonly string[];
  unread: number;
  waits: boolean;
}

/** All that is listed, in its order (reads signals). */
export function listed(): Listed[] {
  return [
    ...inOrder(model.rooms.value).map((room) => (
      { roomId: room.id, kind: room.kind, names: [room.name ?? ""], unread: unreadOf(room), waits: waits(room) })),
    ...inOrder(model.conversations.value).map((one) => {
      const { displayName, username } = one.user;
      const names = displayName ? [displayName, username] : [username];
      return { roomId: one.roomId, kind: "direct" as const, names, unread: unreadOf(one), waits: waits(one) };
    }),
  ];
}
