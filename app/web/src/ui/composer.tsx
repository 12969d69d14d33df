/** Where one writes in a room or a conversation. */

import { model, type Draft } from "../model";
import { ComposerBox } from "./composer-box";
import { inPlace } from "./draft";
import { CANCEL, EDIT_LAST } from "./keys";
import { Later } from "./load-later";
import { narrow } from "./media";
import { edit, unsavedEdit } from "./room-state";
import { attempt } from "./toasts";

/** Opens one's last message for editing, when there is one. */
function editLast(): boolean {
  const me = model.me.peek()?.id;
  const last = model.openedRoom.peek()?.timeline.peek().messages
    .findLast((message) => message.senderId === me && !message.deletedAt);
  if (!last) return false;
  edit(last);
  return true;
}

function send(draft: Draft): void {
  const open = model.openedRoom.peek();
  const timeline = open?.timeline.peek();
  const behind = timeline?.status === "ready" && !timeline.atEnd;
  model.send(model.place.peek()!, draft);
  if (open) model.typingStopped(open.roomId);
  // What one sends stands at the end: go there when older messages are on the screen.
  if (behind) void attempt(() => model.showLatest());
}

function tellTyping(text: string): void {
  const open = model.openedRoom.peek();
  if (!open) return;
  if (text.trim()) model.typing(open.roomId);
  else model.typingStopped(open.roomId);
}

/** A phone's keyboard would cover half of what one came to read; a message that was jumped to has the focus. */
function takesFocus(): boolean {
  return !(narrow.peek() || document.activeElement?.closest(".timeline"));
}

function onKey(chord: string): boolean {
  const { text, replyTo } = inPlace.draft.peek();
  if (chord === EDIT_LAST) return text === "" && editLast();
  if (chord !== CANCEL || !replyTo) return false;
  inPlace.change({ replyTo: null });
  return true;
}

export function Composer({ name }: { name: string }) {
  const { replyTo } = inPlace.draft.value;
  const unsaved = unsavedEdit();
  return (
    <ComposerBox writing={inPlace} form="Write a message" label="Message" sendLabel="Send" placeholder={`Message ${name}`}
      send={send} takesFocus={takesFocus} onKey={onKey} onText={tellTyping}
      above={<>
        {unsaved && <Later draw={({ UnsavedEdit }) => <UnsavedEdit messageId={unsaved} />} waiting={null} />}
        {replyTo && <Later draw={({ Replying }) => <Replying messageId={replyTo} />} waiting={null} />}
      </>} />
  );
}
