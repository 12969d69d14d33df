/** Who is in a room, and what admins do about it. */

import { useSignal } from "@preact/signals";
import type { Member } from "../contract";
import { model, type OpenRoom } from "../model";
import { announce } from "./announcer";
import { Avatar } from "./avatar";
import { confirm } from "./dialog";
import { lastSeen, nameOf } from "./format";
import { Icon, type IconName } from "./icons";
import { Panel } from "./panel";
import { PeopleSearch } from "./people-search";
import { Popover } from "./popover";
import { attempt } from "./toasts";

interface Choice {
  icon: IconName;
  label: string;
  run: () => Promise<unknown>;
}

async function removeAfterAsking(member: Member, roomName: string, ban: boolean): Promise<void> {
  const name = nameOf(member.user);
  const sure = await confirm({
    title: ban ? `Ban ${name}?` : `Remove ${name}?`,
    text: ban
      ? `${name} leaves ${roomName} and cannot come back until the ban is lifted.`
      : `${name} leaves ${roomName}, and may come back when invited, or if the room is public.`,
    action: ban ? "Ban" : "Remove",
    danger: true,
  });
  if (!sure) return;
  const done = await attempt(() => (ban ? model.ban : model.kick)(member.roomId, member.userId));
  if (done) announce(`${name} was ${ban ? "banned" : "removed"}`);
}

/** What one can do about a member; nothing about oneself. */
function choices(member: Member, roomName: string): Choice[] {
  const { roomId, userId, user, role, state } = member;
  const admin = model.openedRoom.value?.room.value?.membership.role === "admin";
  if (userId === model.me.value?.id) return [];
  const list: Choice[] = [{ icon: "message", label: "Send a message", run: () => model.startConversation(user) }];
  if (!admin) return list;
  if (state === "invited") {
    return [...list, { icon: "close", label: "Withdraw invitation", run: () => model.kick(roomId, userId) }];
  }
  return [
    ...list,
    role === "admin"
      ? { icon: "shield", label: "Make an ordinary member", run: () => model.setRole(roomId, userId, "member") }
      : { icon: "shield", label: "Make an admin", run: () => model.setRole(roomId, userId, "admin") },
    { icon: "leave", label: "Remove from room", run: () => removeAfterAsking(member, roomName, false) },
    { icon: "ban", label: "Ban from room", run: () => removeAfterAsking(member, roomName, true) },
  ];
}

function MemberEntry({ member, roomName }: { member: Member; roomName: string }) {
  const anchor = useSignal<DOMRect | null>(null);
  const { user, role, state, userId } = member;
  const mine = userId === model.me.value?.id;
  const presence = model.presenceOf(userId) ?? member.presence;
  const online = mine || presence?.status === "online";
  const list = choices(member, roomName);
  const close = () => { anchor.value = null; };
  return (
    <li class="person">
      <Avatar user={user} online={online && state === "member"} />
      <span class="person-text">
        <strong class="truncate">{nameOf(user)}{mine && " (you)"}</strong>
        <small class="truncate">{state === "invited" ? "Invited" : online ? "Online" : lastSeen(presence?.lastSeenAt ?? null)}</small>
      </span>
      {role === "admin" && <span class="tag">Admin</span>}
      {list.length > 0 && (
        <button type="button" class="icon-button" aria-label={`Actions for ${nameOf(user)}`} aria-haspopup="menu"
          aria-expanded={anchor.value !== null}
          onClick={(event) => (anchor.value = event.currentTarget.getBoundingClientRect())}>
          <Icon name="more" size={18} />
        </button>
      )}
      {anchor.value && (
        <Popover label={`Actions for ${nameOf(user)}`} role="menu" class="menu" anchor={anchor.value} onClose={close}>
          {list.map(({ icon, label, run }) => (
            <button key={label} type="button" role="menuitem" onClick={() => { close(); void attempt(run); }}>
              <Icon name={icon} size={18} />{label}
            </button>
          ))}
        </Popover>
      )}
    </li>
  );
}

function Invite({ roomId, members }: { roomId: string; members: readonly Member[] }) {
  const open = useSignal(false);
  if (!open.value) {
    return (
      <button type="button" class="button" onClick={() => (open.value = true)}>
        <Icon name="userPlus" size={18} />Invite people
      </button>
    );
  }
  const stateOf = (userId: string) => members.find((member) => member.userId === userId)?.state;
  return (
    <section class="invite" aria-label="Invite people">
      <PeopleSearch label="Find people to invite" action="Invite"
        already={({ id }) => ({ member: "Member", invited: "Invited" } as Record<string, string>)[stateOf(id) ?? ""] ?? null}
        onChoose={(user) => void attempt(() => model.invite(roomId, { userId: user.id })).then((done) => {
          if (done) announce(`${nameOf(user)} was invited`);
        })} />
      <button type="button" class="button small" onClick={() => (open.value = false)}>Done</button>
    </section>
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
      {room.membership.role === "admin" && <Invite roomId={room.id} members={members} />}
      {groups.map(([title, list]) => list.length > 0 && (
        <section key={title}>
          <h3 class="section-head">{title}<span>{list.length}{open.moreMembers.value && "+"}</span></h3>
          <ul class="people" aria-label={title}>
            {list.map((member) => <MemberEntry key={member.userId} member={member} roomName={name} />)}
          </ul>
        </section>
      ))}
      {open.moreMembers.value && (
        <button type="button" class="button small" onClick={() => void attempt(() => model.loadMoreMembers())}>
          Show more
        </button>
      )}
    </Panel>
  );
}
