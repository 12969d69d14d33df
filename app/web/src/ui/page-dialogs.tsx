/** The dialogs that lead to rooms and people: create a room, discover rooms, write to somebody. */

import { useSignal } from "@preact/signals";
import type { PublicRoom, UserRef } from "../client";
import { model } from "../model";
import { AccountDialog } from "./account-dialog";
import { RoomMark } from "./avatar";
import { Dialog } from "./dialog";
import { discover } from "./finding";
import { nameOf } from "./format";
import { Icon } from "./icons";
import { membersOf } from "./join-offer";
import { MentionsList } from "./mentions-list";
import { NotificationsDialog } from "./notifications";
import { closeDialog, openDialog } from "./open-dialog";
import { PeopleSearch } from "./people-search";
import { PrivacyDialog } from "./privacy";
import { RoomForm, WhoCanJoin, type RoomFields } from "./room-form";
import { go } from "./route";
import { SavedList } from "./saved-list";
import { FindingNote, SearchField, useFinding } from "./search-field";
import { ShortcutsDialog } from "./shortcuts-dialog";
import { Switcher } from "./switcher";
import { ThreadsList } from "./threads-list";
import { attempt } from "./toasts";

const MOST_OTHERS = 9; // in a conversation of several people

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

/** Those who are chosen for a conversation of several people. */
function Chosen({ people, remove }: { people: readonly UserRef[]; remove: (user: UserRef) => void }) {
  return (
    <ul class="chosen" aria-label="In the conversation">
      {people.map((user) => (
        <li key={user.id}>
          <button type="button" class="button small" aria-label={`Remove ${nameOf(user)}`} onClick={() => remove(user)}>
            {nameOf(user)}<Icon name="close" size={14} />
          </button>
        </li>
      ))}
    </ul>
  );
}

function NewMessage() {
  const several = useSignal(false);
  const chosen = useSignal<readonly UserRef[]>([]);
  const choose = (user: UserRef) => {
    if (several.value) {
      if (chosen.value.length < MOST_OTHERS) chosen.value = [...chosen.value, user];
      return;
    }
    closeDialog();
    void attempt(() => model.startConversation(user));
  };
  const begin = async () => {
    if (await attempt(() => model.openGroup(chosen.value.map(({ id }) => id)))) closeDialog();
  };
  const already = ({ id }: UserRef) => (
    id === model.me.value?.id ? "You" : chosen.value.some((one) => one.id === id) ? "Added" : null
  );
  return (
    <Dialog title="New message" onClose={closeDialog} tall>
      <label class="several">
        <input type="checkbox" checked={several.value} onChange={(event) => (several.value = event.currentTarget.checked)} />
        To several people
      </label>
      {several.value && (
        <>
          <Chosen people={chosen.value} remove={({ id }) => (chosen.value = chosen.value.filter((one) => one.id !== id))} />
          <button type="button" class="button primary" disabled={chosen.value.length < 2} onClick={() => void begin()}>
            {chosen.value.length < 2 ? "Choose two or more" : "Open conversation"}
          </button>
        </>
      )}
      <PeopleSearch label="Search people" action={several.value ? "Add" : "Write to"}
        {...(several.value ? { already } : {})} onChoose={choose} />
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
    case "saved": return <SavedList />;
    case "switcher": return <Switcher />;
    case "shortcuts": return <ShortcutsDialog />;
    default: return null;
  }
}
