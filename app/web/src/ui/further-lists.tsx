/** What is in the left column for some people alone: invitations, and archived rooms. */

import type { Room } from "../client";
import { model } from "../model";
import { current, ListHead, RoomEntry } from "./sidebar";
import { attempt } from "./toasts";

function Invitation({ room }: { room: Room }) {
  return (
    <li class="invitation">
      <p>{room.name}<span>You are invited to this {room.isPrivate ? "private " : ""}room.</span></p>
      <div>
        <button type="button" class="button small primary" aria-label={`Join ${room.name}`}
          onClick={() => void attempt(() => model.joinRoom(room.id))}>Join</button>
        <button type="button" class="button small" aria-label={`Decline ${room.name}`}
          onClick={() => void attempt(() => model.leaveRoom(room.id))}>Decline</button>
      </div>
    </li>
  );
}

export function Invitations({ rooms }: { rooms: readonly Room[] }) {
  return (
    <section>
      <ListHead title="Invitations" />
      <ul aria-label="Invitations">{rooms.map((room) => <Invitation key={room.id} room={room} />)}</ul>
    </section>
  );
}

/** The rooms that are archived, folded. */
export function ArchivedRooms({ rooms }: { rooms: readonly Room[] }) {
  return (
    <details class="archived" open={rooms.some(({ id }) => current(id))}>
      <summary>Archived rooms ({rooms.length})</summary>
      <ul aria-label="Archived rooms">{rooms.map((room) => <RoomEntry key={room.id} room={room} />)}</ul>
    </details>
  );
}
