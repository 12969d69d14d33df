/** Dialogs on the browser's own <dialog>: it traps the focus, closes on Escape, and gives the focus back. */

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { IconButton } from "./controls";
import { onSignedOut } from "./signed-out";

/** Shows the <dialog> of the ref while it is mounted. Closing it before it goes is what gives the focus back. */
export function useModal() {
  const ref = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return ref;
}

/** Escape takes the dialog from the page, as every other way to close it does. */
export function closeOnCancel(event: Event, onClose: () => void): void {
  event.preventDefault();
  onClose();
}

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  /** Keeps its height while what it lists changes. */
  tall?: boolean;
}

export function Dialog({ title, onClose, children, tall = false }: DialogProps) {
  const ref = useModal();
  const id = useId();
  return (
    <dialog ref={ref} class="dialog" aria-labelledby={id} onCancel={(event) => closeOnCancel(event, onClose)}
      onMouseDown={(event) => event.target === ref.current && onClose()}>
      <div class="dialog-head">
        <h2 id={id}>{title}</h2>
        <IconButton icon="close" label="Close" onClick={onClose} />
      </div>
      <div class={`dialog-body ${tall ? "tall" : ""}`}>{children}</div>
    </dialog>
  );
}

interface Question {
  title: string;
  text: string;
  action: string;
  danger?: boolean;
}

const question = signal<(Question & { answer: (yes: boolean) => void }) | null>(null);

/** Asks before something that cannot be undone. */
export function confirm(asked: Question): Promise<boolean> {
  question.value?.answer(false);
  return new Promise((resolve) => {
    question.value = {
      ...asked,
      answer: (yes) => {
        question.value = null;
        resolve(yes);
      },
    };
  });
}

onSignedOut(() => question.peek()?.answer(false));

export function Confirmation() {
  const asked = question.value;
  if (!asked) return null;
  return (
    <Dialog title={asked.title} onClose={() => asked.answer(false)}>
      <p>{asked.text}</p>
      <div class="dialog-actions">
        <button type="button" class="button" onClick={() => asked.answer(false)}>Cancel</button>
        <button type="button" class={`button ${asked.danger ? "danger" : "primary"}`} autofocus
          onClick={() => asked.answer(true)}>
          {asked.action}
        </button>
      </div>
    </Dialog>
  );
}
