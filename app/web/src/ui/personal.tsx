/** What one chooses for oneself: whom to hear nothing of, and what not to be called for. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Audience, Mute, Privacy, UserRef } from "../client";
import { model } from "../model";
import { announce } from "./announcer";
import { Avatar } from "./avatar";
import { confirm, Dialog } from "./dialog";
import { nameOf } from "./format";
import { closeDialog } from "./open-dialog";
import { attempt } from "./toasts";

/** Whether a room or conversation is muted now. */
export function isMuted({ muted, mutedUntil }: Pick<Mute, "muted" | "mutedUntil">): boolean {
  return muted && (!mutedUntil || Date.parse(mutedUntil) > Date.now());
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

const AUDIENCES: readonly (readonly [Audience, string])[] = [
  ["everyone", "Everyone"], ["shared_rooms", "People in a room with me"], ["nobody", "Nobody"],
];

export function PrivacyDialog() {
  const privacy = useSignal<Privacy | null>(null);
  useEffect(() => void attempt(async () => { privacy.value = await model.privacy(); }), []);
  const blocked = [...model.blocked.value.values()];
  const audience = (name: keyof Privacy, legend: string) => (
    <fieldset class="choices" disabled={!privacy.value}>
      <legend class="field-label">{legend}</legend>
      {AUDIENCES.map(([value, label]) => (
        <label key={value} class="choice">
          <input type="radio" name={name} checked={privacy.value?.[name] === value}
            onChange={() => void attempt(async () => { privacy.value = await model.setPrivacy({ [name]: value }); })} />
          <span>{label}</span>
        </label>
      ))}
    </fieldset>
  );
  return (
    <Dialog title="Privacy" onClose={closeDialog}>
      {audience("directMessages", "Who may begin a conversation with me")}
      {audience("invitations", "Who may invite me to rooms")}
      <section>
        <h3 class="section-head">Blocked people</h3>
        {blocked.length === 0 ? <p class="hint">You have blocked nobody.</p> : (
          <ul class="people" aria-label="Blocked people">
            {blocked.map((user) => (
              <li key={user.id} class="person">
                <Avatar user={user} />
                <strong class="person-text truncate">{nameOf(user)}</strong>
                <button type="button" class="button small" aria-label={`Unblock ${nameOf(user)}`}
                  onClick={() => void toggleBlock(user)}>Unblock</button>
              </li>
            ))}
          </ul>
        )}
      </section>
    </Dialog>
  );
}
