/** That a message was edited; for those who may see it, the way to its earlier texts. */

import { effect, signal } from "@preact/signals";
import type { Message } from "../client";
import { model } from "../model";
import { Dialog } from "./dialog";
import { wholeTime } from "./format";
import { placeKey } from "./room-state";
import { RichText } from "./rich-text";
import { FindingNote, useFinding } from "./search-field";

/** The message whose earlier texts are shown. */
const shown = signal<Message | null>(null);

effect(() => {
  placeKey();
  shown.value = null;
});

/** Whether the server may show them to one; whether it does is its policy. */
function maySee({ senderId }: Message): boolean {
  return senderId === model.me.value?.id || model.openedRoom.value?.room.value?.membership.role === "admin";
}

export function EditedMark({ message }: { message: Message }) {
  const title = message.editedAt ? wholeTime(message.editedAt) : "";
  if (!maySee(message)) return <span class="edited" title={title}>(edited)</span>;
  return (
    <button type="button" class="edited" title={title} aria-label="Edited: show earlier texts" onClick={() => (shown.value = message)}>
      (edited)
    </button>
  );
}

function History({ message }: { message: Message }) {
  const { id, editedAt } = message;
  const found = useFinding(`${id} ${editedAt}`, async () => {
    const { edits } = await model.link.call("message:edits", { messageId: id });
    return { items: edits, next: null };
  }).value;
  const text = (content: string) => ({ content, mentions: [], groupMention: null });
  return (
    <Dialog title="Earlier texts" onClose={() => (shown.value = null)}>
      <div>
        <ol class="earlier" aria-label="Earlier texts">
          {found.items.map(({ content, writtenAt }) => (
            <li key={writtenAt}>
              <time dateTime={writtenAt}>{wholeTime(writtenAt)}</time>
              <div class="content" dir="auto">{content ? <RichText message={text(content)} /> : <em>No text</em>}</div>
            </li>
          ))}
        </ol>
        <FindingNote found={found} empty="No earlier text of this message is kept." />
      </div>
    </Dialog>
  );
}

export function EditHistory() {
  return shown.value && <History key={shown.value.id} message={shown.value} />;
}
