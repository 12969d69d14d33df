/** What one chooses for oneself: whom to hear nothing of, and what not to be called for. */

import type { Mute, UserRef } from "../client";
import { now } from "./clock";
import { nameOf } from "./format";
import { later } from "./load-later";
import { attempt } from "./toasts";

/** Whether a room or conversation is muted now (reads a signal). */
export function isMuted({ muted, mutedUntil }: Pick<Mute, "muted" | "mutedUntil">): boolean {
  return muted && (!mutedUntil || Date.parse(mutedUntil) > now());
}

/** Blocks somebody, after asking, or no longer does. */
export const toggleBlock = (user: UserRef) => attempt(async () => (await later()).toggleBlock(user));

/** Stands where one would write to somebody whom one has blocked. */
export function BlockedNote({ user }: { user: UserRef }) {
  return (
    <div class="composer blocked-note">
      <p>You have blocked {nameOf(user)}.</p>
      <button type="button" class="button small" onClick={() => void toggleBlock(user)}>Unblock</button>
    </div>
  );
}
