/** The dialogs that lead to rooms and people: create a room, discover rooms, write to somebody. */

import { useSignal } from "@preact/signals";
import type { PublicRoom } from "../client";
import { model } from "../model";
import { AccountDialog } from "./account-dialog";
import { RoomMark } from "./avatar";
import { Dialog } from "./dialog";
import { discover } from "./finding";
import { membersOf } from "./join-offer";
import { MentionsList } from "./mentions-list";
import { NotificationsDialog } from "./notifications";
import { closeDialog, openDialog } from "./open-dialog";
import { PeopleSearch } from "./people-search";
import { PrivacyDialog } from "./privacy";
import { RoomForm, WhoCanJoin, type RoomFields } from "./room-form";
import { go } from "./route";
import { FindingNote, SearchField, useFinding } from "./search-field";
import { ThreadsList } from "./threads-list";
import { attempt } from "./toasts";

function NewRoom() {
  const isPrivate = useSignal(false);
  const create = async ({ name, description }: RoomFields) => {
    await model.createRoom({ name, isPrivate: isPrivate.value, ...(description ? { description } : {}) });
    closeDialog();
  };
  return (
    <Dialog title="Create a room" onClose={closeDialog}>
      <RoomForm start={{ name: "", description: "" }} action="Create room" save={create} onCancel={closeDialog}>
        <WhoCanJoin isPrivate={isPrivate} />
      </RoomForm>
    </Dialog>
  );
}

function FoundRoom({ room }: { room: PublicRoom }) {
  const enter = async () => {
    if (room.joined) go({ name: "room", roomId: room.id, panel: null });
    else if (!await attempt(() => model.joinRoom(room.id))) return;
    closeDialog();
  };
  return (
    <li class="person">
      <RoomMark isPrivate={false} />
      <span class="person-text">
        <strong class="truncate">{room.name}</strong>
        <small class="truncate">{[membersOf(room), room.description].filter(Boolean).join(" · ")}</small>
      </span>
      <button type="button" class={`button small ${room.joined ? "" : "primary"}`}
        aria-label={`${room.joined ? "Open" : "Join"} ${room.name}`} onClick={() => void enter()}>
        {room.joined ? "Open" : "Join"}
      </button>
    </li>
  );
}

function Discover() {
  const query = useSignal("");
  const asked = query.value.trim();
  const found = useFinding(asked, async (next, signal) => {
    const page = await discover(asked, { signal, ...(next ? { after: next } : {}) });
    return { items: page.rooms, next: page.next };
  }).value;
  return (
    <Dialog title="Discover rooms" onClose={closeDialog} tall>
      <SearchField label="Search public rooms" placeholder="Name of a room" value={query.value}
        onInput={(text) => (query.value = text)} />
      <div>
        <ul class="people" aria-label="Public rooms">
          {found.items.map((room) => <FoundRoom key={room.id} room={room} />)}
        </ul>
        <FindingNote found={found}
          empty={asked ? `No public room is called “${asked}”.` : "There are no public rooms yet. Create the first one."} />
      </div>
    </Dialog>
  );
}

function NewMessage() {
  return (
    <Dialog title="New message" onClose={closeDialog} tall>
      <PeopleSearch label="Search people" action="Write to" onChoose={(user) => {
        closeDialog();
        void attempt(() => model.startConversation(user));
      }} />
    </Dialog>
  );
}

export function PageDialogs() {
  switch (openDialog.value) {
    case "new-room": return <NewRoom />;
    case "discover": return <Discover />;
    case "new-message": return <NewMessage />;
    case "mentions": return <MentionsList />;
    case "notifications": return <NotificationsDialog />;
    case "threads": return <ThreadsList />;
    case "privacy": return <PrivacyDialog />;
    case "account": return <AccountDialog />;
    default: return null;
  }
}
