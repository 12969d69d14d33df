import { model } from "../model";
import { IconButton } from "./controls";
import { Icon } from "./icons";
import { changeEdit } from "./room-state";
import { attempt } from "./toasts";

/** Tells of an edit that is not on the screen, such as one that was begun before a reload. */
export function UnsavedEdit({ messageId }: { messageId: string }) {
  const place = model.place.value;
  if (!place || !("roomId" in place)) return null;
  return (
    <div class="replying">
      <Icon name="edit" size={16} />
      <span>You are editing a message.</span>
      <button type="button" class="button small quiet"
        onClick={() => void attempt(() => model.jumpTo(place.roomId, messageId))}>Show it</button>
      <IconButton icon="close" label="Give up the edit" size={16} onClick={() => changeEdit(messageId, null)} />
    </div>
  );
}
