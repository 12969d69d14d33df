import { useSignal } from "@preact/signals";
import type { UserRef } from "../client";
import { model } from "../model";
import { Avatar } from "./avatar";
import { searchUsers } from "./finding";
import { shortNameOf } from "./format";
import { FindingNote, SearchField, useFinding } from "./search-field";

interface PeopleSearchProps {
  label: string;
  /** What choosing somebody does, such as "Invite": their button is named "Invite Ann". */
  action: string;
  /** What stands in a person's place of a button, when there is nothing to do with them. */
  already?: (user: UserRef) => string | null;
  onChoose: (user: UserRef) => void;
}

const PAGE = 20;

/** Finds people by any part of their names; all of them while nothing is typed. */
export function PeopleSearch({ label, action, already, onChoose }: PeopleSearchProps) {
  const query = useSignal("");
  const asked = query.value.trim().replace(/^@/, "");
  const found = useFinding(asked, async (after, signal) => {
    const items = await searchUsers(asked, { limit: PAGE, signal, ...(after ? { after } : {}) });
    return { items, next: items.length === PAGE ? items.at(-1)!.id : null };
  }).value;
  return (
    <>
      <SearchField label={label} placeholder="Name" value={query.value} onInput={(text) => (query.value = text)} />
      <div class="people-found">
        <ul class="people" aria-label="People found">
          {found.items.map((user) => <li key={user.id}><Person user={user} action={action} note={already?.(user) ?? null} onChoose={onChoose} /></li>)}
        </ul>
        <FindingNote found={found} empty={asked ? `Nobody has “${asked}” in their name.` : "Nobody else is here yet."} />
      </div>
    </>
  );
}

function Person({ user, action, note, onChoose }: {
  user: UserRef; action: string; note: string | null; onChoose: (user: UserRef) => void;
}) {
  const online = model.presenceOf(user.id)?.status === "online";
  const text = (
    <>
      <Avatar user={user} online={online} />
      <span class="person-text">
        <strong class="truncate">{shortNameOf(user)}</strong>
        <small class="truncate">@{user.username}{online && ", online"}</small>
      </span>
    </>
  );
  if (note) return <div class="person">{text}<span class="tag">{note}</span></div>;
  return (
    <button type="button" class="person" onClick={() => onChoose(user)}>
      <span class="sr-only">{action} </span>{text}<span class="tag" aria-hidden="true">{action}</span>
    </button>
  );
}
