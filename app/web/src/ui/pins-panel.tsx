/** The pinned messages of the open room, in their order. */

import type { PinnedMessage } from "../client";
import { model, type OpenRoom } from "../model";
import { announce } from "./announcer";
import { IconButton } from "./controls";
import { briefTime, nameOf } from "./format";
import { goTo } from "./go-to";
import { summary } from "./message-parts";
import { Panel } from "./panel";
import { mayPin, pinsOf } from "./room-rights";
import { FindingNote, useFinding } from "./search-field";
import { attempt } from "./toasts";

const PAGE = 50;

/** Pins a message, or no longer; the room tells of it. */
export async function pin(messageId: string, pinned: boolean): Promise<void> {
  await model.link.call(pinned ? "message:pin" : "message:unpin", { messageId });
  announce(pinned ? "Message pinned" : "Message unpinned");
}

function Pinned({ pin: { message, pinnedBy }, move }: {
  pin: PinnedMessage;
  /** Gives it another place among the others; null where one may not. */
  move: ((by: -1 | 1) => void) | null;
}) {
  const name = summary(message).slice(0, 60);
  return (
    <li class="pin">
      <button type="button" class="result" onClick={() => void attempt(() => goTo(message))}>
        <span class="result-where">
          <span class="truncate">Pinned by {nameOf(pinnedBy)}</span>
          <time dateTime={message.createdAt}>{briefTime(message.createdAt)}</time>
        </span>
        <strong>{nameOf(message.sender)}</strong>
        <span class="result-text">{summary(message)}</span>
      </button>
      {move && (
        <div class="pin-actions">
          <IconButton icon="arrowUp" label={`Move up: ${name}`} size={16} onClick={() => move(-1)} />
          <IconButton icon="arrowDown" label={`Move down: ${name}`} size={16} onClick={() => move(1)} />
          <IconButton icon="close" label={`Unpin: ${name}`} size={16} onClick={() => void attempt(() => pin(message.id, false))} />
        </div>
      )}
    </li>
  );
}

export function PinsPanel({ open }: { open: OpenRoom }) {
  const { roomId } = open;
  const pins = pinsOf(open);
  const found = useFinding(pins.length ? [roomId, ...[...pins].sort()].join() : null, async (after) => {
    const page = await model.link.call("room:pins", { roomId, limit: PAGE, ...(after ? { after } : {}) });
    model.meet(page.pins.map(({ message }) => message));
    return { items: page.pins, next: page.next };
  }).value;
  const known = new Map(found.items.map((one) => [one.message.id, one]));
  const move = (at: number, by: -1 | 1) => {
    const messageIds = [...pins];
    const [moved] = messageIds.splice(at, 1);
    if (moved === undefined || at + by < 0 || at + by > messageIds.length) return;
    messageIds.splice(at + by, 0, moved);
    void attempt(() => model.link.call("room:order-pins", { roomId, messageIds }))
      .then((done) => done && announce(by < 0 ? "Moved up" : "Moved down"));
  };
  return (
    <Panel title="Pinned messages">
      <ul aria-label="Pinned messages">
        {pins.map((id, at) => {
          const one = known.get(id);
          return one && <Pinned key={id} pin={one} move={mayPin(open) ? (by) => move(at, by) : null} />;
        })}
      </ul>
      {pins.length ? <FindingNote found={found} empty="" /> : (
        <p class="list-note">Nothing is pinned here. What is pinned stays at hand for everybody.</p>
      )}
    </Panel>
  );
}
