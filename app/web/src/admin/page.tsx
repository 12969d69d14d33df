import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { inWords, type User } from "../client";
import { Empty, Loading } from "../ui/empty";
import { Logo } from "../ui/icons";
import { Audit, Overview } from "./instance";
import { Invitations } from "./invitations";
import { Dialogs, forgetOutcome, Outcome } from "./parts";
import { People } from "./people";
import { Rooms } from "./rooms";
import { begin, standing } from "./session";

const PLACES = {
  people: "People", invitations: "Invitations", rooms: "Rooms", overview: "Overview", audit: "Audit log",
} as const;
type Place = keyof typeof PLACES;

function current(): Place {
  const name = location.hash.slice(1);
  return name in PLACES ? (name as Place) : "people";
}

const place = signal<Place>(current());
addEventListener("hashchange", () => {
  forgetOutcome();
  place.value = current();
});

function Here({ me }: { me: User }) {
  switch (place.value) {
    case "people": return <People me={me.id} />;
    case "invitations": return <Invitations />;
    case "rooms": return <Rooms />;
    case "overview": return <Overview />;
    case "audit": return <Audit />;
  }
}

function Desk({ me }: { me: User }) {
  return (
    <>
      <nav class="admin-nav" aria-label="Administration">
        {(Object.keys(PLACES) as Place[]).map((name) => (
          <a key={name} href={`#${name}`} aria-current={place.value === name ? "page" : undefined}>{PLACES[name]}</a>
        ))}
      </nav>
      <main class="admin-main">
        <h1>{PLACES[place.value]}</h1>
        <Outcome />
        <Here key={place.value} me={me} />
      </main>
      <Dialogs />
    </>
  );
}

function Standing() {
  const now = standing.value;
  switch (now.name) {
    case "asking": return <Loading />;
    case "administrator": return <Desk me={now.user} />;
    case "signed-out": return <Refused title="Sign in first" text="This page is for administrators who are signed in." />;
    case "no-administrator": return <Refused title="Not for you" text="Only administrators of this server may be here." />;
    case "failed": return <Refused title="That did not work" text={inWords(now.error)} />;
  }
}

function Refused({ title, text }: { title: string; text: string }) {
  return (
    <main class="admin-refused">
      <Empty title={title} text={text}><a class="button primary" href="/">To the chat</a></Empty>
    </main>
  );
}

export function Page() {
  useEffect(() => void begin(), []);
  return (
    <div class="admin">
      <header class="admin-head">
        <span class="admin-brand"><Logo size={28} />Parley administration</span>
        <a href="/">Back to the chat</a>
      </header>
      <Standing />
    </div>
  );
}
