/** The messages that one has saved, the last saved first. */

import type { Message, SavedMessage } from "../client";
import { model } from "../model";
import { IconButton } from "./controls";
import { Dialog } from "./dialog";
import { briefTime, nameOf } from "./format";
import { goTo } from "./go-to";
import { summary } from "./message-parts";
import { closeDialog } from "./open-dialog";
import { placeName } from "./place-name";
import { saved, setSaved } from "./saved";
import { FindingNote, useFinding } from "./search-field";
import { attempt } from "./toasts";

function Saved({ message }: { message: Message }) {
  const jump = () => {
    closeDialog(); // first, for it gives the focus back
    void attempt(() => goTo(message));
  };
  return (
    <li class="saved">
      <button type="button" class="result" onClick={jump}>
        <span class="result-where">
          <span class="truncate">{placeName(message.roomId)}</span>
          <time dateTime={message.createdAt}>{briefTime(message.createdAt)}</time>
        </span>
        <strong>{nameOf(message.sender)}</strong>
        <span class="result-text">{summary(message)}</span>
      </button>
      <IconButton icon="close" label="Remove from saved" size={18} onClick={() => void attempt(() => setSaved(message, false))} />
    </li>
  );
}

export function SavedList() {
  const found = useFinding<SavedMessage>("saved", async (before) => {
    const page = await model.link.call("saved:list", { limit: 20, before });
    model.meet(page.saved.map(({ message }) => message));
    return { items: page.saved, next: page.next };
  }).value;
  const still = found.items.filter(({ message }) => saved.value.ids.has(message.id));
  return (
    <Dialog title="Saved messages" onClose={closeDialog} tall>
      <div>
        <ul aria-label="Saved messages">{still.map(({ message }) => <Saved key={message.id} message={message} />)}</ul>
        <FindingNote found={{ ...found, items: still }}
          empty="You have saved no message yet. A message's menu has “Save message”." />
      </div>
    </Dialog>
  );
}
