import type { Room } from "../client";
import { inLists, unreadOf, waits } from "./list-order";

/** A room or conversation as the lists have it. */
export interface Listed {
  roomId: string;
  kind: Room["kind"] | "group";
  /** Its name; of a person the username as well, where they have another name. */
  names: readonly string[];
  unread: number;
  waits: boolean;
}

/** All that is listed, in its order (reads signals). */
export function listed(): Listed[] {
  const { rooms, conversations, archived } = inLists();
  return [...rooms, ...conversations, ...archived].map((one) => {
    const said = { unread: unreadOf(one), waits: waits(one) };
    if ("membership" in one) return { roomId: one.id, kind: one.group ? "group" : one.kind, names: [one.name ?? ""], ...said };
    const { displayName, username } = one.user;
    return { roomId: one.roomId, kind: "direct", names: displayName ? [displayName, username] : [username], ...said };
  });
}
