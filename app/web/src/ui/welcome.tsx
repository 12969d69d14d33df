/** Signing in, and signing up. */

import { useSignal } from "@preact/signals";
import type { TargetedInputEvent } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { inWords } from "../client";
import { model } from "../model";
import { Problem } from "./controls";
import { Icon, Logo } from "./icons";
import { href, route } from "./route";

function Password({ isNew, value, onInput }: { isNew: boolean; value: string; onInput: (text: string) => void }) {
  const id = useId();
  const shown = useSignal(false);
  const field = {
    id, value, class: "input", required: true, minlength: isNew ? 8 : 1, key: "field",
    autocomplete: isNew ? "new-password" : "current-password",
    "aria-describedby": isNew ? `${id}-hint` : undefined,
    onInput: (event: TargetedInputEvent<HTMLInputElement>) => onInput(event.currentTarget.value),
  } as const;
  return (
    <div class="field">
      <label for={id}>Password</label>
      <div class="password">
        {shown.value ? <input type="text" {...field} /> : <input type="password" {...field} />}
        <button type="button" aria-label={shown.value ? "Hide password" : "Show password"}
          onClick={() => (shown.value = !shown.value)}>
          {shown.value ? "Hide" : "Show"}
        </button>
      </div>
      {isNew && <p class="hint" id={`${id}-hint`}>At least 8 characters.</p>}
    </div>
  );
}

/** Of the username there is nothing to ask where a link says whose password is to be set. */
function AccountForm({ isNew, token, reset }: { isNew: boolean; token: string; reset: boolean }) {
  const id = useId();
  const username = useSignal("");
  const displayName = useSignal("");
  const password = useSignal("");
  const busy = useSignal(false);
  const problem = useSignal(model.signedOutReason.peek() ?? "");
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []);
  const submit = async (event: Event) => {
    event.preventDefault();
    busy.value = true;
    problem.value = "";
    try {
      if (reset) await model.resetPassword(token, password.value);
      else if (isNew) await model.signUp(username.value.trim(), password.value, displayName.value.trim(), token);
      else await model.signIn(username.value.trim(), password.value);
    } catch (error) {
      problem.value = inWords(error);
    } finally {
      busy.value = false;
    }
  };
  return (
    <form class="welcome-form" onSubmit={(event) => void submit(event)}>
      <div>
        <h1>{isNew ? "Create your account" : "Welcome back"}</h1>
        <p class="lead">{reset ? "Choose a new password." : isNew ? "It takes a name and a password." : "Sign in to go on where you left off."}</p>
      </div>
      <Problem text={problem.value} />
      {model.nothingKept && (
        <p class="hint">Your browser keeps nothing for this page: you stay signed in until you leave it or load it again.</p>
      )}
      {!reset && <div class="field">
        <label for={`${id}-name`}>Username</label>
        <input ref={first} id={`${id}-name`} class="input" required value={username.value} autocomplete="username"
          autocapitalize="none" spellcheck={false} {...(isNew ? RULES : {})}
          onInput={(event) => (username.value = event.currentTarget.value)} />
        {isNew && <p class="hint">Letters, digits, dots, dashes and underscores.</p>}
      </div>}
      {isNew && (
        <div class="field">
          <label for={`${id}-shown`}>Display name (optional)</label>
          <input id={`${id}-shown`} class="input" value={displayName.value} autocomplete="name"
            onInput={(event) => (displayName.value = event.currentTarget.value)} />
        </div>
      )}
      <Password isNew={isNew || reset} value={password.value} onInput={(text) => (password.value = text)} />
      <button type="submit" class="button primary wide" disabled={busy.value}>
        {busy.value && <span class="spinner" aria-hidden="true" />}{reset ? "Set password" : isNew ? "Create account" : "Sign in"}
      </button>
      <p class="welcome-switch">
        {isNew ? "Already have an account? " : "New here? "}
        <a href={href(isNew ? { name: "sign-in" } : { name: "sign-up", token: "" })}>{isNew ? "Sign in instead" : "Create an account"}</a>
      </p>
    </form>
  );
}

/** What the server takes for a username (schema.sql has the same). */
const RULES = {
  pattern: "[A-Za-z0-9_.\\-]{3,50}",
  title: "3 to 50 letters, digits, dots, dashes or underscores",
};

export function Welcome() {
  const at = route.value;
  const isNew = at.name === "sign-up";
  return (
    <div class="welcome">
      <header class="welcome-pitch">
        <div class="brand"><Logo size={32} />Parley</div>
        <p class="headline">Talk things over, together and in real time.</p>
        <ul>
          <li><Icon name="hash" />Rooms for every topic, open or by invitation</li>
          <li><Icon name="message" />Direct messages, with files and pictures</li>
          <li><Icon name="check" />Nothing is lost when your connection is</li>
        </ul>
      </header>
      <main class="welcome-main">
        <AccountForm key={at.name} isNew={isNew} reset={at.name === "reset-password"} token={"token" in at ? at.token : ""} />
      </main>
    </div>
  );
}
