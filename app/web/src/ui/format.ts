/** Times, sizes and names in words. */

import type { UserRef } from "../client";
import { now, today } from "./clock";

const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "long" });
const shortDay = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const longDay = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const dayAndYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });

const DAY_MS = 86_400_000;

/** Days between the calendar day of `time` and today's: 0 today, 1 yesterday. */
function daysAgo(time: string): number {
  const midnight = (date: Date) => new Date(date).setHours(0, 0, 0, 0);
  return Math.round((midnight(today()) - midnight(new Date(time))) / DAY_MS);
}

export function sameDay(a: string, b: string): boolean {
  return new Date(a).toDateString() === new Date(b).toDateString();
}

export function timeOfDay(time: string): string {
  return clock.format(new Date(time));
}

export function wholeTime(time: string): string {
  return whole.format(new Date(time));
}

/** The day of a separator: Today, Yesterday, Monday 3 March, 3 March 2025. */
export function dayName(time: string): string {
  const ago = daysAgo(time);
  if (ago === 0) return "Today";
  if (ago === 1) return "Yesterday";
  return (ago < 300 ? longDay : dayAndYear).format(new Date(time));
}

/** As short as a list needs it: 14:05, Yesterday, Monday, 3 Mar. */
export function briefTime(time: string): string {
  const ago = daysAgo(time);
  if (ago === 0) return timeOfDay(time);
  if (ago === 1) return "Yesterday";
  return (ago < 7 ? weekday : shortDay).format(new Date(time));
}

export function lastSeen(time: string | null): string {
  if (time === null) return "Offline";
  const minutes = Math.floor((now() - Date.parse(time)) / 60_000);
  if (minutes < 1) return "Last seen just now";
  if (minutes < 60) return `Last seen ${minutes} min ago`;
  return daysAgo(time) === 0 ? `Last seen at ${timeOfDay(time)}` : `Last seen ${briefTime(time)}`;
}

export function fileSize(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${Math.round(bytes / 1000)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** What somebody is called, for where the username stands beside it: others may call themselves the same. */
export function shortNameOf(user: UserRef): string {
  return user.displayName || user.username;
}

/** A name that nobody else can have: a display name goes with the username. */
export function nameOf(user: UserRef): string {
  return user.displayName ? `${user.displayName} @${user.username}` : user.username;
}

/** "Ann", "Ann and Bob", "Ann, Bob and 3 more". */
export function inWords(names: string[], most = 3): string {
  if (names.length <= 1) return names[0] ?? "";
  const rest = names.length - (most - 1);
  if (names.length > most) return `${names.slice(0, most - 1).join(", ")} and ${rest} more`;
  return `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}`;
}

export function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}

/** What a badge shows: the server counts unread messages no further than 1000. */
export function badge(n: number): string {
  return n > 99 ? "99+" : String(n);
}
