/** What one chooses for oneself: whom to hear nothing of, and what not to be called for. */

import type { Mute, UserRef } from "../client";
import { model } from "../model";
import { announce } from "./announcer";
import { now } from "./clock";
import { confirm } from "./confirm";
import { nameOf } from "./format";
import { attempt } from "./toasts";

/** Whether a room or conversation is muted now (reads a signal). */
export function isMuted({ muted, mutedUntil }: Pick<Mute, "muted" | "mutedUntil">): boolean {
  return muted && (!mutedUntil || Date.parse(mutedUntil) > now());
}

export async function toggleBlock(user: UserRef): Promise<void> {
  const name = nameOf(user);
  if (model.blocked.peek().has(user.id)) {
    if (await attempt(() => model.unblock(user.id))) announce(`${name} is no longer blocked`);
    return;
  }
  const sure = await confirm({
    title: `Block ${name}?`,
    text: `${name} cannot write to you, invite you or mention you any more, nor see whether you are online or typing. `
      + `Nobody tells ${name}. What ${name} writes in rooms that you are both in stays there.`,
    action: "Block",
    danger: true,
  });
  if (sure && await attempt(() => model.block(user.id))) announce(`${name} is blocked`);
}

/** Stands where one would write to somebody whom one has blocked. */
export function BlockedNote({ user }: { user: UserRef }) {
  return (
    <div class="composer blocked-note">
      <p>You have blocked {nameOf(user)}.</p>
      <button type="button" class="button small" onClick={() => void toggleBlock(user)}>Unblock</button>
    </div>
  );
}
