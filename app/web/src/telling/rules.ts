/** Which messages the page tells of, by the user's settings, and in which words. As the server decides for pushes. */
import type { Message, NotificationSettings, Room, RoomNotifications } from "../client";
import { excerpt, toPlain } from "../message-text";

export type Level = NotificationSettings["level"];

/** What is known of a message when it comes. */
export interface Heard {
  message: Message;
  /** The name of its room; null in a direct conversation, and in a group. */
  room: string | null;
  /** Whether it names the user, or a group that the user is one of. */
  named: boolean;
  /** Whether it came as a reply in a thread that the user follows: then it comes as any message, too. */
  followed: boolean;
  muted: boolean;
  level: Level;
}

const LONGEST = 120; // characters of a message that are shown

/**
 * Whether a message is one to tell of: what is direct or names the user, or with `all` any that stands in the room; and
 * a reply in a thread that one follows, once.
 */
export function concerns({ message, room, named, followed, muted, level }: Heard): boolean {
  if (muted || level === "nothing") return false;
  const anyhow = named || room === null || (level === "all" && message.alsoToRoom !== false);
  return anyhow !== followed;
}

/** The level that counts in a room. */
export function levelIn(own: Level, room: RoomNotifications["level"] | undefined): Level {
  return room && room !== "default" ? room : own;
}

/** Whether nothing is to be told now: everything is muted, or it is one of the quiet hours. */
export function isQuiet({ quiet, quietFrom, quietTo, timeZone, mutedUntil }: NotificationSettings, now: Date): boolean {
  if (mutedUntil && Date.parse(mutedUntil) > now.getTime()) return true;
  if (!quiet || quietFrom === quietTo) return false;
  const clock = clockIn(timeZone, now);
  return quietFrom < quietTo ? clock >= quietFrom && clock < quietTo : clock >= quietFrom || clock < quietTo;
}

/** What a clock shows there: 07:30. */
export function clockIn(timeZone: string, now: Date): string {
  return new Intl.DateTimeFormat("en-GB", { timeZone, hour: "2-digit", minute: "2-digit" }).format(now);
}

/** The heading and the text of a notification, with as much of the message as the user wants shown. */
export function inWords(
  { message, room, named, followed }: Heard, content: NotificationSettings["content"],
): { title: string; body: string } {
  const kind = room === null ? "A direct message" : named ? "You were mentioned" : followed ? "A reply" : "A new message";
  if (content === "none") return { title: "Parley", body: kind };
  const who = message.sender.displayName || message.sender.username;
  const title = room === null ? who : `${who} in ${room}`;
  return { title, body: content === "sender" ? kind : shortened(message) || kind };
}

/** A message in one line, without its marks of Markdown. */
export function shortened({ content, attachments }: Message): string {
  return excerpt(toPlain.peek()(content) || attachments[0]?.name || "", LONGEST);
}

/** What waits for the user: mentions in rooms, and messages of conversations. */
export function waiting(
  rooms: readonly Pick<Room, "mentions">[], conversations: readonly { unread: number }[],
): number {
  return rooms.reduce((sum, { mentions }) => sum + mentions, 0) + conversations.reduce((sum, { unread }) => sum + unread, 0);
}
