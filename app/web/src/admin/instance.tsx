/** What there is, and what was done. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { inWords, type AuditEntry, type Figures } from "../client";
import { Problem } from "../ui/controls";
import { fileSize } from "../ui/format";
import { save } from "../ui/save";
import { FindingNote, useFinding } from "../ui/search-field";
import { act, Row, timeOf } from "./parts";
import { read, rest } from "./session";

const NAMES: readonly (readonly [keyof Figures, string])[] = [
  ["people", "People"], ["activeInDay", "Active in a day"], ["activeInWeek", "Active in a week"],
  ["administrators", "Administrators"], ["deactivated", "Deactivated"],
  ["publicRooms", "Public rooms"], ["privateRooms", "Private rooms"], ["conversations", "Conversations"],
  ["messages", "Messages"], ["files", "Files"], ["fileBytes", "Size of the files"], ["databaseBytes", "Size of the database"],
];

export function Overview() {
  const figures = useSignal<Figures | null>(null);
  const problem = useSignal("");
  useEffect(() => void rest.ask("GET /admin/figures", {}).then(
    (read) => { figures.value = read; },
    (error: unknown) => { problem.value = inWords(error); },
  ), []);
  const shown = figures.value;
  return (
    <section aria-label="Overview">
      <Problem text={problem.value} />
      {shown && (
        <dl class="admin-figures">
          {NAMES.map(([name, label]) => (
            <div key={name}>
              <dt>{label}</dt>
              <dd>{name.endsWith("Bytes") ? fileSize(shown[name]) : shown[name].toLocaleString()}</dd>
            </div>
          ))}
        </dl>
      )}
    </section>
  );
}

const detailsOf = ({ details }: AuditEntry) => Object.entries(details).map(([name, value]) => `${name}: ${inText(value)}`);

function inText(value: unknown): string {
  if (Array.isArray(value)) return value.map(inText).join(", ") || "none";
  if (typeof value === "string") return /^\d{4}-\d\d-\d\dT/.test(value) ? timeOf(value) : value;
  return value === null ? "none" : JSON.stringify(value);
}

export function Audit() {
  const found = useFinding("", async (next, signal) => {
    const page = await rest.ask("GET /admin/audit", { before: next === null ? null : Number(next) }, signal);
    return { items: page.entries, next: page.next === null ? null : String(page.next) };
  }).value;
  const download = () => act("The log is saved.", () => save(read, "/admin/audit/export", "audit.jsonl"));
  return (
    <section aria-label="Audit log">
      <div><button type="button" class="button" onClick={() => void download()}>Download all</button></div>
      <ul class="people" aria-label="Acts">
        {found.items.map((entry) => (
          <Row key={entry.id} title={`${entry.action} ${entry.subject || entry.subjectId}`}
            facts={[timeOf(entry.at), entry.actor, ...detailsOf(entry)]} />
        ))}
      </ul>
      <FindingNote found={found} empty="Nothing was done yet." />
    </section>
  );
}
