/** The lists and their order: favourites first, then, by a choice of this browser, what is unread. */

import { signal } from "@preact/signals";
import { type Conversation, Kept, type Room } from "../client";
import { model } from "../model";
import { shelfOr } from "../shelves";
import { isMuted } from "./personal";
import { route } from "./route";

const kept = new Kept(shelfOr(() => localStorage).shelf);

export const unreadFirst = signal(kept.get<boolean>("unread-first") ?? true);

export function setUnreadFirst(first: boolean): void {
  unreadFirst.value = first;
  kept.set("unread-first", first);
}

type Listed = Room | Conversation;

/** The room that is open, and whether something in it was waiting when it was opened: it keeps its place meanwhile. */
let opened = { roomId: "", waits: false };

/** What one has chosen for a room or a conversation. */
const choiceOf = (one: Listed) => ("membership" in one ? one.membership : one);

/** What counts as unread of it (reads a signal). */
export function unreadOf(one: Listed): number {
  return isMuted(choiceOf(one)) ? 0 : one.unread;
}

/** Whether something in it waits to be read (reads a signal). */
export function waits(one: Listed): boolean {
  return unreadOf(one) > 0 || ("mentions" in one && one.mentions > 0);
}

/** When the last message was written, as a text that sorts. */
const lastOf = (one: Listed) => ("membership" in one ? one.group?.lastMessageAt : one.lastMessage?.createdAt) ?? "";

function inOrder<T extends Listed>(all: readonly T[]): T[] {
  const at = route.value;
  const open = at.name === "room" ? at.roomId : "";
  if (open !== opened.roomId) opened = { roomId: "", waits: false };
  const rank = (one: T) => {
    const here = ("membership" in one ? one.id : one.roomId) === open;
    if (here && !opened.roomId) opened = { roomId: open, waits: waits(one) };
    return choiceOf(one).favorite ? 0 : unreadFirst.value && (here ? opened.waits : waits(one)) ? 1 : 2;
  };
  return all.map((one) => [rank(one), one] as const).sort(([a], [b]) => a - b).map(([, one]) => one);
}

/** What is in which list, in its order (reads signals). Groups are among the conversations. */
export function inLists(): { rooms: Room[]; conversations: Listed[]; archived: Room[] } {
  const rooms = model.rooms.value;
  const groups = rooms.filter(({ group }) => group);
  return {
    rooms: inOrder(rooms.filter(({ archivedAt, group }) => !archivedAt && !group)),
    conversations: inOrder([...model.conversations.value, ...groups].sort((a, b) => lastOf(b).localeCompare(lastOf(a)))),
    archived: rooms.filter(({ archivedAt }) => archivedAt),
  };
}
