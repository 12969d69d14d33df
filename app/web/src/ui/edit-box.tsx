import { useLayoutEffect, useRef } from "preact/hooks";
import type { Message } from "../client";
import { model } from "../model";
import { announce } from "./announcer";
import { useAutosize } from "./autosize";
import { deleteAfterAsking } from "./message-actions";
import { editing } from "./room-state";
import { attempt } from "./toasts";

/** The field in place of a message's text: Enter saves, Escape leaves it as it was. */
export function EditBox({ message }: { message: Message }) {
  const ref = useRef<HTMLTextAreaElement>(null);
  const text = editing.value?.text ?? "";
  useAutosize(ref, text);
  useLayoutEffect(() => {
    const area = ref.current;
    area?.focus();
    area?.setSelectionRange(area.value.length, area.value.length);
  }, []);
  const close = () => {
    ref.current?.closest<HTMLElement>("[role=listitem]")?.focus();
    editing.value = null;
  };
  const save = async () => {
    const content = text.trim();
    if (content === message.content) return close();
    if (!content && message.attachments.length === 0) return deleteAfterAsking(message);
    if (!await attempt(() => model.edit(message.id, content))) return;
    announce("Message edited");
    close();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    event.stopPropagation(); // the arrow keys are the text's here, not the list's
    if (event.key === "Escape") close();
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    void save();
  };
  return (
    <div class="edit-box">
      <textarea ref={ref} class="input" aria-label="Edit message" rows={1} maxlength={10_000} value={text}
        onInput={(event) => (editing.value = { messageId: message.id, text: event.currentTarget.value })}
        onKeyDown={onKeyDown} />
      <div>
        <button type="button" class="button small primary" onClick={() => void save()}>Save</button>
        <button type="button" class="button small quiet" onClick={close}>Cancel</button>
      </div>
    </div>
  );
}
