/** Invitations to sign up. */
import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";
import type { SignUpInvitation } from "../client";
import { FindingNote, useFinding } from "../ui/search-field";
import { ChooseRooms, type ChosenRoom } from "./choose-rooms";
import { act, ask, Row, showLink, timeOf } from "./parts";
import { rest } from "./session";

function NewInvitation({ made }: { made: () => void }) {
  const id = useId();
  const days = useSignal("7");
  const uses = useSignal("");
  const note = useSignal("");
  const rooms = useSignal<readonly ChosenRoom[]>([]);
  const invite = (event: Event) => {
    event.preventDefault();
    void act("The invitation is made.", async () => {
      const link = await rest.ask("POST /admin/invitations", {
        days: Number(days.value), uses: uses.value ? Number(uses.value) : null, note: note.value.trim() || null,
        roomIds: rooms.value.map(({ id }) => id),
      });
      note.value = "";
      rooms.value = [];
      made();
      showLink({
        title: "An invitation",
        text: `Whoever has this link can sign up until ${timeOf(link.expiresAt)}.`,
        url: `${location.origin}/#/sign-up/${link.token}`,
      });
    });
  };
  return (
    <form class="admin-form" onSubmit={invite}>
      <div class="field">
        <label for={`${id}-days`}>Days</label>
        <input id={`${id}-days`} class="input" type="number" min="1" max="365" required value={days.value}
          onInput={(event) => (days.value = event.currentTarget.value)} />
      </div>
      <div class="field">
        <label for={`${id}-uses`}>People (empty: any number)</label>
        <input id={`${id}-uses`} class="input" type="number" min="1" max="1000000" value={uses.value}
          onInput={(event) => (uses.value = event.currentTarget.value)} />
      </div>
      <div class="field">
        <label for={`${id}-note`}>Note for this list</label>
        <input id={`${id}-note`} class="input" maxLength={100} value={note.value}
          onInput={(event) => (note.value = event.currentTarget.value)} />
      </div>
      <ChooseRooms rooms={rooms} />
      <button type="submit" class="button primary">Invite</button>
    </form>
  );
}

function stateOf(invitation: SignUpInvitation): string {
  if (invitation.revokedAt !== null) return "Revoked";
  return invitation.isOpen ? "Open" : "Over";
}

export function Invitations() {
  const version = useSignal(0);
  const again = () => { version.value += 1; };
  const found = useFinding(String(version.value), async (after, signal) => {
    const page = await rest.ask("GET /admin/invitations", { after }, signal);
    return { items: page.invitations, next: page.next };
  }).value;
  const revoke = (invitation: SignUpInvitation) => ask({
    title: "Revoke the invitation?",
    text: "Nobody can sign up with it any more. Whoever has stays.",
    action: "Revoke",
    run: async () => {
      await act("The invitation is revoked.",
        () => rest.ask("DELETE /admin/invitations/{invitationId}", { invitationId: invitation.id }));
      again();
    },
  });
  return (
    <section aria-label="Invitations">
      <NewInvitation made={again} />
      <ul class="people" aria-label="Invitations">
        {found.items.map((invitation) => (
          <Row key={invitation.id} title={invitation.note ?? "Without a note"} tags={[stateOf(invitation)]}
            facts={[
              `Used ${invitation.uses} of ${invitation.mostUses ?? "any number"}`, `Until ${timeOf(invitation.expiresAt)}`,
              invitation.rooms.length > 0 && `Into ${invitation.rooms.map(({ name }) => name).join(", ")}`,
            ]}>
            {invitation.isOpen && (
              <button type="button" class="button small" aria-label={`Revoke ${invitation.note ?? invitation.id}`}
                onClick={() => revoke(invitation)}>Revoke</button>
            )}
          </Row>
        ))}
      </ul>
      <FindingNote found={found} empty="There are no invitations." />
    </section>
  );
}
