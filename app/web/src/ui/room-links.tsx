/** Links that lead into a room whoever has an account and the link: made, listed and revoked by its admins. */

import { useSignal } from "@preact/signals";
import { useId, useRef } from "preact/hooks";
import type { Room, RoomLink } from "../client";
import { model } from "../model";
import { announce } from "./announcer";
import { confirm } from "./confirm";
import { Dialog } from "./dialog";
import { nameOf, wholeTime } from "./format";
import { Icon } from "./icons";
import { FindingNote, useFinding } from "./search-field";
import { attempt, tell } from "./toasts";

const DAYS = [1, 7, 30, 365];
const USES = [1, 10, 100];

function Made({ url, onClose }: { url: string; onClose: () => void }) {
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const copy = async () => {
    field.current?.select();
    try {
      await navigator.clipboard.writeText(url);
      tell("Copied.");
      onClose();
    } catch {
      tell("Your browser does not let the page copy.", "error");
    }
  };
  return (
    <Dialog title="A link into this room" onClose={onClose}>
      <div class="field">
        <label for={id}>Link, shown only now</label>
        <input ref={field} id={id} class="input" readOnly value={url} onFocus={(event) => event.currentTarget.select()} />
      </div>
      <div class="dialog-actions">
        <button type="button" class="button" onClick={onClose}>Done</button>
        <button type="button" class="button primary" autofocus onClick={() => void copy()}>Copy</button>
      </div>
    </Dialog>
  );
}

async function revokeAfterAsking(roomId: string, link: RoomLink): Promise<boolean> {
  const sure = await confirm({
    title: "Revoke this link?",
    text: "Nobody can join by it any more. Whoever has stays.",
    action: "Revoke link",
    danger: true,
  });
  return sure && await attempt(() => model.link.call("room:revoke-link", { roomId, linkId: link.id }));
}

export function RoomLinks({ room: { id: roomId } }: { room: Room }) {
  const id = useId();
  const days = useSignal("7");
  const uses = useSignal("");
  const made = useSignal<string | null>(null);
  const version = useSignal(0);
  const found = useFinding(`${roomId} ${version.value}`, async () => (
    { items: await model.link.call("room:links", { roomId }), next: null }
  )).value;
  const create = (event: Event) => {
    event.preventDefault();
    void attempt(async () => {
      const asked = { roomId, days: Number(days.value), uses: uses.value ? Number(uses.value) : null };
      const { token } = await model.link.call("room:create-link", asked);
      made.value = `${location.origin}/#/join/${token}`;
      version.value += 1;
    });
  };
  const revoke = async (link: RoomLink) => {
    if (!await revokeAfterAsking(roomId, link)) return;
    announce("Link revoked");
    version.value += 1;
  };
  return (
    <section class="invite" aria-label="Links into this room">
      <form class="form" onSubmit={create}>
        <div class="link-choices">
          <div class="field">
            <label for={`${id}d`}>Expires after</label>
            <select id={`${id}d`} class="input" value={days.value} onChange={(event) => (days.value = event.currentTarget.value)}>
              {DAYS.map((n) => <option key={n} value={n}>{n === 1 ? "1 day" : `${n} days`}</option>)}
            </select>
          </div>
          <div class="field">
            <label for={`${id}u`}>For</label>
            <select id={`${id}u`} class="input" value={uses.value} onChange={(event) => (uses.value = event.currentTarget.value)}>
              <option value="">Any number</option>
              {USES.map((n) => <option key={n} value={n}>{n === 1 ? "1 person" : `${n} people`}</option>)}
            </select>
          </div>
        </div>
        <button type="submit" class="button"><Icon name="plus" size={18} />Make a link</button>
      </form>
      <ul class="people" aria-label="Links into this room">
        {found.items.map((link) => (
          <li key={link.id} class="person">
            <span class="person-text">
              <strong class="truncate">By {nameOf(link.createdBy)}</strong>
              <small>Used {link.uses} of {link.mostUses ?? "any number"} · until {wholeTime(link.expiresAt)}</small>
            </span>
            <button type="button" class="button small" onClick={() => void revoke(link)}>Revoke</button>
          </li>
        ))}
      </ul>
      <FindingNote found={found} empty="No link leads into this room." />
      {made.value && <Made url={made.value} onClose={() => (made.value = null)} />}
    </section>
  );
}
