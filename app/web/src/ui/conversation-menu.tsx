/** The menus beside somebody's name and beside that of a group. */

import type { Conversation, Room, UserRef } from "../client";
import { model } from "../model";
import { toggleBlock } from "./blocking";
import { MenuButton, MenuItem } from "./controls";
import { setFavorite } from "./favorites";
import { nameOf } from "./format";
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

function Menu({ name, items }: { name: string; items: readonly Item[] }) {
  return (
    <MenuButton label={`Actions for ${name}`}>
      {(close) => items.map(([label, run]) => (
        <MenuItem key={label} onClick={() => { close(); void attempt(run); }}>{label}</MenuItem>
      ))}
    </MenuButton>
  );
}

function GroupMenu({ room }: { room: Room }) {
  const leave: Item = ["Leave conversation", () => model.leaveRoom(room.id)];
  return <Menu name={room.name ?? ""} items={[...choices(room.id, room.membership), leave]} />;
}

/** `talk`: the conversation, where there is one. */
function PersonMenu({ user, talk }: { user: UserRef; talk: Conversation | null | undefined }) {
  const items = talk ? choices(talk.roomId, talk) : [];
  if (user.id !== model.me.value?.id) {
    items.push([model.blocked.value.has(user.id) ? "Unblock" : "Block", () => toggleBlock(user)]);
  }
  return <Menu name={nameOf(user)} items={items} />;
}

/** With somebody, or of a group. */
type Which = { user: UserRef; talk: Conversation | null | undefined } | { room: Room };

export function ConversationMenu(which: Which) {
  return "room" in which ? <GroupMenu {...which} /> : <PersonMenu {...which} />;
}
