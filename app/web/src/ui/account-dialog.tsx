/** One's sessions, one's data, and the end of the account. */

import { useSignal } from "@preact/signals";
import { useEffect, useId } from "preact/hooks";
import { inWords, type OpenSession } from "../client";
import { model } from "../model";
import { announce } from "./announcer";
import { Problem } from "./controls";
import { Dialog } from "./dialog";
import { wholeTime } from "./format";
import { closeDialog } from "./open-dialog";
import { ProfileForm } from "./profile-form";
import { save } from "./save";
import { attempt } from "./toasts";

const nameOf = ({ device }: OpenSession) => device ?? "An unknown device";

function Sessions() {
  const sessions = useSignal<readonly OpenSession[]>([]);
  const read = async () => { sessions.value = (await model.ask("GET /auth/sessions", {})).sessions; };
  useEffect(() => void attempt(read), []);
  const end = async (session: OpenSession) => {
    if (!await attempt(() => model.ask("DELETE /auth/sessions/{sessionId}", { sessionId: session.id }))) return;
    announce(`The session on ${nameOf(session)} has ended`);
    await attempt(read);
  };
  return (
    <section>
      <h3 class="section-head">Where you are signed in</h3>
      <ul class="people" aria-label="Sessions">
        {sessions.value.map((session) => (
          <li key={session.id} class="person">
            <span class="person-text">
              <strong class="truncate">{nameOf(session)}</strong>
              <small>Used {wholeTime(session.lastSeenAt)}, since {wholeTime(session.createdAt)}</small>
            </span>
            {session.isCurrent ? <span class="tag">This one</span> : (
              <button type="button" class="button small" aria-label={`End the session on ${nameOf(session)}`}
                onClick={() => void end(session)}>End</button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Deletion() {
  const id = useId();
  const password = useSignal("");
  const problem = useSignal("");
  const remove = async (event: Event) => {
    event.preventDefault();
    try {
      await model.deleteAccount(password.value);
    } catch (error) {
      problem.value = inWords(error);
    }
  };
  return (
    <form class="danger-zone" onSubmit={(event) => void remove(event)}>
      <h3>Delete your account</h3>
      <p class="hint">You leave all rooms, your files go, and your name is gone from your messages. There is no way back.</p>
      <Problem text={problem.value} />
      <div class="field">
        <label for={id}>Your password</label>
        <input id={id} class="input" type="password" required autocomplete="current-password" value={password.value}
          onInput={(event) => (password.value = event.currentTarget.value)} />
      </div>
      <div><button type="submit" class="button danger">Delete account</button></div>
    </form>
  );
}

export function AccountDialog() {
  return (
    <Dialog title="Your account" onClose={closeDialog}>
      <ProfileForm />
      <Sessions />
      <section>
        <h3 class="section-head">Your data</h3>
        <p class="hint">All that the server keeps of you, as JSON.</p>
        <button type="button" class="button" onClick={() => void attempt(() => save(model.blob, "/auth/export", "parley.json"))}>
          Download
        </button>
      </section>
      <Deletion />
    </Dialog>
  );
}
