/** What the lists of administration have in common. */
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useId, useRef } from "preact/hooks";
import { inWords } from "../client";
import { Dialog } from "../ui/dialog";
import { Problem } from "../ui/controls";

interface Asked {
  title: string;
  text: string;
  action: string;
  run: () => Promise<unknown>;
}

interface Link {
  title: string;
  text: string;
  url: string;
}

/** What is asked before an act that cannot be undone; the link that an act has made; how the last act went. */
const asked = signal<Asked | null>(null);
const link = signal<Link | null>(null);
const outcome = signal<{ text: string; failed: boolean }>({ text: "", failed: false });

export const ask = (question: Asked) => { asked.value = question; };
export const showLink = (made: Link) => { link.value = made; };

/** Does something, and tells how it went. */
export async function act(done: string, action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
    outcome.value = { text: done, failed: false };
  } catch (error) {
    outcome.value = { text: inWords(error), failed: true };
  }
}

export function forgetOutcome(): void {
  outcome.value = { text: "", failed: false };
}

/** How the last act went. */
export function Outcome() {
  const { text, failed } = outcome.value;
  if (failed) return <Problem text={text} />;
  return <p role="status" class={text ? "done" : "sr-only"}>{text}</p>;
}

function Question({ title, text, action, run }: Asked) {
  const close = () => { asked.value = null; };
  return (
    <Dialog title={title} onClose={close}>
      <p>{text}</p>
      <div class="dialog-actions">
        <button type="button" class="button" onClick={close}>Cancel</button>
        <button type="button" class="button danger" onClick={() => { close(); void run(); }}>{action}</button>
      </div>
    </Dialog>
  );
}

function LinkDialog({ title, text, url }: Link) {
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const close = () => { link.value = null; };
  const copy = () => act("The link is copied.", async () => {
    field.current?.select();
    await navigator.clipboard.writeText(url);
    close();
  });
  return (
    <Dialog title={title} onClose={close}>
      <p>{text}</p>
      <div class="field">
        <label for={id}>Link, shown only now</label>
        <input ref={field} id={id} class="input" readOnly value={url} onFocus={(event) => event.currentTarget.select()} />
      </div>
      <div class="dialog-actions">
        <button type="button" class="button" onClick={close}>Done</button>
        {"clipboard" in navigator && <button type="button" class="button primary" onClick={() => void copy()}>Copy</button>}
      </div>
    </Dialog>
  );
}

export function Dialogs() {
  if (asked.value) return <Question {...asked.value} />;
  return link.value ? <LinkDialog {...link.value} /> : null;
}

interface RowProps {
  title: string;
  tags?: readonly (string | false)[];
  facts: readonly (string | false | null)[];
  children?: ComponentChildren;
}

/** A row of a list: what it is about, and what can be done. */
export function Row({ title, tags = [], facts, children }: RowProps) {
  return (
    <li class="person admin-row">
      <span class="person-text">
        <strong>{title} {tags.filter(Boolean).map((tag) => <span key={tag} class="tag">{tag}</span>)}</strong>
        <small>{facts.filter(Boolean).join(" · ")}</small>
      </span>
      {children && <span class="admin-actions">{children}</span>}
    </li>
  );
}

const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export function timeOf(time: string): string {
  return moment.format(new Date(time));
}
