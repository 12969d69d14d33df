/** What one tells of oneself. */

import { useSignal } from "@preact/signals";
import { useEffect, useId } from "preact/hooks";
import { inWords, type UpdateProfile } from "../client";
import { model } from "../model";
import { announce } from "./announcer";
import { Avatar } from "./avatar";
import { Problem } from "./controls";
import { attempt } from "./toasts";

const HOUR_MS = 3_600_000;
const LASTS: readonly (readonly [string, number])[] = [
  ["Until I change it", 0], ["For an hour", HOUR_MS], ["For four hours", 4 * HOUR_MS], ["For a day", 24 * HOUR_MS],
  ["For a week", 7 * 24 * HOUR_MS],
];
const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Those that the browser lists, which are not all that it knows: UTC is none of them. */
function zones(chosen: string | null | undefined): string[] {
  return [...new Set([...(chosen ? [chosen] : []), HERE, ...Intl.supportedValuesOf("timeZone")])].sort();
}

/** What is absent stays as it is. */
async function setProfile(change: UpdateProfile): Promise<void> {
  model.learn(await model.link.call("user:set-profile", change));
}

function Picture() {
  const me = model.me.value;
  const busy = useSignal(false);
  if (!me) return null;
  const change = async (action: () => Promise<UpdateProfile>) => {
    busy.value = true;
    await attempt(async () => void await setProfile(await action()));
    busy.value = false;
  };
  const choose = (file: File | undefined) => {
    if (!file) return;
    const upload = () => model.upload(file, () => undefined, new AbortController().signal);
    void change(async () => ({ avatar: (await upload()).id }));
  };
  return (
    <div class="profile-picture">
      <Avatar user={me} size="large" />
      <label class="button">
        {busy.value ? "Sending…" : "Choose a picture"}
        <input class="sr-only" type="file" accept="image/*" disabled={busy.value}
          onChange={(event) => choose(event.currentTarget.files?.[0])} />
      </label>
      {me.avatar && (
        <button type="button" class="button" disabled={busy.value}
          onClick={() => void change(async () => ({ removeAvatar: true }))}>Remove</button>
      )}
    </div>
  );
}

export function ProfileForm() {
  const id = useId();
  const me = model.me.value;
  const profile = me && model.profileOf(me.id);
  const name = useSignal<string | null>(null);
  const status = useSignal<string | null>(null);
  const lasts = useSignal("0");
  const zone = useSignal<string | null>(null);
  const problem = useSignal("");
  useEffect(() => { if (me) void attempt(() => model.askProfile(me.id)); }, []);
  const save = async (event: Event) => {
    event.preventDefault();
    problem.value = "";
    const change: UpdateProfile = { timeZone: zone.value ?? profile?.timeZone ?? HERE };
    if (name.value !== null) change.displayName = name.value.trim();
    if (status.value !== null) {
      change.status = status.value.trim();
      change.statusUntil = Number(lasts.value) ? new Date(Date.now() + Number(lasts.value)).toISOString() : null;
    }
    try {
      await setProfile(change);
      announce("Your profile is saved");
    } catch (error) {
      problem.value = inWords(error);
    }
  };
  return (
    <form class="form" onSubmit={(event) => void save(event)}>
      <Picture />
      <div class="field">
        <label for={`${id}-name`}>Display name</label>
        <input id={`${id}-name`} class="input" maxLength={100} value={name.value ?? me?.displayName ?? ""}
          onInput={(event) => (name.value = event.currentTarget.value)} />
      </div>
      <div class="field">
        <label for={`${id}-status`}>Status</label>
        <input id={`${id}-status`} class="input" maxLength={100} value={status.value ?? profile?.status ?? ""}
          onInput={(event) => (status.value = event.currentTarget.value)} />
      </div>
      <div class="field">
        <label for={`${id}-lasts`}>The status holds</label>
        <select id={`${id}-lasts`} class="input" value={lasts.value}
          onChange={(event) => {
            lasts.value = event.currentTarget.value;
            status.value ??= profile?.status ?? "";
          }}>
          {LASTS.map(([label, ms]) => <option key={ms} value={ms}>{label}</option>)}
        </select>
      </div>
      <div class="field">
        <label for={`${id}-zone`}>Time zone</label>
        <select id={`${id}-zone`} class="input" value={zone.value ?? profile?.timeZone ?? HERE}
          onChange={(event) => (zone.value = event.currentTarget.value)}>
          {zones(profile?.timeZone).map((one) => <option key={one} value={one}>{one}</option>)}
        </select>
      </div>
      <Problem text={problem.value} />
      <div><button type="submit" class="button primary">Save profile</button></div>
    </form>
  );
}
