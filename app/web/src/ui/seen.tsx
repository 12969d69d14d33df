import { useComputed } from "@preact/signals";
import { model, type OpenRoom } from "../model";
import { inWords, nameOf } from "./format";

/** Who has read the last message, when it is one's own. */
export function Seen({ open }: { open: OpenRoom }) {
  const text = useComputed(() => {
    const last = open.timeline.value.messages.findLast((message) => !message.deletedAt);
    if (!last || last.senderId !== model.me.value?.id || open.conversation.value?.user.id === last.senderId) return "";
    const readers = [...open.reads.value].filter(([id, seq]) => seq >= last.seq && id !== last.senderId).map(([id]) => id);
    if (open.conversation.value) return readers.length ? "Seen" : "Sent";
    if (readers.length === 0) return "";
    const names = readers.map((id) => model.userOf(id)).filter((user) => user !== null).map(nameOf);
    return readers.length <= 3 && names.length === readers.length
      ? `Seen by ${inWords(names)}` : `Seen by ${readers.length}`;
  });
  return text.value ? <p class="seen">{text}</p> : null;
}
