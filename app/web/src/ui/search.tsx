/** Finds messages in the open room, or in all of one's own. */

import { signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { mayGoOn, type Message } from "../client";
import { model } from "../model";
import { partAround, soughtIn } from "../sought";
import { Empty } from "./empty";
import { search } from "./finding";
import { briefTime, nameOf } from "./format";
import { goTo } from "./go-to";
import { narrow } from "./media";
import { summary } from "./message-parts";
import { Panel } from "./panel";
import { closePanel } from "./route";
import { FindingNote, newFinding, SearchField, useFinding } from "./search-field";
import { onSignedOut } from "./signed-out";
import { attempt } from "./toasts";

const PAGE = 20;

/** Of the text what fits, with the words that were searched for marked. */
function Marked({ text, query }: { text: string; query: string }) {
  const pattern = useMemo(() => soughtIn(query), [query]);
  const part = partAround(text, pattern);
  if (!pattern) return <>{part}</>;
  return <>{part.split(pattern).map((piece, index) => (index % 2 ? <mark key={index}>{piece}</mark> : piece))}</>;
}

function placeName(roomId: string): string {
  const room = model.rooms.value.find((one) => one.id === roomId);
  const conversation = model.conversations.value.find((one) => one.roomId === roomId);
  return room?.name ?? (conversation ? nameOf(conversation.user) : "Direct message");
}

function Result({ message, query }: { message: Message; query: string }) {
  const jump = async () => {
    state.chosen = true;
    if (await attempt(() => goTo(message)) && narrow.peek()) closePanel();
    state.chosen = false;
  };
  return (
    <li>
      <button type="button" class="result" onClick={() => void jump()}>
        <span class="result-where">
          <span class="truncate">{placeName(message.roomId)}</span>
          <time dateTime={message.createdAt}>{briefTime(message.createdAt)}</time>
        </span>
        <strong>{nameOf(message.sender)}</strong>
        <span class="result-text"><Marked text={summary(message)} query={query} /></span>
      </button>
    </li>
  );
}

const FILTERS = [
  ["from:ann", "that Ann wrote"], ["in:garden", "in that room"], ["has:file, has:link", "with a file or a link"],
  ["before:2026-11-28", "or after: that day"], ['"green tea"', "with these words in this order"], ["-milk", "without this word"],
] as const;

/** What a search can say beside words. */
function Filters() {
  return (
    <dl class="filters">
      {FILTERS.map(([typed, meaning]) => <div key={typed}><dt>{typed}</dt><dd>{meaning}</dd></div>)}
    </dl>
  );
}

function Scope({ all, onChange }: { all: boolean; onChange: (all: boolean) => void }) {
  return (
    <div class="scope" role="group" aria-label="Where to search">
      <button type="button" aria-pressed={!all} onClick={() => onChange(false)}>Here</button>
      <button type="button" aria-pressed={all} onClick={() => onChange(true)}>Everywhere</button>
    </div>
  );
}

/** What is searched for stays while its results are opened, one after the other. */
const query = signal("");
const all = signal(false);
const finding = newFinding<Message>();
const state = {
  /** A result is being opened: that takes the focus, and not the panel, which may be drawn anew beside it. */
  chosen: false,
  /** How far the results were scrolled, in px. */
  scrolled: 0,
};

function forget(): void {
  query.value = "";
  all.value = false;
  state.scrolled = 0;
}

onSignedOut(() => {
  forget();
  Object.assign(finding, newFinding<Message>());
});

/** `roomId` is the open room; null when none is, and all are searched. */
export function SearchPanel({ roomId }: { roomId: string | null }) {
  useEffect(() => { if (roomId === null) all.value = true; }, [roomId]);
  const asked = query.value.trim();
  const scope = all.value ? null : roomId;
  const body = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const panel = body.current?.parentElement;
    if (!panel) return;
    panel.scrollTop = state.scrolled;
    const note = () => { state.scrolled = panel.scrollTop; };
    panel.addEventListener("scroll", note, { passive: true });
    return () => panel.removeEventListener("scroll", note);
  }, []);
  const found = useFinding(asked ? `${scope} ${asked}` : null, async (before, signal) => {
    const items = await search(asked, {
      signal, ...(scope ? { roomId: scope } : {}), ...(before ? { before } : {}),
    });
    return { items, next: mayGoOn(items, PAGE) ? items[items.length - 1]?.id ?? null : null };
  }, finding).value;
  return (
    <Panel title="Search" alone={roomId === null} takesFocus={!state.chosen} onClose={forget}>
      <SearchField label="Search messages" placeholder="Words in a message" value={query.value}
        onInput={(text) => (query.value = text)} />
      {roomId && <Scope all={all.value} onChange={(value) => (all.value = value)} />}
      {asked === "" && (
        <>
          <Empty level={2} icon="search" title="Find a message"
            text="Type a word or two of it. Choosing a result takes you to where it was said." />
          <Filters />
        </>
      )}
      <div ref={body}>
        <ul aria-label="Search results">
          {found.items.map((message) => <Result key={message.id} message={message} query={asked} />)}
        </ul>
        <FindingNote found={found} empty={`Nothing was found for “${asked}”.`} />
      </div>
    </Panel>
  );
}
