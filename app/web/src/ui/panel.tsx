import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { IconButton } from "./controls";
import { closePanel } from "./route";

/** The column beside a room, or a sheet over it: takes the focus when it opens and gives it back when it closes. */
export function Panel({ title, alone = false, takesFocus = true, onClose, children }: {
  title: string;
  takesFocus?: boolean;
  /** Called when it is closed for good, and not for what is opened in its place. */
  onClose?: () => void;
  /** No room is beside it: it is the main part of the page. */
  alone?: boolean;
  children: ComponentChildren;
}) {
  const ref = useRef<HTMLElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const panel = ref.current;
    const before = document.activeElement;
    if (takesFocus) (panel?.querySelector<HTMLElement>("[autofocus]") ?? panel?.querySelector<HTMLElement>("[tabindex]"))?.focus();
    return () => {
      if (panel?.contains(document.activeElement) && before instanceof HTMLElement) before.focus();
    };
  }, []);
  const close = () => {
    onClose?.();
    closePanel();
  };
  const Part = alone ? "section" : "aside";
  const Heading = alone ? "h1" : "h2";
  return (
    <Part ref={ref} class="panel" aria-labelledby={id}
      onKeyDown={(event) => event.key === "Escape" && !event.defaultPrevented && close()}>
      <div class="bar">
        <div class="bar-title"><Heading id={id} tabIndex={-1}>{title}</Heading></div>
        <IconButton icon="close" label={`Close ${title.toLowerCase()}`} onClick={close} />
      </div>
      <div class="panel-body">{children}</div>
    </Part>
  );
}
