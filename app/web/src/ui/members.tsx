/** Who is in a room, and what admins do about it. */

import { useSignal } from "@preact/signals";
import type { Member, Room } from "../client";
import { model, type OpenRoom } from "../model";
import { announce } from "./announcer";
import { Avatar } from "./avatar";
import { MenuButton, MenuItem } from "./controls";
import { confirm } from "./confirm";
import { lastSeen, nameOf, shortNameOf } from "./format";
import { ban, invite, kick, setRole, unban } from "./memberships";
import { Icon } from "./icons";
import { Panel } from "./panel";
import { PeopleSearch } from "./people-search";
import { toggleBlock } from "./blocking";
import { RoomLinks } from "./room-links";
import { isAdmin, isArchived } from "./room-rights";
import { banned } from "./room-state";
import { attempt } from "./toasts";

interface Choice {
  label: string;
  run: () => Promise<unknown>;
}

async function removeAfterAsking(member: Member, roomName: string, banning: boolean): Promise<void> {
  const name = nameOf(member.user);
  const sure = await confirm({
    title: banning ? `Ban ${name}?` : `Remove ${name}?`,
    text: banning
      ? `${name} leaves ${roomName} and cannot come back until the ban is lifted.`
      : `${name} leaves ${roomName}, and may come back when invited, or if the room is public.`,
    action: banning ? "Ban" : "Remove",
    danger: true,
  });
  if (!sure) return;
  const done = await attempt(() => (banning ? ban : kick)(member.roomId, member.userId));
  if (!done) return;
  announce(`${name} was ${banning ? "banned" : "removed"}`);
  if (banning) banned.value = [...banned.value, member];
}

/** What one can do about a member; nothing about oneself. */
function choices(member: Member, roomName: string): Choice[] {
  const { roomId, userId, user, role, state } = member;
  const open = model.openedRoom.value;
  const admin = isAdmin(open) && !isArchived(open);
  if (userId === model.me.value?.id) return [];
  const list: Choice[] = [
    { label: "Send a message", run: () => model.startConversation(user) },
    { label: model.blocked.value.has(userId) ? "Unblock" : "Block", run: () => toggleBlock(user) },
  ];
  if (!admin) return list;
  if (state === "invited") {
    return [...list, { label: "Withdraw invitation", run: () => kick(roomId, userId) }];
  }
  return [
    ...list,
    role === "admin"
      ? { label: "Make an ordinary member", run: () => setRole(roomId, userId, "member") }
      : { label: "Make an admin", run: () => setRole(roomId, userId, "admin") },
    { label: "Remove from room", run: () => removeAfterAsking(member, roomName, false) },
    { label: "Ban from room", run: () => removeAfterAsking(member, roomName, true) },
  ];
}

function MemberEntry({ member, roomName }: { member: Member; roomName: string }) {
  const { user, role, state, userId } = member;
  const mine = userId === model.me.value?.id;
  const presence = model.presenceOf(userId) ?? member.presence;
  const online = mine || presence?.status === "online";
  const list = choices(member, roomName);
  return (
    <li class="person">
      <Avatar user={user} online={online && state === "member"} />
      <span class="person-text">
        <strong class="truncate">{shortNameOf(user)}{mine && " (you)"}</strong>
        <small class="truncate">{user.displayName && `@${user.username} · `}{state === "invited" ? "Invited" : online ? "Online" : lastSeen(presence?.lastSeenAt ?? null)}</small>
      </span>
      {role === "admin" && <span class="tag">Admin</span>}
      {list.length > 0 && (
        <MenuButton label={`Actions for ${nameOf(user)}`}>
          {(close) => list.map(({ label, run }) => (
            <MenuItem key={label} onClick={() => { close(); void attempt(run); }}>{label}</MenuItem>
          ))}
        </MenuButton>
      )}
    </li>
  );
}

function Invite({ room, members }: { room: Room; members: readonly Member[] }) {
  const open = useSignal<"people" | "link" | null>(null);
  if (!open.value) {
    return (
      <div class="invite-ways">
        <button type="button" class="button" onClick={() => (open.value = "people")}>
          <Icon name="plus" size={18} />Invite people
        </button>
        <button type="button" class="button" onClick={() => (open.value = "link")}>Invite by link</button>
      </div>
    );
  }
  const stateOf = (userId: string) => members.find((member) => member.userId === userId)?.state;
  return (
    <>
      {open.value === "link" ? <RoomLinks room={room} /> : (
        <section class="invite" aria-label="Invite people">
          <PeopleSearch label="Find people to invite" action="Invite"
            already={({ id }) => ({ member: "Member", invited: "Invited" } as Record<string, string>)[stateOf(id) ?? ""] ?? null}
            onChoose={(user) => void attempt(() => invite(room.id, { userId: user.id })).then((done) => {
              if (done) announce(`${nameOf(user)} was invited`);
            })} />
        </section>
      )}
      <button type="button" class="button small" onClick={() => (open.value = null)}>Done</button>
    </>
  );
}

function BannedEntry({ member }: { member: Member }) {
  const lift = async () => {
    if (!await attempt(() => unban(member.roomId, member.userId))) return;
    banned.value = banned.value.filter((one) => one !== member);
    announce(`${nameOf(member.user)} may come back`);
  };
  return (
    <li class="person">
      <Avatar user={member.user} />
      <strong class="person-text truncate">{nameOf(member.user)}</strong>
      <button type="button" class="button small" aria-label={`Lift ban of ${nameOf(member.user)}`}
        onClick={() => void lift()}>Lift ban</button>
    </li>
  );
}

export function MembersPanel({ open }: { open: OpenRoom }) {
  const room = open.room.value;
  if (!room) return null;
  const members = open.members.value;
  const name = room.name ?? "";
  const groups = [
    ["In this room", members.filter((member) => member.state === "member")],
    ["Invited", members.filter((member) => member.state === "invited")],
  ] as const;
  return (
    <Panel title="Members">
      {isAdmin(open) && !isArchived(open) && <Invite room={room} members={members} />}
      {groups.map(([title, list]) => list.length > 0 && (
        <section key={title}>
          <h3 class="section-head">{title}<span>{list.length}{open.moreMembers.value && "+"}</span></h3>
          <ul class="people" aria-label={title}>
            {list.map((member) => <MemberEntry key={member.userId} member={member} roomName={name} />)}
          </ul>
        </section>
      ))}
      {banned.value.length > 0 && (
        <section>
          <h3 class="section-head">Banned</h3>
          <ul class="people" aria-label="Banned">
            {banned.value.map((member) => <BannedEntry key={member.userId} member={member} />)}
          </ul>
        </section>
      )}
      {open.moreMembers.value && (
        <button type="button" class="button small" onClick={() => void attempt(() => model.loadMoreMembers())}>
          Show more
        </button>
      )}
    </Panel>
  );
}
