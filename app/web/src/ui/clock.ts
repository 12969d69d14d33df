/** The time, for what is shown of it: who reads it while drawing is drawn again when it has moved on. */

import { signal } from "@preact/signals";

const MINUTE = 60_000; // ms
const LOOK = 10_000; // ms

const minute = signal(0);
const day = signal("");

function look(): void {
  minute.value = Math.floor(Date.now() / MINUTE);
  day.value = new Date().toDateString();
}

look();
setInterval(look, LOOK);
// The timers of a page that nobody sees, or of a device that sleeps, stand still.
document.addEventListener("visibilitychange", look);

/** Now, in ms; moves on each minute (reads a signal). */
export function now(): number {
  void minute.value;
  return Date.now();
}

/** Today; moves on at midnight (reads a signal). */
export function today(): Date {
  void day.value;
  return new Date();
}
