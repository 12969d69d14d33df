/** The buttons over a message, and what they do. */

import type { Message } from "../contract";
import { model } from "../model";
import { announce } from "./announcer";
import { confirm } from "./dialog";
import { replyTo } from "./draft";
import { PALETTE } from "./emoji";
import { nameOf } from "./format";
import { Icon, type IconName } from "./icons";
import { Popover } from "./popover";
import { editing, reacting } from "./room-state";
import { attempt, tell } from "./toasts";

export async function deleteAfterAsking(message: Message): Promise<void> {
  const mine = message.senderId === model.me.value?.id;
  const sure = await confirm({
    title: "Delete this message?",
    text: `${mine ? "Your message" : `${nameOf(message.sender)}'s message`} is removed for everyone. This cannot be undone.`,
    action: "Delete",
    danger: true,
  });
  if (sure && await attempt(() => model.deleteMessage(message.id))) announce("Message deleted");
}

async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    tell("Copied.");
  } catch {
    tell("Your browser does not let the page copy.", "error");
  }
}

function Action({ icon, label, danger, onClick }: {
  icon: IconName; label: string; danger?: boolean; onClick: (event: MouseEvent) => void;
}) {
  return (
    <button type="button" class={`icon-button ${danger ? "danger" : ""}`} aria-label={label} title={label}
      onClick={onClick}>
      <Icon name={icon} size={18} />
    </button>
  );
}

export function MessageActions({ message }: { message: Message }) {
  const mine = message.senderId === model.me.value?.id;
  const admin = model.openedRoom.value?.room.value?.membership.role === "admin";
  const react = (event: MouseEvent) => {
    reacting.value = { message, anchor: (event.currentTarget as HTMLElement).getBoundingClientRect() };
  };
  return (
    <div class="actions" role="toolbar" aria-label="Message actions">
      <Action icon="smile" label="React" onClick={react} />
      <Action icon="reply" label="Reply" onClick={() => replyTo(message)} />
      {message.content && <Action icon="copy" label="Copy text" onClick={() => void copy(message.content)} />}
      {mine && <Action icon="edit" label="Edit"
        onClick={() => (editing.value = { messageId: message.id, text: message.content })} />}
      {(mine || admin) && <Action icon="trash" label="Delete" danger
        onClick={() => void deleteAfterAsking(message)} />}
    </div>
  );
}

/** The palette of reactions, for the message that `reacting` names. */
export function ReactionPalette() {
  if (!reacting.value) return null;
  const { message, anchor } = reacting.value;
  const me = model.me.value?.id ?? "";
  const mine = new Set(message.reactions.filter((one) => one.userIds.includes(me)).map((one) => one.kind));
  const close = () => (reacting.value = null);
  const choose = (kind: string) => {
    close();
    void attempt(() => mine.has(kind) ? model.unreact(message.id, kind) : model.react(message.id, kind));
  };
  return (
    <Popover label="Choose a reaction" role="dialog" class="emoji-grid" anchor={anchor} onClose={close}>
      {PALETTE.map(([kind, name]) => (
        <button key={kind} type="button" aria-label={name} title={name} aria-pressed={mine.has(kind)}
          onClick={() => choose(kind)}>
          {kind}
        </button>
      ))}
    </Popover>
  );
}
