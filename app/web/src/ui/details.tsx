/** A room's name and description, to read or (for admins) to change, and the way out of it. */

import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";
import type { Room } from "../contract";
import { model, type OpenRoom } from "../model";
import { announce } from "./announcer";
import { confirm } from "./dialog";
import { wholeTime } from "./format";
import { Icon } from "./icons";
import { Panel } from "./panel";
import { attempt } from "./toasts";

async function leaveAfterAsking(room: Room): Promise<void> {
  const sure = await confirm({
    title: `Leave ${room.name}?`,
    text: room.isPrivate
      ? "You will need a new invitation to come back."
      : "You can join again whenever you like.",
    action: "Leave room",
    danger: true,
  });
  if (sure) await attempt(() => model.leaveRoom(room.id));
}

function Settings({ room }: { room: Room }) {
  const id = useId();
  const name = useSignal(room.name ?? "");
  const description = useSignal(room.description ?? "");
  const changed = name.value.trim() !== room.name || description.value.trim() !== (room.description ?? "");
  const save = async (event: Event) => {
    event.preventDefault();
    const change = { name: name.value.trim(), description: description.value.trim() };
    if (await attempt(() => model.updateRoom(room.id, change))) announce("Room settings saved");
  };
  return (
    <form class="form" onSubmit={(event) => void save(event)}>
      <div class="field">
        <label for={`${id}-name`}>Name</label>
        <input id={`${id}-name`} class="input" required maxlength={100} value={name.value} autocomplete="off"
          onInput={(event) => (name.value = event.currentTarget.value)} />
      </div>
      <div class="field">
        <label for={`${id}-about`}>Description</label>
        <textarea id={`${id}-about`} class="input" maxlength={1000} value={description.value}
          onInput={(event) => (description.value = event.currentTarget.value)} />
      </div>
      <button type="submit" class="button primary" disabled={!changed || !name.value.trim()}>Save changes</button>
    </form>
  );
}

export function DetailsPanel({ open }: { open: OpenRoom }) {
  const room = open.room.value;
  if (!room) return null;
  return (
    <Panel title="Room settings">
      {room.membership.role === "admin" ? <Settings key={room.changeSeq} room={room} /> : (
        <dl class="facts">
          <div><dt>Name</dt><dd>{room.name}</dd></div>
          <div><dt>Description</dt><dd>{room.description || "None yet"}</dd></div>
        </dl>
      )}
      <dl class="facts">
        <div><dt>Who can join</dt><dd>{room.isPrivate ? "Only people who are invited" : "Everyone"}</dd></div>
        <div><dt>Created</dt><dd>{wholeTime(room.createdAt)}</dd></div>
      </dl>
      <div class="danger-zone">
        <button type="button" class="button quiet danger" onClick={() => void leaveAfterAsking(room)}>
          <Icon name="leave" size={18} />Leave room
        </button>
      </div>
    </Panel>
  );
}
