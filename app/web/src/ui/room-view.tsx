/** What is open in the main pane: its bar, its messages, who is typing, and where one writes. */

import { useComputed } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { UserRef } from "../client";
import { model, type OpenRoom } from "../model";
import { Avatar, RoomMark } from "./avatar";
import { now } from "./clock";
import { Composer } from "./composer";
import { IconButton } from "./controls";
import { Loading } from "./empty";
import { count, inWords, lastSeen, nameOf, shortNameOf } from "./format";
import type { IconName } from "./icons";
import { Later } from "./load-later";
import { isArchived, pinsOf } from "./room-rights";
import { go, route, togglePanel, type Panel } from "./route";
import { Timeline } from "./timeline";

function PanelButton({ panel, icon, label }: { panel: Panel; icon: IconName; label: string }) {
  const open = route.value.name === "room" && route.value.panel === panel;
  return <IconButton icon={icon} label={label} aria-pressed={open} onClick={() => togglePanel(panel)} />;
}

function PinsButton({ open }: { open: OpenRoom | null }) {
  return pinsOf(open).length > 0 && <PanelButton panel="pins" icon="pin" label="Pins" />;
}

export function BackButton() {
  return <IconButton icon="back" label="Back to all rooms" class="back" onClick={() => go({ name: "home" })} />;
}

function RoomBar({ open }: { open: OpenRoom }) {
  const room = open.room.value;
  if (!room) return null;
  const people = open.members.value.filter((member) => member.state === "member").length;
  const known = people > 0 && `${people}${open.moreMembers.value ? "+" : ""} ${people === 1 ? "member" : "members"}`;
  return (
    <header class="bar">
      <BackButton />
      <RoomMark isPrivate={room.isPrivate} icon={room.group ? "users" : undefined} />
      <div class="bar-title">
        <h1 class="truncate">{room.name}</h1>
        <p class="truncate">{[known, room.description].filter(Boolean).join(" · ")}</p>
      </div>
      <PinsButton open={open} />
      <PanelButton panel="search" icon="search" label="Search" />
      <PanelButton panel="members" icon="users" label="Members" />
      {room.group ? <Later waiting={null} draw={({ ConversationMenu }) => <ConversationMenu room={room} />} /> : <PanelButton panel="details" icon="gear" label="Room settings" />}
    </header>
  );
}

/** What somebody says of themself, as long as it holds. */
function statusOf({ id }: UserRef): string {
  const profile = model.profileOf(id);
  if (!profile?.status || (profile.statusUntil && Date.parse(profile.statusUntil) < now())) return "";
  return ` · ${profile.status}`;
}

function PersonBar({ open }: { open: OpenRoom | null }) {
  const user = open?.conversation.value?.user ?? model.person.value;
  if (!user) return null;
  const toSelf = user.id === model.me.value?.id;
  useEffect(() => void model.askProfile(user.id).catch(() => undefined), [user.id]); // else nothing is known
  const presence = model.presenceOf(user.id);
  const online = presence?.status === "online";
  return (
    <header class="bar">
      <BackButton />
      <Avatar user={user} online={online && !toSelf} />
      <div class="bar-title">
        <h1 class="truncate">{toSelf ? "Notes to yourself" : shortNameOf(user)}</h1>
        <p class="truncate">
          {toSelf ? "Only you see this" : `@${user.username}`}
          {!toSelf && presence && ` · ${online ? "Online" : lastSeen(presence.lastSeenAt)}`}
          {statusOf(user)}
        </p>
      </div>
      <PinsButton open={open} />
      {open && <PanelButton panel="search" icon="search" label="Search" />}
      {(open || !toSelf) && (
        <Later waiting={null} draw={({ ConversationMenu }) => <ConversationMenu user={user} talk={open?.conversation.value} />} />
      )}
    </header>
  );
}

function Typing({ open }: { open: OpenRoom | null }) {
  const text = useComputed(() => {
    if (!open) return "";
    const names = open.typing.value.map(nameOf);
    const unknown = open.typingCount.value - names.length;
    if (unknown > 0) names.push(count(unknown, names.length ? "other" : "person", names.length ? "others" : "people"));
    if (names.length > 3) return "Several people are typing";
    return names.length ? `${inWords(names)} ${open.typingCount.value > 1 ? "are" : "is"} typing` : "";
  });
  return (
    <p class="typing" role="status" aria-live="off" aria-label="Typing">
      {text.value && <span class="typing-dots" aria-hidden="true"><i /><i /><i /></span>}
      <span class="truncate">{text}</span>
    </p>
  );
}

export function RoomView({ open }: { open: OpenRoom | null }) {
  const room = open?.room.value;
  const user = open?.conversation.value?.user ?? model.person.value;
  if (!room && !user) return <Loading />; // until it is listed, or found not to be open to one
  const name = room?.name ?? (user?.id === model.me.value?.id ? "yourself" : user ? nameOf(user) : "");
  return (
    <div class="room">
      {open && room ? <RoomBar open={open} /> : <PersonBar open={open} />}
      <Timeline open={open} outbox={open?.outbox ?? model.personOutbox} />
      <Typing open={open} />
      {isArchived(open) || (!room && user && model.blocked.value.has(user.id))
        ? <Later draw={({ NoComposer }) => <NoComposer open={open} user={user} />} /> : <Composer name={name} />}
    </div>
  );
}
