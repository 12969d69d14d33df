import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { narrow } from "./media";

const GAP = 6; // px between the popover and what it belongs to
const EDGE = 8; // px between the popover and the edge of the window

function placeAt(popover: HTMLElement, anchor: DOMRect): void {
  if (narrow.peek()) {
    popover.style.top = popover.style.left = "";
    return;
  }
  const { width, height } = popover.getBoundingClientRect();
  const below = anchor.bottom + GAP;
  const last = innerHeight - height - EDGE;
  const top = below <= last ? below : Math.max(EDGE, Math.min(anchor.top - GAP - height, last));
  const left = Math.min(Math.max(EDGE, anchor.right - width), innerWidth - width - EDGE);
  popover.style.top = `${top}px`;
  popover.style.left = `${left}px`;
}

interface PopoverProps {
  label: string;
  /** Where on the window it belongs; a narrow screen shows it at the bottom instead. */
  anchor: DOMRect;
  role: "menu" | "dialog";
  class?: string;
  onClose: () => void;
  children: ComponentChildren;
}

/** In the top layer, closed by Escape or a press elsewhere; the arrow keys go through its buttons. */
export function Popover({ label, anchor, role, onClose, children, class: name = "" }: PopoverProps) {
  const ref = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const popover = ref.current;
    if (!popover) return;
    const before = document.activeElement;
    popover.showPopover();
    placeAt(popover, anchor);
    // A window that gets another size, as a phone that is turned, or more to choose from.
    const observer = new ResizeObserver(() => placeAt(popover, anchor));
    for (const sized of [popover, document.documentElement]) observer.observe(sized);
    popover.querySelector<HTMLElement>("button")?.focus();
    return () => {
      observer.disconnect();
      if (popover.contains(document.activeElement) && before instanceof HTMLElement) before.focus();
    };
  }, [anchor]);
  return (
    <div ref={ref} popover="auto" class={`popover ${name}`} role={role} aria-label={label}
      onToggle={(event) => event.newState === "closed" && onClose()}
      onKeyDown={(event) => moveFocus(event)}>
      {children}
    </div>
  );
}

function moveFocus(event: KeyboardEvent): void {
  if (event.key === "Escape") event.stopPropagation(); // it closes this alone, and not the panel that this is in
  const list = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>("button")];
  const at = list.indexOf(document.activeElement as HTMLElement);
  const columns = list.filter((button) => button.offsetTop === list[0]?.offsetTop).length;
  const steps: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns };
  const step = steps[event.key];
  if (step === undefined) return;
  event.preventDefault();
  list[(at + step + list.length) % list.length]?.focus();
}
