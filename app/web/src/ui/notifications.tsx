/** What is told to one, when, and how much of it is shown. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import type { NotificationSettings, RoomNotifications, UpdateNotifications } from "../client";
import { model } from "../model";
import { choice, isOn, permission, pushes, supported, turnOff, turnOn } from "../telling/device";
import { setSound, settings, sound } from "../telling/telling";
import { Dialog } from "./dialog";
import { wholeTime } from "./format";
import { closeDialog } from "./open-dialog";
import { attempt } from "./toasts";

const LEVELS: readonly (readonly [NotificationSettings["level"], string])[] = [
  ["all", "Every message"], ["mentions", "Mentions and direct messages"], ["nothing", "Nothing"],
];
const CONTENTS: readonly (readonly [NotificationSettings["content"], string])[] = [
  ["text", "Who wrote, and what"], ["sender", "Who wrote"], ["none", "Only that something came"],
];
const MUTES: readonly (readonly [number, string])[] = [[3600, "For an hour"], [8 * 3600, "For 8 hours"], [7 * 86_400, "For a week"]];

let changes = 0;

/** Shows the answer to the last change alone: that to one before would take a later choice back for a moment. */
const set = (change: UpdateNotifications) => void attempt(async () => {
  const mine = ++changes;
  const answer = await model.link.call("notifications:set", change);
  if (mine === changes) settings.value = answer;
});

function Switch({ on, toggle, children }: { on: boolean; toggle: (on: boolean) => void; children: ComponentChildren }) {
  return (
    <label class="switch">
      <input type="checkbox" role="switch" checked={on} onChange={({ currentTarget }) => toggle(currentTarget.checked)} />
      <span>{children}</span>
    </label>
  );
}

function ThisBrowser() {
  if (!supported) return <p class="hint">This browser shows notifications only of pages that are served securely.</p>;
  return (
    <>
      <Switch on={isOn()} toggle={(on) => void attempt(on ? turnOn : turnOff)}>Notifications in this browser</Switch>
      {permission.value === "denied" && (
        <p class="hint">The browser forbids them. Its settings of this page allow them again.</p>
      )}
      {isOn() && !pushes.value && choice.value === "on" && (
        <p class="hint">They come while the page is open: no push service reaches this browser.</p>
      )}
      <Switch on={sound.value} toggle={setSound}>A sound</Switch>
    </>
  );
}

/** The browser's own time zone goes with the hours: they are those of the clock that the user sees. */
const timeZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

function QuietHours({ known }: { known: NotificationSettings }) {
  const hour = (name: "quietFrom" | "quietTo", label: string) => (
    <label class="field">
      <span class="field-label">{label}</span>
      <input type="time" class="input" value={known[name]} disabled={!known.quiet}
        onChange={({ currentTarget: { value } }) => value && set({ [name]: value, timeZone: timeZone() })} />
    </label>
  );
  return (
    <section>
      <Switch on={known.quiet} toggle={(quiet) => set({ quiet, timeZone: timeZone() })}>Quiet hours</Switch>
      <div class="hours">{hour("quietFrom", "From")}{hour("quietTo", "To")}</div>
    </section>
  );
}

function Mute({ mutedUntil }: { mutedUntil: string | null }) {
  const muted = mutedUntil !== null && Date.parse(mutedUntil) > Date.now();
  return (
    <section>
      <h3 class="field-label">Mute everything</h3>
      {muted ? (
        <p class="hint">
          Until {wholeTime(mutedUntil)}.{" "}
          <button type="button" class="button small" onClick={() => set({ muteSeconds: 0 })}>Unmute</button>
        </p>
      ) : (
        <div class="button-row">
          {MUTES.map(([seconds, label]) => (
            <button key={seconds} type="button" class="button small" onClick={() => set({ muteSeconds: seconds })}>{label}</button>
          ))}
        </div>
      )}
    </section>
  );
}

export function NotificationsDialog() {
  const known = settings.value;
  return (
    <Dialog title="Notifications" onClose={closeDialog}>
      <ThisBrowser />
      {known && (
        <>
          <Choices legend="Tell me of" options={LEVELS} chosen={known.level} choose={(level) => set({ level })} />
          <Choices legend="Show" options={CONTENTS} chosen={known.content} choose={(content) => set({ content })} />
          <QuietHours known={known} />
          <Mute mutedUntil={known.mutedUntil} />
        </>
      )}
    </Dialog>
  );
}

interface ChoicesProps<Value> {
  legend: string;
  options: readonly (readonly [Value, string])[];
  chosen: Value | null;
  choose: (value: Value) => void;
}

function Choices<Value extends string>({ legend, options, chosen, choose }: ChoicesProps<Value>) {
  return (
    <fieldset class="choices" disabled={chosen === null}>
      <legend class="field-label">{legend}</legend>
      {options.map(([value, label]) => (
        <label key={value} class="choice">
          <input type="radio" name={legend} checked={chosen === value} onChange={() => choose(value)} />
          <span>{label}</span>
        </label>
      ))}
    </fieldset>
  );
}

const ROOM_LEVELS: readonly (readonly [RoomNotifications["level"], string])[] = [
  ["default", "As everywhere"], ["all", "Every message"], ["mentions", "Mentions"], ["nothing", "Nothing"],
];

/** What a room tells, among its settings. */
export function RoomLevel({ roomId }: { roomId: string }) {
  const level = useSignal<RoomNotifications["level"] | null>(null);
  useEffect(() => void attempt(async () => { level.value = (await model.link.call("room:notifications", { roomId })).level; }), []);
  return (
    <Choices legend="Notify me of" options={ROOM_LEVELS} chosen={level.value} choose={(chosen) => void attempt(async () => {
      level.value = (await model.link.call("room:set-notifications", { roomId, level: chosen })).level;
    })} />
  );
}
