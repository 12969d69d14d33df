/** What one can do about a conversation, and what stands where one cannot write. */

import type { Conversation, Room, UserRef } from "../client";
import { model, type OpenRoom } from "../model";
import { toggleBlock } from "./blocking";
import { MenuButton, MenuItem } from "./controls";
import { nameOf } from "./format";
import { isMuted } from "./personal";
import { isAdmin } from "./room-rights";
import { attempt } from "./toasts";

function GroupMenu({ room }: { room: Room }) {
  const muted = isMuted(room.membership);
  const items: (readonly [string, () => Promise<void>])[] = [
    [muted ? "Unmute" : "Mute", () => model.mute(room.id, !muted)],
    ["Hide conversation", () => model.hide(room.id)],
    ["Leave conversation", () => model.leaveRoom(room.id)],
  ];
  return <Actions name={room.name ?? ""} items={items} />;
}

function Actions({ name, items }: { name: string; items: (readonly [string, () => Promise<void>])[] }) {
  return (
    <MenuButton label={`Actions for ${name}`}>
      {(close) => items.map(([label, run]) => (
        <MenuItem key={label} onClick={() => { close(); void attempt(run); }}>{label}</MenuItem>
      ))}
    </MenuButton>
  );
}

function PersonMenu({ user, talk }: { user: UserRef; talk: Conversation | null | undefined }) {
  const muted = talk && isMuted(talk);
  const items: (readonly [string, () => Promise<void>])[] = [];
  if (talk) {
    items.push([muted ? "Unmute" : "Mute", () => model.mute(talk.roomId, !muted)]);
    items.push(["Hide conversation", () => model.hide(talk.roomId)]);
  }
  if (user.id !== model.me.value?.id) {
    items.push([model.blocked.value.has(user.id) ? "Unblock" : "Block", async () => void await toggleBlock(user)]);
  }
  return <Actions name={nameOf(user)} items={items} />;
}

/** With somebody, or of a group. */
type Which = { user: UserRef; talk: Conversation | null | undefined } | { room: Room };

export function ConversationMenu(which: Which) {
  return "room" in which ? <GroupMenu {...which} /> : <PersonMenu {...which} />;
}

/** Stands where one would write in a room that is archived. */
function ArchivedNote({ open: { roomId }, open }: { open: OpenRoom }) {
  return (
    <div class="composer blocked-note">
      <p>This room is archived: everything in it can be read, and nothing be written.</p>
      {isAdmin(open) && (
        <button type="button" class="button small"
          onClick={() => void attempt(() => model.link.call("room:unarchive", { roomId }))}>Unarchive</button>
      )}
    </div>
  );
}

/** Stands where one would write to somebody whom one has blocked. */
function BlockedNote({ user }: { user: UserRef }) {
  return (
    <div class="composer blocked-note">
      <p>You have blocked {nameOf(user)}.</p>
      <button type="button" class="button small" onClick={() => void toggleBlock(user)}>Unblock</button>
    </div>
  );
}

/** Stands where one would write, if one could. */
export function NoComposer({ open, user }: { open: OpenRoom | null; user: UserRef | null | undefined }) {
  if (open?.room.value) return <ArchivedNote open={open} />;
  return user ? <BlockedNote user={user} /> : null;
}
