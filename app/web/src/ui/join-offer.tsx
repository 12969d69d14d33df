import type { PublicRoom } from "../client";
import { model } from "../model";
import { RoomMark } from "./avatar";
import { count } from "./format";
import { BackButton } from "./room-view";
import { go } from "./route";
import { attempt } from "./toasts";

/** "12 members"; the server counts no further than 1000. */
export function membersOf({ memberCount }: Pick<PublicRoom, "memberCount">): string {
  return memberCount >= 1000 ? "1000 or more members" : count(memberCount, "member");
}

/** A public room that one has a link to and is not in. */
export function JoinOffer({ room }: { room: PublicRoom }) {
  return (
    <div class="room">
      <header class="bar">
        <BackButton />
        <RoomMark isPrivate={false} />
        <div class="bar-title">
          <h1 class="truncate">{room.name}</h1>
          <p class="truncate">{membersOf(room)}</p>
        </div>
      </header>
      <div class="empty">
        <h2>You are not in this room</h2>
        <p>{room.description || "It is public: everybody can read it and write in it who joins."}</p>
        <div class="empty-actions">
          <button type="button" class="button primary" onClick={() => void attempt(() => model.joinRoom(room.id))}>
            Join room
          </button>
          <button type="button" class="button" onClick={() => go({ name: "home" })}>Not now</button>
        </div>
      </div>
    </div>
  );
}
