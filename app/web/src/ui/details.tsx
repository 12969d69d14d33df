/** A room's name and description, to read or (for admins) to change, and the way out of it. */

import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";
import type { Room } from "../client";
import { model, type OpenRoom } from "../model";
import { announce } from "./announcer";
import { confirm } from "./confirm";
import { Dialog } from "./dialog";
import { setFavorite } from "./favorites";
import { wholeTime } from "./format";
import { Icon } from "./icons";
import { RoomLevel } from "./notifications";
import { Panel } from "./panel";
import { isMuted } from "./personal";
import { RoomForm, WhoCanJoin, type RoomFields } from "./room-form";
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

/** Everything that was said in a room is open to all once it is public: that is asked before. */
function mayOpen(room: Room): Promise<boolean> {
  return confirm({
    title: `Make ${room.name} public?`,
    text: "Everyone can join then, and read everything that was ever written in it.",
    action: "Make public",
    danger: true,
  });
}

function Settings({ room }: { room: Room }) {
  const start = { name: room.name ?? "", description: room.description ?? "" };
  const isPrivate = useSignal(room.isPrivate);
  const save = async (fields: RoomFields) => {
    if (room.isPrivate && !isPrivate.value && !await mayOpen(room)) return;
    await model.updateRoom(room.id, { ...fields, isPrivate: isPrivate.value });
    announce("Room settings saved");
  };
  return <RoomForm start={start} action="Save changes" save={save}><WhoCanJoin isPrivate={isPrivate} /></RoomForm>;
}

/** Asks for the room's name before it goes for good. */
function DeleteDialog({ room, onClose }: { room: Room; onClose: () => void }) {
  const id = useId();
  const name = useSignal("");
  const right = name.value.trim() === room.name;
  const submit = (event: Event) => {
    event.preventDefault();
    onClose();
    void attempt(() => model.link.call("room:delete", { roomId: room.id, name: name.value }));
  };
  return (
    <Dialog title={`Delete ${room.name}?`} onClose={onClose}>
      <form class="form" onSubmit={submit}>
        <p>All its messages and files go, for everyone and for good. To keep them for reading, archive it instead.</p>
        <div class="field">
          <label for={id}>Type the name of the room to confirm</label>
          <input id={id} class="input" autocomplete="off" autofocus value={name.value}
            onInput={(event) => (name.value = event.currentTarget.value)} />
        </div>
        <div class="dialog-actions">
          <button type="button" class="button" onClick={onClose}>Cancel</button>
          <button type="submit" class="button danger" disabled={!right}>Delete room</button>
        </div>
      </form>
    </Dialog>
  );
}

function DeleteButton({ room }: { room: Room }) {
  const asking = useSignal(false);
  return (
    <>
      <button type="button" class="button quiet danger" onClick={() => (asking.value = true)}>
        <Icon name="trash" size={18} />Delete room
      </button>
      {asking.value && <DeleteDialog room={room} onClose={() => (asking.value = false)} />}
    </>
  );
}

async function archiveAfterAsking(room: Room): Promise<void> {
  const sure = await confirm({
    title: `Archive ${room.name}?`,
    text: "Its members can still read and search everything, but nobody can write. You can take this back.",
    action: "Archive room",
  });
  if (sure && await attempt(() => model.link.call("room:archive", { roomId: room.id }))) announce("Room archived");
}

/** What only admins of the room do with it as a whole. */
function AdminActions({ room }: { room: Room }) {
  const unarchive = () => attempt(() => model.link.call("room:unarchive", { roomId: room.id }));
  return (
    <button type="button" class="button" onClick={() => void (room.archivedAt ? unarchive() : archiveAfterAsking(room))}>
      <Icon name="archive" size={18} />{room.archivedAt ? "Unarchive room" : "Archive room"}
    </button>
  );
}

function MuteButton({ room }: { room: Room }) {
  const muted = isMuted(room.membership);
  return (
    <button type="button" class="button" onClick={() => void attempt(() => model.mute(room.id, !muted))}>
      <Icon name="mute" size={18} />{muted ? "Unmute room" : "Mute room"}
    </button>
  );
}

function FavoriteButton({ room: { id, membership: { favorite } } }: { room: Room }) {
  return (
    <button type="button" class="button" onClick={() => void attempt(() => setFavorite(id, !favorite))}>
      <Icon name="star" size={18} />{favorite ? "Remove from favourites" : "Add to favourites"}
    </button>
  );
}

export function DetailsPanel({ open }: { open: OpenRoom }) {
  const room = open.room.value;
  if (!room) return null;
  const admin = room.membership.role === "admin";
  return (
    <Panel title="Room settings">
      {admin && !room.archivedAt ? <Settings key={JSON.stringify([room.name, room.description, room.kind])} room={room} /> : (
        <dl class="facts">
          <div><dt>Name</dt><dd>{room.name}</dd></div>
          <div><dt>Description</dt><dd>{room.description || "None yet"}</dd></div>
        </dl>
      )}
      <dl class="facts">
        {(!admin || room.archivedAt) && <div><dt>Who can join</dt><dd>{room.isPrivate ? "Only people who are invited" : "Everyone"}</dd></div>}
        <div><dt>Created</dt><dd>{wholeTime(room.createdAt)}</dd></div>
        {room.archivedAt && <div><dt>Archived</dt><dd>{wholeTime(room.archivedAt)}</dd></div>}
      </dl>
      <RoomLevel roomId={room.id} />
      <FavoriteButton room={room} />
      <MuteButton room={room} />
      {admin && <AdminActions room={room} />}
      <div class="danger-zone">
        <button type="button" class="button quiet danger" onClick={() => void leaveAfterAsking(room)}>
          <Icon name="leave" size={18} />Leave room
        </button>
        {admin && <DeleteButton room={room} />}
      </div>
    </Panel>
  );
}
