/** The rows of a timeline: the messages that are loaded and, after them, what is on its way. */

import type { Message } from "../client";
import type { OutboxEntry } from "../model";
import { drawnSize, isPicture } from "./attachments";
import { sameDay } from "./format";

export type Item = Message | OutboxEntry;

/** Messages of one author within this time stand under one name. */
const GROUP_MS = 5 * 60_000;

export function isOutgoing(item: Item): item is OutboxEntry {
  return "state" in item;
}

export function authorOf(item: Item, me: string): string {
  return isOutgoing(item) ? me : item.senderId;
}

/** One key for a message from its sending to its arrival, so that its row stays the same. */
export function keyOf(item: Item, me: string): string {
  if (isOutgoing(item)) return item.clientId;
  return item.senderId === me && item.clientId ? item.clientId : item.id;
}

/** The day to name above an item, null when it is that of the item before. */
export function newDay(item: Item, before: Item | undefined): string | null {
  return before && sameDay(before.createdAt, item.createdAt) ? null : item.createdAt;
}

/** Whether an item begins a group, and so shows its author and time. */
export function beginsGroup(item: Item, before: Item | undefined, me: string): boolean {
  if (!before || authorOf(before, me) !== authorOf(item, me) || item.replyTo !== null) return true;
  if (!isOutgoing(before) && (before.type === "system" || before.deletedAt !== null)) return true;
  return Date.parse(item.createdAt) - Date.parse(before.createdAt) > GROUP_MS;
}

const LINE = 22; // px
const LETTER = 7.3; // px, about, of the text's font
const FRAME = 5; // px of padding about a message
const BYLINE = 34; // px of name and margins of a group's first
const SEPARATOR = 38; // px of a day's name
const CARD = 64; // px of a file or a row of reactions with its margins

/** About how high an item will be drawn in a list `width` px wide. */
export function estimateHeight(item: Item, before: Item | undefined, me: string, width: number): number {
  const perLine = Math.max(20, (width - 90) / LETTER);
  let lines = 0;
  for (const line of item.content.split("\n")) lines += Math.max(1, Math.ceil(line.length / perLine));
  let height = FRAME + (item.content ? lines * LINE : 0);
  if (beginsGroup(item, before, me)) height += BYLINE;
  if (newDay(item, before)) height += SEPARATOR;
  if (item.replyTo) height += LINE + 4;
  if (!isOutgoing(item) && item.reactions.length) height += CARD / 2;
  if (!isOutgoing(item) && item.thread?.rootId === item.id && item.thread.replyCount) height += CARD / 2;
  for (const file of item.attachments) height += isPicture(file.mediaType) ? drawnSize(file).height + 8 : CARD;
  return height;
}
