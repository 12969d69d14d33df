import { model } from "../model";
import { Empty } from "./empty";
import { Icon } from "./icons";
import { openDialog } from "./open-dialog";

/** Where nothing is open. */
export function Home() {
  const none = model.rooms.value.length === 0 && model.conversations.value.length === 0;
  return (
    <Empty title={none ? "Welcome to Parley" : "Pick up a conversation"}
      text={none
        ? "Join a room that others have opened, create one of your own, or write to somebody you know."
        : "Choose a room or a person on the left, or begin something new."}>
      <button type="button" class="button primary" onClick={() => (openDialog.value = "discover")}>
        <Icon name="compass" size={18} />Find a room
      </button>
      <button type="button" class="button" onClick={() => (openDialog.value = "new-room")}>
        <Icon name="plus" size={18} />New room
      </button>
      <button type="button" class="button" onClick={() => (openDialog.value = "new-message")}>
        <Icon name="message" size={18} />Write to somebody
      </button>
    </Empty>
  );
}

/** What an address leads to that leads nowhere. */
export function UnknownPage() {
  return (
    <Empty icon="compass" title="There is nothing here" text="The link may be mistyped, or what it led to is gone.">
      <a class="button primary" href="/">All rooms and conversations</a>
    </Empty>
  );
}
