import { useSignal, type Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { inWords } from "../client";
import { Problem } from "./controls";

export interface RoomFields {
  name: string;
  description: string;
}

interface RoomFormProps {
  start: RoomFields;
  /** What the button says. */
  action: string;
  save: (fields: RoomFields) => Promise<unknown>;
  onCancel?: () => void;
  children?: ComponentChildren;
}

/** Who may enter a room. */
export function WhoCanJoin({ isPrivate }: { isPrivate: Signal<boolean> }) {
  const id = useId();
  const choice = (private_: boolean, title: string, hint: string) => (
    <label class="choice">
      <input type="radio" name={id} checked={isPrivate.value === private_}
        onChange={() => (isPrivate.value = private_)} />
      <span><strong>{title}</strong><span class="hint">{hint}</span></span>
    </label>
  );
  return (
    <fieldset class="choices">
      <legend class="field-label">Who can join</legend>
      {choice(false, "Public", "Everyone can find it and join.")}
      {choice(true, "Private", "Only people who are invited.")}
    </fieldset>
  );
}

/** A room's name and description, for a new room and for one that is there. */
export function RoomForm({ start, action, save, onCancel, children }: RoomFormProps) {
  const id = useId();
  const fields = useSignal(start);
  const busy = useSignal(false);
  const problem = useSignal("");
  const submit = async (event: Event) => {
    event.preventDefault();
    busy.value = true;
    problem.value = "";
    try {
      await save({ name: fields.value.name.trim(), description: fields.value.description.trim() });
    } catch (error) {
      problem.value = inWords(error);
    } finally {
      busy.value = false;
    }
  };
  const { name, description } = fields.value;
  return (
    <form class="form" onSubmit={(event) => void submit(event)}>
      <div class="field">
        <label for={`${id}n`}>Name</label>
        <input id={`${id}n`} class="input" required autocomplete="off" autofocus={onCancel !== undefined}
          value={name} onInput={(event) => (fields.value = { name: event.currentTarget.value, description })} />
      </div>
      <div class="field">
        <label for={`${id}d`}>Description (optional)</label>
        <textarea id={`${id}d`} class="input" rows={2} value={description}
          onInput={(event) => (fields.value = { name, description: event.currentTarget.value })} />
      </div>
      {children}
      <Problem text={problem.value} />
      <div class="dialog-actions">
        {onCancel && <button type="button" class="button" onClick={onCancel}>Cancel</button>}
        <button type="submit" class="button primary" disabled={busy.value || !name.trim()}>{action}</button>
      </div>
    </form>
  );
}
