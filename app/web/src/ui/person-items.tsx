/** What the menu beside somebody's name has. */

import type { Conversation, UserRef } from "../client";
import { model } from "../model";
import { toggleBlock } from "./blocking";
import { MenuItem } from "./controls";
import { setFavorite } from "./favorites";
import { isMuted } from "./personal";
import { attempt } from "./toasts";

/** `talk`: the conversation, where there is one. */
export function PersonItems({ user, talk, close }: {
  user: UserRef; talk: Conversation | null | undefined; close: () => void;
}) {
  const items: (readonly [string, () => Promise<unknown>])[] = [];
  if (talk) {
    const muted = isMuted(talk);
    items.push([talk.favorite ? "Remove from favourites" : "Add to favourites", () => setFavorite(talk.roomId, !talk.favorite)]);
    items.push([muted ? "Unmute" : "Mute", () => model.mute(talk.roomId, !muted)]);
    items.push(["Hide conversation", () => model.hide(talk.roomId)]);
  }
  if (user.id !== model.me.value?.id) {
    items.push([model.blocked.value.has(user.id) ? "Unblock" : "Block", () => toggleBlock(user)]);
  }
  return (
    <>
      {items.map(([label, run]) => (
        <MenuItem key={label} onClick={() => { close(); void attempt(run); }}>{label}</MenuItem>
      ))}
    </>
  );
}
