/** Rooms: found, taken over where they have no admin, entered by new people, and deleted. */
import { useSignal } from "@preact/signals";
import type { AdministeredRoom } from "../client";
import { count } from "../ui/format";
import { save } from "../ui/save";
import { FindingNote, SearchField, useFinding } from "../ui/search-field";
import { act, ask, Row, timeOf } from "./parts";
import { read, rest } from "./session";

/** What can be chosen; at the command line it may be any number. */
function daysOf({ retentionDays }: AdministeredRoom): (number | null)[] {
  const offered = [7, 30, 90, 365];
  const chosen = retentionDays === null || offered.includes(retentionDays) ? [] : [retentionDays];
  return [null, ...[...offered, ...chosen].sort((a, b) => a - b)];
}

export function Rooms() {
  const query = useSignal("");
  const withoutAdmin = useSignal(false);
  const version = useSignal(0);
  const text = query.value.trim();
  const found = useFinding(`${version.value} ${withoutAdmin.value} ${text}`, async (after, signal) => {
    const asked = { query: text || null, withoutAdmin: withoutAdmin.value || null, after };
    const page = await rest.ask("GET /admin/rooms", asked, signal);
    return { items: page.rooms, next: page.next };
  }).value;
  const change = async (done: string, action: () => Promise<unknown>) => {
    await act(done, action);
    version.value += 1;
  };
  const takeOver = (room: AdministeredRoom) => change(`You are the admin of ${room.name}.`,
    () => rest.ask("POST /admin/rooms/{roomId}/take-over", { roomId: room.id }));
  const setDefault = (room: AdministeredRoom) => (room.isDefault
    ? change(`New people do not enter ${room.name} any more.`,
      () => rest.ask("DELETE /admin/default-rooms/{roomId}", { roomId: room.id }))
    : change(`New people enter ${room.name}.`,
      () => rest.ask("PUT /admin/default-rooms/{roomId}", { roomId: room.id })));
  const keep = (room: AdministeredRoom, text: string) => {
    const days = text ? Number(text) : null;
    return change(`${room.name} keeps its messages ${days === null ? "for ever" : `for ${count(days, "day")}`}.`,
      () => rest.ask("PUT /admin/rooms/{roomId}/retention", { roomId: room.id, days }));
  };
  const archive = (room: AdministeredRoom) => (room.archivedAt
    ? change(`${room.name} is not archived any more.`,
      () => rest.ask("DELETE /admin/rooms/{roomId}/archive", { roomId: room.id }))
    : change(`${room.name} is archived.`,
      () => rest.ask("PUT /admin/rooms/{roomId}/archive", { roomId: room.id })));
  const exported = (room: AdministeredRoom) => act(`${room.name} is saved.`,
    () => save(read, `/admin/rooms/${room.id}/export`, "room.jsonl"));
  const remove = (room: AdministeredRoom) => ask({
    title: `Delete ${room.name}?`,
    text: `Its ${count(room.memberCount, "member")}, all messages and all files go, for good.`,
    action: "Delete",
    run: () => change(`${room.name} is deleted.`, () => rest.ask("DELETE /admin/rooms/{roomId}", { roomId: room.id })),
  });
  return (
    <section aria-label="Rooms">
      <SearchField label="Search rooms" placeholder="A part of a name" value={query.value}
        onInput={(given) => (query.value = given)} />
      <label class="admin-check">
        <input type="checkbox" checked={withoutAdmin.value}
          onChange={(event) => (withoutAdmin.value = event.currentTarget.checked)} />
        Only rooms without an admin
      </label>
      <ul class="people" aria-label="Rooms">
        {found.items.map((room) => (
          <Row key={room.id} title={room.name}
            tags={[
              room.kind === "private" ? "Private" : "Public", room.archivedAt !== null && "Archived", !room.hasAdmin && "No admin",
              room.isDefault && "New people enter",
            ]}
            facts={[count(room.memberCount, "member"), `Made ${timeOf(room.createdAt)}`, room.description]}>
            {!room.hasAdmin && (
              <button type="button" class="button small" aria-label={`Take over ${room.name}`}
                onClick={() => void takeOver(room)}>Take over</button>
            )}
            <button type="button" class="button small" aria-pressed={room.isDefault}
              aria-label={`For new people: ${room.name}`} onClick={() => void setDefault(room)}>
              For new people
            </button>
            <select class="input admin-keep" aria-label={`Messages of ${room.name} are kept`}
              value={String(room.retentionDays ?? "")} onChange={(event) => void keep(room, event.currentTarget.value)}>
              {daysOf(room).map((days) => (
                <option key={days} value={days ?? ""}>{days === null ? "Kept for ever" : `Kept ${count(days, "day")}`}</option>
              ))}
            </select>
            <button type="button" class="button small" aria-pressed={room.archivedAt !== null}
              aria-label={`Archived: ${room.name}`} onClick={() => void archive(room)}>Archived</button>
            <button type="button" class="button small" aria-label={`Export ${room.name}`}
              onClick={() => void exported(room)}>Export</button>
            <button type="button" class="button small" aria-label={`Delete ${room.name}`}
              onClick={() => remove(room)}>Delete</button>
          </Row>
        ))}
      </ul>
      <FindingNote found={found} empty={withoutAdmin.value ? "Each room has an admin." : "There is no such room."} />
    </section>
  );
}
