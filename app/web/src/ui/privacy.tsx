/** Who may write to one, and whom one has blocked. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Audience, Privacy } from "../client";
import { model } from "../model";
import { Avatar } from "./avatar";
import { Dialog } from "./dialog";
import { nameOf } from "./format";
import { closeDialog } from "./open-dialog";
import { toggleBlock } from "./blocking";
import { attempt } from "./toasts";

const AUDIENCES: readonly (readonly [Audience, string])[] = [
  ["everyone", "Everyone"], ["shared_rooms", "People in a room with me"], ["nobody", "Nobody"],
];

export function PrivacyDialog() {
  const privacy = useSignal<Privacy | null>(null);
  useEffect(() => void attempt(async () => { privacy.value = await model.link.call("user:privacy", {}); }), []);
  const blocked = [...model.blocked.value.values()];
  const audience = (name: keyof Privacy, legend: string) => (
    <fieldset class="choices" disabled={!privacy.value}>
      <legend class="field-label">{legend}</legend>
      {AUDIENCES.map(([value, label]) => (
        <label key={value} class="choice">
          <input type="radio" name={name} checked={privacy.value?.[name] === value}
            onChange={() => void attempt(async () => { privacy.value = await model.link.call("user:set-privacy", { [name]: value }); })} />
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
