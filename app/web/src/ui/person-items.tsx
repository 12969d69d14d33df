/** What the menus beside somebody's name and beside that of a group have. */

import type { Conversation, Room, UserRef } from "../client";
import { model } from "../model";
import { toggleBlock } from "./blocking";
import { MenuItem } from "./controls";
import { setFavorite } from "./favorites";
import { isMuted } from "./personal";
import { attempt } from "./toasts";

type Item = readonly [string, () => Promise<unknown>];

/** What one chooses for a conversation. */
function choices(roomId: string, chosen: { favorite: boolean; muted: boolean; mutedUntil: string | null }): Item[] {
  const { favorite } = chosen;
  const muted = isMuted(chosen);
  return [
    [favorite ? "Remove from favourites" : "Add to favourites", () => setFavorite(roomId, !favorite)],
    [muted ? "Unmute" : "Mute", () => model.mute(roomId, !muted)],
    ["Hide conversation", () => model.hide(roomId)],
  ];
}

function Items({ items, close }: { items: readonly Item[]; close: () => void }) {
  return (
    <>
      {items.map(([label, run]) => (
        <MenuItem key={label} onClick={() => { close(); void attempt(run); }}>{label}</MenuItem>
      ))}
    </>
  );
}

export function GroupItems({ room, close }: { room: Room; close: () => void }) {
  const leave: Item = ["Leave conversation", () => model.leaveRoom(room.id)];
  return <Items items={[...choices(room.id, room.membership), leave]} close={close} />;
}

/** `talk`: the conversation, where there is one. */
export function PersonItems({ user, talk, close }: {
  user: UserRef; talk: Conversation | null | undefined; close: () => void;
}) {
  const items = talk ? choices(talk.roomId, talk) : [];
  if (user.id !== model.me.value?.id) {
    items.push([model.blocked.value.has(user.id) ? "Unblock" : "Block", () => toggleBlock(user)]);
  }
  return <Items items={items} close={close} />;
}
