/** Goes to a room, a person or a command by a few letters of its name. */

import { useSignal } from "@preact/signals";
import { useEffect, useId, useRef } from "preact/hooks";
import type { PublicRoom, UserRef } from "../client";
import { model } from "../model";
import { fitting } from "../switching";
import { COMMANDS } from "./commands";
import { Dialog } from "./dialog";
import { discover, searchUsers } from "./finding";
import { badge, nameOf } from "./format";
import { Icon, type IconName } from "./icons";
import { ACT, chordOf, NEXT, PREVIOUS } from "./keys";
import { listed } from "./listed";
import { closeDialog } from "./open-dialog";
import { go } from "./route";
import { useFinding } from "./search-field";
import { attempt } from "./toasts";

const MOST = 8; // of each kind that the server knows of

interface Choice {
  key: string;
  icon: IconName;
  name: string;
  note: string;
  unread?: number;
  run: () => void;
}

const toRoom = (roomId: string) => () => go({ name: "room", roomId, panel: null });

const ICONS = { direct: "message", group: "users", private: "lock", public: "hash" } as const;

/** One's own rooms and conversations, in the order of the lists. */
function places(query: string): Choice[] {
  return fitting(query, listed(), ({ names }) => names).map(({ roomId, names, unread, kind }) => ({
    key: roomId, icon: ICONS[kind], name: names.join(" @"), note: kind === "direct" || kind === "group" ? "Conversation" : "Room",
    unread, run: toRoom(roomId),
  }));
}

function person(user: UserRef): Choice {
  return { key: user.id, icon: "at", name: nameOf(user), note: "Person", run: () => void attempt(() => model.startConversation(user)) };
}

function publicRoom({ id, name }: PublicRoom): Choice {
  return { key: id, icon: "compass", name, note: "Room to join", run: toRoom(id) };
}

function commands(query: string): Choice[] {
  const others = COMMANDS.slice(1); // the first is what one is at
  return fitting(query, others, ({ name }) => [name])
    .map(({ name, run }) => ({ key: name, icon: "send", name, note: "Command", run }));
}

/** What the server knows of, and the lists do not have. */
function useOthers(query: string) {
  const found = useFinding(query || null, async (_, signal) => {
    const [users, { rooms }] = await Promise.all([searchUsers(query, { limit: MOST, signal }), discover(query, { signal })]);
    return { items: [{ users, rooms }], next: null };
  }).value;
  const [{ users, rooms } = { users: [], rooms: [] }] = found.items;
  const known = new Set(model.conversations.value.map(({ user }) => user.id));
  const others = query ? [
    ...users.filter(({ id }) => !known.has(id)).map(person), ...rooms.filter(({ joined }) => !joined).slice(0, MOST).map(publicRoom),
  ] : [];
  return { others, failed: found.error, asking: found.status === "loading" };
}

export function Switcher() {
  const id = useId();
  const list = useRef<HTMLUListElement>(null);
  const text = useSignal("");
  const chosen = useSignal(0);
  const query = text.value.trim().replace(/^[@#]/, "");
  const { others, failed, asking } = useOthers(query);
  const found = fitting(query, others, ({ name }) => [name]); // until the server answers, they are those of a shorter query
  const choices = [...places(query), ...found, ...commands(query)];
  const at = Math.min(chosen.value, choices.length - 1);
  useEffect(() => {
    list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [at, query]);
  const choose = (choice: Choice | undefined) => {
    if (!choice) return;
    closeDialog();
    choice.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const chord = chordOf(event);
    if (event.isComposing) return;
    if (chord === ACT) choose(choices[at]);
    else if (chord === NEXT) chosen.value = (at + 1) % choices.length;
    else if (chord === PREVIOUS) chosen.value = (at + choices.length - 1) % choices.length;
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title="Go to" onClose={closeDialog} tall>
      <div class="search-field">
        <Icon name="search" size={18} />
        <input class="input" type="text" role="combobox" autofocus autocomplete="off" spellcheck={false} enterkeyhint="go"
          aria-label="Room, person or command" placeholder="Room, person or command" aria-autocomplete="list"
          aria-expanded={choices.length > 0} aria-controls={id} aria-activedescendant={choices[at] ? `${id}-${at}` : undefined}
          value={text.value} onKeyDown={onKeyDown}
          onInput={(event) => { text.value = event.currentTarget.value; chosen.value = 0; }} />
      </div>
      <div class="switcher">
        <ul ref={list} id={id} role="listbox" aria-label="Rooms, people and commands">
          {choices.map((choice, index) => (
            <li key={choice.key} id={`${id}-${index}`} role="option" aria-selected={index === at}
              onClick={() => choose(choice)} onPointerMove={() => { if (chosen.peek() !== index) chosen.value = index; }}>
              <Icon name={choice.icon} size={18} />
              <span class="truncate">{choice.name}</span>
              {choice.unread ? <span class="badge">{badge(choice.unread)}<span class="sr-only"> unread</span></span> : null}
              <small>{choice.note}</small>
            </li>
          ))}
        </ul>
        <p role="status" class="list-note">
          {failed || (choices.length === 0 && !asking ? `Nothing is called “${query}”.` : "")}
        </p>
      </div>
    </Dialog>
  );
}
