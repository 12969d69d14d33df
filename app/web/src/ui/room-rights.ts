/** What one may do in the open room, and what is pinned in it (all read signals). */

import type { OpenRoom } from "../model";

/** Whether nothing is written in it any more. */
export function isArchived(open: OpenRoom | null): boolean {
  return !!open?.room.value?.archivedAt;
}

export function isAdmin(open: OpenRoom | null): boolean {
  return open?.room.value?.membership.role === "admin";
}

/** The ids of the pinned messages, in their order. */
export function pinsOf(open: OpenRoom | null): readonly string[] {
  return (open?.room.value ?? open?.conversation.value)?.pins ?? [];
}

/** Admins pin in a room, whoever is in it in a conversation. */
export function mayPin(open: OpenRoom | null): boolean {
  const room = open?.room.value;
  return room && !room.group ? isAdmin(open) && !room.archivedAt : !!(room ?? open?.conversation.value);
}
