/** Small controls that are everywhere. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren, TargetedMouseEvent } from "preact";
import { Icon, type IconName } from "./icons";
import { Popover } from "./popover";

interface IconButtonProps {
  icon: IconName;
  /** Its name, for screen readers and as a tooltip. */
  label: string;
  size?: number;
  class?: string;
  type?: "button" | "submit";
  disabled?: boolean;
  "aria-pressed"?: boolean;
  "aria-haspopup"?: "menu";
  "aria-expanded"?: boolean;
  onClick?: (event: TargetedMouseEvent<HTMLButtonElement>) => void;
}

export function IconButton({ icon, label, size = 20, class: name = "", ...rest }: IconButtonProps) {
  return (
    <button type="button" {...rest} class={`icon-button ${name}`} aria-label={label} title={label}>
      <Icon name={icon} size={size} />
    </button>
  );
}

/** A button that opens a menu; `children` gets the function that closes it. */
export function MenuButton({ label, children }: { label: string; children: (close: () => void) => ComponentChildren }) {
  const anchor = useSignal<DOMRect | null>(null);
  const close = () => { anchor.value = null; };
  return (
    <>
      <IconButton icon="more" label={label} aria-haspopup="menu" aria-expanded={anchor.value !== null}
        onClick={(event) => (anchor.value = event.currentTarget.getBoundingClientRect())} />
      {anchor.value && (
        <Popover label={label} role="menu" class="menu" anchor={anchor.value} onClose={close}>{children(close)}</Popover>
      )}
    </>
  );
}

interface MenuItemProps {
  children: string;
  /** Given, it is one of several choices. */
  checked?: boolean;
  onClick: () => void;
}

export function MenuItem({ children, checked, onClick }: MenuItemProps) {
  return (
    <button type="button" role={checked === undefined ? "menuitem" : "menuitemradio"} aria-checked={checked}
      onClick={onClick}>
      <span>{children}</span>{checked && <Icon name="check" size={16} />}
    </button>
  );
}

/** What went wrong, beside what it went wrong with. Empty text is nothing. */
export function Problem({ text }: { text: string }) {
  return text ? <p class="problem" role="alert"><Icon name="warning" size={16} />{text}</p> : null;
}
