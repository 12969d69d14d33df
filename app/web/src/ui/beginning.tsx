import { model, type OpenRoom } from "../model";
import { Avatar, RoomMark } from "./avatar";
import { nameOf } from "./format";
import { Icon } from "./icons";
import { togglePanel } from "./route";

function begins(name: string, empty: boolean): string {
  return `This is the beginning of your conversation with ${name}.${empty ? " Write the first message." : ""}`;
}

/** The top of a room's history: what this place is, and what to do in it. */
export function Beginning({ open, empty }: { open: OpenRoom | null; empty: boolean }) {
  const room = open?.room.value;
  const user = open?.conversation.value?.user ?? model.person.value;
  if (room?.group) {
    return (
      <div class="beginning">
        <RoomMark isPrivate icon="users" size="large" />
        <h2>{room.name}</h2>
        <p>{begins(room.name ?? "", empty)}</p>
      </div>
    );
  }
  if (room) {
    return (
      <div class="beginning">
        <RoomMark isPrivate={room.isPrivate} size="large" />
        <h2>Welcome to {room.name}</h2>
        <p>
          {room.description || "This is where the room begins."}
          {empty && " Nobody has written here yet: say hello."}
        </p>
        {empty && room.membership.role === "admin" && (
          <p><button type="button" class="button" onClick={() => togglePanel("members")}>
            <Icon name="plus" size={18} /> Invite people
          </button></p>
        )}
      </div>
    );
  }
  if (!user) return null;
  const toSelf = user.id === model.me.value?.id;
  return (
    <div class="beginning">
      <Avatar user={user} size="large" />
      <h2>{toSelf ? "Notes to yourself" : nameOf(user)}</h2>
      <p>
        {toSelf
          ? "Keep links, lists and files here. Only you can see them."
          : begins(nameOf(user), empty)}
      </p>
    </div>
  );
}
