/** A room's name and description, to read or (for admins) to change, and the way out of it. */

import type { Room } from "../client";
import { model, type OpenRoom } from "../model";
import { announce } from "./announcer";
import { confirm } from "./confirm";
import { setFavorite } from "./favorites";
import { wholeTime } from "./format";
import { Icon } from "./icons";
import { RoomLevel } from "./notifications";
import { Panel } from "./panel";
import { isMuted } from "./personal";
import { RoomForm } from "./room-form";
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
  const start = { name: room.name ?? "", description: room.description ?? "" };
  return (
    <RoomForm start={start} action="Save changes" save={async (fields) => {
      await model.updateRoom(room.id, fields);
      announce("Room settings saved");
    }} />
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
      <RoomLevel roomId={room.id} />
      <FavoriteButton room={room} />
      <MuteButton room={room} />
      <div class="danger-zone">
        <button type="button" class="button quiet danger" onClick={() => void leaveAfterAsking(room)}>
          <Icon name="leave" size={18} />Leave room
        </button>
      </div>
    </Panel>
  );
}
