/** Dialogs on the browser's own <dialog>: it traps the focus, closes on Escape, and gives the focus back. */

import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { IconButton } from "./controls";

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

/** Whether something is written in a form of the dialog: a press beside it is no reason to throw that away. */
function hasText(dialog: Element): boolean {
  const fields = dialog.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>("form :is(input:not([type=radio]), textarea)");
  return [...fields].some((field) => field.value.trim() !== "");
}

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  /** Keeps its height while what it lists changes. */
  tall?: boolean;
  /** Has nothing in it that takes the focus: it takes it itself, so that keys can scroll it. */
  readOnly?: boolean;
}

export function Dialog({ title, onClose, children, tall = false, readOnly = false }: DialogProps) {
  const ref = useModal();
  const id = useId();
  return (
    <dialog ref={ref} class="dialog" aria-labelledby={id} onCancel={(event) => closeOnCancel(event, onClose)}
      onMouseDown={(event) => event.target === event.currentTarget && !hasText(event.currentTarget) && onClose()}>
      <div class="dialog-head">
        <h2 id={id}>{title}</h2>
        <IconButton icon="close" label="Close" onClick={onClose} />
      </div>
      <div class={`dialog-body ${tall ? "tall" : ""}`} tabIndex={readOnly ? 0 : undefined}>{children}</div>
    </dialog>
  );
}
