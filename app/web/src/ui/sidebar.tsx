/** The left column: invitations, rooms, conversations, and oneself. */

import type { ComponentChildren } from "preact";
import type { Conversation, Room } from "../client";
import { model } from "../model";
import { AccountMenu } from "./account-menu";
import { Avatar } from "./avatar";
import { IconButton } from "./controls";
import { badge, briefTime, nameOf } from "./format";
import { Icon, Logo } from "./icons";
import { inLists, unreadOf } from "./list-order";
import { Later, loaded } from "./load-later";
import { narrow } from "./media";
import { preview } from "./message-parts";
import { openDialog } from "./open-dialog";
import { isMuted } from "./personal";
import { href, route, togglePanel } from "./route";
import { attempt } from "./toasts";

function Unread({ n }: { n: number }) {
  return n > 0 && <span class="badge">{badge(n)}<span class="sr-only"> unread</span></span>;
}

function Mentions({ n }: { n: number }) {
  return n > 0 && (
    <span class="badge mentions">
      <span aria-hidden="true">@</span>{badge(n)}<span class="sr-only"> {n === 1 ? "mention" : "mentions"} of you,</span>
    </span>
  );
}

export function current(roomId: string): "page" | undefined {
  return route.value.name === "room" && route.value.roomId === roomId ? "page" : undefined;
}

function Muted() {
  return <span class="entry-mark"><Icon name="mute" size={16} /><span class="sr-only">muted</span></span>;
}

function Favorite() {
  return <span class="entry-mark"><Icon name="star" size={16} /><span class="sr-only">favourite</span></span>;
}

export function RoomEntry({ room }: { room: Room }) {
  const muted = isMuted(room.membership);
  const unread = unreadOf(room);
  return (
    <li>
      <a class={`entry ${unread ? "unread" : ""}`} aria-current={current(room.id)}
        href={href({ name: "room", roomId: room.id, panel: null })}>
        <span class="entry-mark"><Icon name={room.group ? "users" : room.isPrivate ? "lock" : "hash"} size={18} /></span>
        <span class="entry-text entry-name truncate">
          {room.name}{room.isPrivate && !room.group && <span class="sr-only"> (private)</span>}
        </span>
        {room.membership.favorite && <Favorite />}
        {muted && <Muted />}
        <Mentions n={room.mentions} />
        <Unread n={unread} />
      </a>
    </li>
  );
}

function ConversationEntry({ conversation }: { conversation: Conversation }) {
  const { user, roomId, lastMessage } = conversation;
  const muted = isMuted(conversation);
  const unread = unreadOf(conversation);
  const me = model.me.value?.id;
  const mine = lastMessage?.senderId === me;
  const toSelf = user.id === me;
  const online = !toSelf && model.presenceOf(user.id)?.status === "online";
  const said = lastMessage ? `${mine && !toSelf ? "You: " : ""}${preview(lastMessage)}` : "No messages yet";
  return (
    <li>
      <a title={said} class={`entry two-lines ${unread ? "unread" : ""}`} aria-current={current(roomId)}
        href={href({ name: "room", roomId, panel: null })}>
        <Avatar user={user} online={online} />
        <span class="entry-text">
          <span class="entry-line">
            <span class="entry-name truncate">
              {toSelf ? "Notes to yourself" : nameOf(user)}{online && <span class="sr-only">, online</span>}
            </span>
            {lastMessage && <time dateTime={lastMessage.createdAt}>{briefTime(lastMessage.createdAt)}</time>}
          </span>
          <span class="entry-line">
            <span class="entry-preview truncate">{said}</span>
            {conversation.favorite && <Favorite />}
            {muted && <Muted />}
            <Unread n={unread} />
          </span>
        </span>
      </a>
    </li>
  );
}

export function ListHead({ title, children }: { title: string; children?: ComponentChildren }) {
  return <div class="list-head"><h2>{title}</h2>{children}</div>;
}

function Bones() {
  return (
    <div class="bones" role="status" aria-label="Loading rooms">
      {[0, 1, 2, 3].map((row) => <div key={row}><span class="bone" /><span class="bone" /></div>)}
    </div>
  );
}

function Lists() {
  const invitations = model.invitations.value;
  const { rooms, conversations, archived } = inLists();
  return (
    <>
      {invitations.length > 0 && <Later draw={({ Invitations }) => <Invitations rooms={invitations} />} waiting={null} />}
      <section>
        <ListHead title="Rooms">
          <IconButton icon="compass" label="Discover rooms" size={18} onClick={() => (openDialog.value = "discover")} />
          <IconButton icon="plus" label="Create a room" size={18} onClick={() => (openDialog.value = "new-room")} />
        </ListHead>
        <ul aria-label="Rooms">{rooms.map((room) => <RoomEntry key={room.id} room={room} />)}</ul>
        {rooms.length + archived.length === 0 && (
          <div class="list-note">
            <p>You are in no room yet.</p>
            <button type="button" class="button small" onClick={() => (openDialog.value = "discover")}>Find a room</button>
            <button type="button" class="button small" onClick={() => (openDialog.value = "new-room")}>Create one</button>
          </div>
        )}
      </section>
      {archived.length > 0 && <Later draw={({ ArchivedRooms }) => <ArchivedRooms rooms={archived} />} waiting={null} />}
      <section>
        <ListHead title="Direct messages">
          <IconButton icon="edit" label="New message" size={18} onClick={() => (openDialog.value = "new-message")} />
        </ListHead>
        <ul aria-label="Direct messages">
          {conversations.map((one) => ("roomId" in one
            ? <ConversationEntry key={one.roomId} conversation={one} /> : <RoomEntry key={one.id} room={one} />))}
        </ul>
        {conversations.length === 0 && (
          <div class="list-note">
            <p>Conversations appear here.</p>
            <button type="button" class="button small" onClick={() => (openDialog.value = "new-message")}>Write to somebody</button>
          </div>
        )}
        {model.moreConversations.value && (
          <button type="button" class="button small quiet wide"
            onClick={() => void attempt(() => model.loadMoreConversations())}>Show more</button>
        )}
      </section>
    </>
  );
}

/** Drawn when it is loaded: nothing is known of threads before. */
function ThreadsEntry() {
  const Button = loaded()?.ThreadsButton;
  return Button ? <Button /> : null;
}

export function Sidebar() {
  const searching = route.value.name === "search" || (route.value.name === "room" && route.value.panel === "search");
  const alone = narrow.value && route.value.name === "home"; // then it is all there is on the screen
  const Brand = alone ? "h1" : "p";
  return (
    <div class="sidebar" role={alone ? "main" : "region"} aria-label="Your chats">
      <div class="bar">
        <Brand class="brand"><Logo />Parley</Brand>
        <ThreadsEntry />
        <IconButton icon="at" label="Mentions" onClick={() => (openDialog.value = "mentions")} />
        <IconButton icon="search" label="Search messages"
          aria-pressed={searching} onClick={() => togglePanel("search")} />
      </div>
      <nav class="sidebar-lists" aria-label="Rooms and conversations">
        {model.listsLoaded.value ? <Lists /> : <Bones />}
      </nav>
      <AccountMenu />
    </div>
  );
}
