/** What one chooses for oneself: what not to be called for. */

import type { Mute } from "../client";
import { now } from "./clock";

/** Whether a room or conversation is muted now (reads a signal). */
export function isMuted({ muted, mutedUntil }: Pick<Mute, "muted" | "mutedUntil">): boolean {
  return muted && (!mutedUntil || Date.parse(mutedUntil) > now());
}
