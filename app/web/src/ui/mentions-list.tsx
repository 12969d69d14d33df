/** The messages that mention oneself, in all of one's rooms. */

import type { Message } from "../client";
import { mayGoOn } from "../client";
import { model } from "../model";
import { Dialog } from "./dialog";
import { mentions } from "./finding";
import { briefTime, nameOf } from "./format";
import { goTo } from "./go-to";
import { summary } from "./message-parts";
import { closeDialog } from "./open-dialog";
import { FindingNote, useFinding } from "./search-field";
import { attempt } from "./toasts";

const PAGE = 20;

function Mention({ message }: { message: Message }) {
  const room = model.rooms.value.find(({ id }) => id === message.roomId);
  const fresh = room !== undefined && message.seq > room.membership.lastReadSeq;
  const jump = async () => {
    if (await attempt(() => goTo(message))) closeDialog();
  };
  return (
    <li>
      <button type="button" class="result" onClick={() => void jump()}>
        <span class="result-where">
          <span class="truncate">{room?.name}</span>
          {fresh && <strong class="tag">New</strong>}
          <time dateTime={message.createdAt}>{briefTime(message.createdAt)}</time>
        </span>
        <strong>{nameOf(message.sender)}</strong>
        <span class="result-text">{summary(message)}</span>
      </button>
    </li>
  );
}

export function MentionsList() {
  const found = useFinding("mentions", async (before, signal) => {
    const items = await mentions({ signal, ...(before ? { before } : {}) });
    return { items, next: mayGoOn(items, PAGE) ? items.at(-1)?.id ?? null : null };
  }).value;
  return (
    <Dialog title="Mentions" onClose={closeDialog} tall>
      <div>
        <ul aria-label="Mentions of you">
          {found.items.map((message) => <Mention key={message.id} message={message} />)}
        </ul>
        <FindingNote found={found} empty="Nobody has mentioned you yet." />
      </div>
    </Dialog>
  );
}
