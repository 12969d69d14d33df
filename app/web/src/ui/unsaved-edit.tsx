import { model } from "../model";
import { IconButton } from "./controls";
import { inPlace } from "./draft";
import { Icon } from "./icons";
import { changeEdit, edits } from "./room-state";
import { attempt } from "./toasts";

/** What was written to change a message that is no more goes on in the composer. */
function takeOver(messageId: string): void {
  const { text } = inPlace.draft.peek();
  inPlace.change({ text: [text, edits.peek()[messageId]].filter(Boolean).join("\n") });
  changeEdit(messageId, null);
  inPlace.focus.value++;
}

/** Tells of an edit that is not on the screen, such as one that was begun before a reload, or whose message is deleted. */
export function UnsavedEdit({ messageId }: { messageId: string }) {
  const place = model.place.value;
  if (!place || !("roomId" in place)) return null;
  const message = model.openedRoom.value?.timeline.value.messages.findLast(({ id }) => id === messageId);
  const deleted = !!message?.deletedAt;
  const show = () => void attempt(() => model.jumpTo(place.roomId, messageId));
  return (
    <div class="replying">
      <Icon name="edit" size={16} />
      <span>{deleted ? "The message that you were editing was deleted." : "You are editing a message."}</span>
      <button type="button" class="button small quiet" onClick={deleted ? () => takeOver(messageId) : show}>
        {deleted ? "Keep the text" : "Show it"}
      </button>
      <IconButton icon="close" label="Give up the edit" size={16} onClick={() => changeEdit(messageId, null)} />
    </div>
  );
}
