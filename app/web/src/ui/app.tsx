/** The whole page: what is shown when. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { model } from "../model";
import { announce, Announcer } from "./announcer";
import { question } from "./confirm";
import { Empty, Loading } from "./empty";
import { Icon, Logo } from "./icons";
import { Later, loaded, loadWhenIdle } from "./load-later";
import { narrow, networkUp } from "./media";
import { closeDialog, openDialog } from "./open-dialog";
import { lightbox, reacting } from "./room-state";
import { RoomView } from "./room-view";
import { route } from "./route";
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
          {status !== "offline" ? "Connecting…"
            : networkUp.value ? "The server is out of reach. What you write is sent once it is back."
            : "You are offline. What you write is sent once you are back."}
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
  if (at.name === "search") return <Later draw={({ SearchPanel }) => <SearchPanel roomId={null} />} />;
  if (at.name === "home") return <Home />;
  if (at.name === "join") return <Later draw={({ LinkOffer }) => <LinkOffer key={at.token} token={at.token} />} />;
  if (at.name === "unknown") return <Later draw={({ UnknownPage }) => <UnknownPage />} />;
  if (!model.listsLoaded.value) return <Loading />;
  const offered = model.offered.value;
  if (offered) return <Later draw={({ JoinOffer }) => <JoinOffer room={offered} />} />;
  return <RoomView open={open} />;
}

function SidePanel() {
  const at = route.value;
  const open = model.openedRoom.value;
  if (at.name !== "room" || !open) return null;
  const { roomId } = open;
  switch (at.panel) {
    case "search":
      return <Later draw={({ SearchPanel }) => <SearchPanel roomId={roomId} />} />;
    case "members":
      return open.room.value && <Later draw={({ MembersPanel }) => <MembersPanel key={roomId} open={open} />} />;
    case "details":
      return open.room.value && <Later draw={({ DetailsPanel }) => <DetailsPanel key={roomId} open={open} />} />;
    case "pins":
      return <Later draw={({ PinsPanel }) => <PinsPanel key={roomId} open={open} />} />;
    case "thread":
      return at.rootId && <Later draw={({ ThreadPanel }) => <ThreadPanel key={at.rootId} open={open} rootId={at.rootId!} />} />;
    default:
      return null;
  }
}

function Shell() {
  useEffect(loadWhenIdle, []);
  const at = route.value;
  const panel = at.name === "room" && at.panel !== null;
  const away = at.name !== "home";
  const later = loaded();
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
          {later && <later.FileDrop />}
        </div>
      </div>
      {openDialog.value && <Later draw={({ PageDialogs }) => <PageDialogs />} giveUp={closeDialog} />}
      {reacting.value && (
        <Later draw={({ ReactionPalette }) => <ReactionPalette />} giveUp={() => (reacting.value = null)} />
      )}
      {lightbox.value && <Later draw={({ Lightbox }) => <Lightbox />} giveUp={() => (lightbox.value = null)} />}
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
      {question.value && (
        <Later draw={({ Confirmation }) => <Confirmation />} giveUp={() => question.peek()?.answer(false)} />
      )}
      <Toasts />
      <Announcer />
    </>
  );
}
