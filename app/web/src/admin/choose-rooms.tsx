/** The rooms that an invitation leads into: found by their names, chosen, and taken away again. */
import { useSignal, type Signal } from "@preact/signals";
import type { AdministeredRoom } from "../client";
import { IconButton } from "../ui/controls";
import { FindingNote, SearchField, useFinding } from "../ui/search-field";
import { rest } from "./session";

const MOST = 20; // rooms of an invitation
const SHOWN = 8; // found rooms: whoever looks for another one types more of its name

export type ChosenRoom = Pick<AdministeredRoom, "id" | "name">;

function Chosen({ rooms }: { rooms: Signal<readonly ChosenRoom[]> }) {
  return (
    <ul class="admin-chosen" aria-label="Chosen rooms">
      {rooms.value.map(({ id, name }) => (
        <li key={id} class="tag">
          <span class="truncate">{name}</span>
          <IconButton icon="close" label={`Without ${name}`} size={14}
            onClick={() => (rooms.value = rooms.peek().filter((room) => room.id !== id))} />
        </li>
      ))}
    </ul>
  );
}

/** Rooms that are archived are not offered: nobody can write in them. */
export function ChooseRooms({ rooms }: { rooms: Signal<readonly ChosenRoom[]> }) {
  const query = useSignal("");
  const text = query.value.trim();
  const found = useFinding(text || null, async (after, signal) => {
    const page = await rest.ask("GET /admin/rooms", { query: text, after, limit: SHOWN }, signal);
    return { items: page.rooms.filter(({ archivedAt }) => archivedAt === null), next: page.next };
  }).value;
  const offered = found.items.filter(({ id }) => !rooms.value.some((room) => room.id === id));
  const choose = (room: AdministeredRoom) => {
    rooms.value = [...rooms.peek(), room];
    query.value = "";
  };
  const full = rooms.value.length >= MOST;
  return (
    <fieldset class="admin-rooms" onKeyDown={(event) => {
      if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
      event.preventDefault(); // it is no invitation yet
      if (offered[0] && !full) choose(offered[0]);
    }}>
      <legend class="field-label">Rooms that they enter, besides those for new people</legend>
      {rooms.value.length > 0 && <Chosen rooms={rooms} />}
      {full ? <p class="hint">An invitation leads into {MOST} rooms at most.</p> : (
        <SearchField label="Search rooms to enter" placeholder="A part of a room's name" value={query.value} aside
          onInput={(given) => (query.value = given)} />
      )}
      {text && !full && (
        <>
          <ul class="people" aria-label="Rooms found">
            {offered.map((room) => (
              <li key={room.id}>
                <button type="button" class="person" aria-label={`Enter ${room.name}`} onClick={() => choose(room)}>
                  <span class="person-text"><strong class="truncate">{room.name}</strong></span>
                  <span class="tag">{room.kind === "private" ? "Private" : "Public"}</span>
                </button>
              </li>
            ))}
          </ul>
          <FindingNote found={found} empty="There is no such room." />
        </>
      )}
    </fieldset>
  );
}
