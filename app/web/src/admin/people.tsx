/** People: found, shut out, let in again, and helped with a forgotten password. */
import { useSignal } from "@preact/signals";
import type { AdministeredPerson } from "../client";
import { FindingNote, SearchField, useFinding } from "../ui/search-field";
import { act, ask, Row, showLink, timeOf } from "./parts";
import { rest } from "./session";

const nameOf = (person: AdministeredPerson) => (
  person.displayName ? `${person.displayName} @${person.username}` : person.username
);

function stateOf(person: AdministeredPerson): string | false {
  if (person.deletedAt !== null) return "Deleted";
  return person.deactivatedAt !== null && "Deactivated";
}

export function People({ me }: { me: string }) {
  const query = useSignal("");
  const version = useSignal(0);
  const text = query.value.trim();
  const found = useFinding(`${version.value} ${text}`, async (after, signal) => {
    const page = await rest.ask("GET /admin/people", { query: text || null, after }, signal);
    return { items: page.people, next: page.next };
  }).value;
  const change = async (done: string, action: () => Promise<unknown>) => {
    await act(done, action);
    version.value += 1;
  };
  const deactivate = (person: AdministeredPerson) => ask({
    title: `Deactivate ${nameOf(person)}?`,
    text: "All their sessions end at once, and they cannot sign in until you reactivate them. What they wrote stays.",
    action: "Deactivate",
    run: () => change(`${nameOf(person)} is deactivated.`,
      () => rest.ask("PUT /admin/people/{userId}/deactivation", { userId: person.id })),
  });
  const reactivate = (person: AdministeredPerson) => change(`${nameOf(person)} can sign in again.`,
    () => rest.ask("DELETE /admin/people/{userId}/deactivation", { userId: person.id }));
  const reset = (person: AdministeredPerson) => act(`${nameOf(person)} has a link.`, async () => {
    const made = await rest.ask("POST /admin/people/{userId}/password-reset", { userId: person.id });
    showLink({
      title: "A new password",
      text: `Give this link to ${nameOf(person)}. It sets their password once, until ${timeOf(made.expiresAt)}.`,
      url: `${location.origin}/#/reset-password/${made.token}`,
    });
  });
  return (
    <section aria-label="People">
      <SearchField label="Search people" placeholder="A part of a name" value={query.value}
        onInput={(given) => (query.value = given)} />
      <ul class="people" aria-label="People">
        {found.items.map((person) => (
          <Row key={person.id} title={nameOf(person)}
            tags={[person.isAdministrator && "Administrator", stateOf(person)]}
            facts={[`Signed up ${timeOf(person.createdAt)}`, person.lastSeenAt && `Last seen ${timeOf(person.lastSeenAt)}`]}>
            {person.deletedAt === null && (person.deactivatedAt === null ? (
              <>
                <button type="button" class="button small" aria-label={`Reset the password of ${nameOf(person)}`}
                  onClick={() => void reset(person)}>Reset password</button>
                {person.id !== me && (
                  <button type="button" class="button small" aria-label={`Deactivate ${nameOf(person)}`}
                    onClick={() => deactivate(person)}>Deactivate</button>
                )}
              </>
            ) : (
              <button type="button" class="button small" aria-label={`Reactivate ${nameOf(person)}`}
                onClick={() => void reactivate(person)}>Reactivate</button>
            ))}
          </Row>
        ))}
      </ul>
      <FindingNote found={found} empty="Nobody is called so." />
    </section>
  );
}
