/** The whole page: what is shown when. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { model } from "../model";
import { announce, Announcer } from "./announcer";
import { Lightbox } from "./attachments";
import { Confirmation } from "./dialog";
import { DetailsPanel } from "./details";
import { Empty, Loading } from "./empty";
import { Icon, Logo } from "./icons";
import { narrow } from "./media";
import { MembersPanel } from "./members";
import { ReactionPalette } from "./message-actions";
import { openDialog } from "./open-dialog";
import { PageDialogs } from "./page-dialogs";
import { RoomView } from "./room-view";
import { route } from "./route";
import { SearchPanel } from "./search";
import { Sidebar } from "./sidebar";
import { Toasts } from "./toasts";
import { Welcome } from "./welcome";

const BANNER_MS = 2_000; // a short loss of the connection is not worth a word

/** Tells that the connection is lost, when that lasts. */
function ConnectionBanner() {
  const { status, since } = model.connection.value;
  const lasting = useSignal(false);
  const lost = status === "offline" || status === "connecting";
  useEffect(() => {
    if (!lost) {
      if (lasting.peek()) announce("Connected again");
      lasting.value = false;
      return;
    }
    const timer = setTimeout(() => { lasting.value = true; }, Math.max(0, since + BANNER_MS - Date.now()));
    return () => clearTimeout(timer);
  }, [lost, since]);
  return (
    <div role="status" class="banner-place">
      {lost && lasting.value && (
        <div class="banner">
          <span class="spinner" aria-hidden="true" />
          {status === "offline" ? "You are offline. What you write is sent once you are back." : "Connecting…"}
          {status === "offline" && <button type="button" onClick={() => model.reconnect()}>Try now</button>}
        </div>
      )}
    </div>
  );
}

function Home() {
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

function MainPane() {
  const at = route.value;
  const open = model.openedRoom.value;
  if (at.name === "search") return <SearchPanel roomId={null} />;
  if (at.name === "home") return <Home />;
  if (!model.listsLoaded.value) return <Loading />;
  return <RoomView open={open} />;
}

function SidePanel() {
  const at = route.value;
  const open = model.openedRoom.value;
  if (at.name !== "room" || !open) return null;
  if (at.panel === "search") return <SearchPanel key={open.roomId} roomId={open.roomId} />;
  if (!open.room.value) return null;
  if (at.panel === "members") return <MembersPanel key={open.roomId} open={open} />;
  return at.panel === "details" && <DetailsPanel key={open.roomId} open={open} />;
}

function Shell() {
  const at = route.value;
  const panel = at.name === "room" && at.panel !== null;
  const away = at.name !== "home";
  return (
    <>
      <a class="skip-link" href="#main" onClick={(event) => {
        event.preventDefault(); // the hash is the route
        document.getElementById("main")?.focus();
      }}>Skip to the conversation</a>
      <div class={`shell ${away ? "in-room" : ""}`}>
        <Sidebar />
        <div class={`main ${panel ? "with-panel" : ""}`}>
          <main id="main" class="main-pane" tabIndex={-1} inert={panel && narrow.value}><MainPane /></main>
          <SidePanel />
          <ConnectionBanner />
        </div>
      </div>
      <PageDialogs />
      <ReactionPalette />
      <Lightbox />
    </>
  );
}

export function App() {
  const status = model.connection.value.status;
  return (
    <>
      {model.me.value ? <Shell />
        : status === "signed-out" ? <Welcome />
        : <div class="boot" role="status" aria-label="Loading Parley"><Logo size={56} /></div>}
      <Confirmation />
      <Toasts />
      <Announcer />
    </>
  );
}
