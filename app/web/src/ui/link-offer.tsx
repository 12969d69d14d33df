/** Where a link into a room leads: what the room is, and the way into it. */

import { model } from "../model";
import { RoomMark } from "./avatar";
import { Loading } from "./empty";
import { membersOf } from "./join-offer";
import { BackButton } from "./room-view";
import { go } from "./route";
import { useFinding } from "./search-field";
import { attempt } from "./toasts";

export function LinkOffer({ token }: { token: string }) {
  const found = useFinding(token, async () => (
    { items: [await model.link.call("room:look-up-link", { token })], next: null }
  )).value;
  const [room] = found.items;
  if (!room) return found.status === "failed" ? <Over text={found.error} /> : <Loading />;
  const enter = () => {
    if (room.joined) go({ name: "room", roomId: room.id, panel: null });
    else void attempt(() => model.joinByLink(token));
  };
  return (
    <div class="room">
      <header class="bar">
        <BackButton />
        <RoomMark isPrivate={room.isPrivate} />
        <div class="bar-title">
          <h1 class="truncate">{room.name}</h1>
          <p class="truncate">{membersOf(room)}</p>
        </div>
      </header>
      <div class="empty">
        <h2>{room.joined ? "You are in this room" : "You are invited to this room"}</h2>
        {room.description && <p>{room.description}</p>}
        <div class="empty-actions">
          <button type="button" class="button primary" onClick={enter}>{room.joined ? "Open room" : "Join room"}</button>
          <button type="button" class="button" onClick={() => go({ name: "home" })}>Not now</button>
        </div>
      </div>
    </div>
  );
}

function Over({ text }: { text: string }) {
  return (
    <div class="empty" role="alert">
      <h2>This link leads nowhere</h2>
      <p>{text}</p>
      <div class="empty-actions">
        <button type="button" class="button" onClick={() => go({ name: "home" })}>All rooms and conversations</button>
      </div>
    </div>
  );
}
