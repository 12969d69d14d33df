import { model } from "../model";
import { IconButton } from "./controls";
import { inPlace } from "./draft";
import { nameOf } from "./format";
import { Icon } from "./icons";
import { preview } from "./message-parts";

/** To which message one is about to reply, above where one writes. */
export function Replying({ messageId }: { messageId: string }) {
  const message = model.openedRoom.value?.timeline.value.messages.findLast((one) => one.id === messageId);
  return (
    <div class="replying">
      <Icon name="reply" size={16} />
      <span class="truncate">
        {message ? <>Replying to <strong>{nameOf(message.sender)}</strong> {preview(message)}</> : "Replying to a message"}
      </span>
      <IconButton icon="close" label="Cancel reply" size={16} onClick={() => inPlace.change({ replyTo: null })} />
    </div>
  );
}
