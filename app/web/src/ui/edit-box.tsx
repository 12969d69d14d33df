import { useLayoutEffect, useRef } from "preact/hooks";
import type { Message } from "../client";
import { excess, trimmed } from "../message-text";
import { model } from "../model";
import { announce } from "./announcer";
import { useAutosize } from "./autosize";
import { count } from "./format";
import { CANCEL, chordOf, SEND, SEND_ON_TOUCH } from "./keys";
import { touch } from "./media";
import { deleteAfterAsking } from "./message-actions";
import { changeEdit, drawnEdits, edits, justBegun } from "./room-state";
import { attempt } from "./toasts";

/** The field in place of a message's text: Enter saves, Escape leaves it as it was. */
export function EditBox({ message }: { message: Message }) {
  const ref = useRef<HTMLTextAreaElement>(null);
  const text = edits.value[message.id] ?? "";
  useAutosize(ref, text);
  useLayoutEffect(() => {
    drawnEdits.value = new Set([...drawnEdits.peek(), message.id]);
    return () => { drawnEdits.value = new Set([...drawnEdits.peek()].filter((id) => id !== message.id)); };
  }, []);
  const begun = justBegun.value === message.id;
  useLayoutEffect(() => {
    const area = ref.current;
    if (!begun || !area) return;
    justBegun.value = null;
    area.focus();
    area.setSelectionRange(area.value.length, area.value.length);
  }, [begun]);
  const close = () => {
    ref.current?.closest<HTMLElement>("[role=listitem]")?.focus();
    changeEdit(message.id, null);
  };
  const over = excess(text);
  const save = async () => {
    const content = trimmed(text);
    if (over) return;
    if (content === message.content) return close();
    if (!content && message.attachments.length === 0) return deleteAfterAsking(message);
    if (!await attempt(() => model.edit(message.id, content))) return;
    announce("Message edited");
    close();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    event.stopPropagation(); // the arrow keys are the text's here, not the list's
    const chord = chordOf(event);
    if (chord === CANCEL) close();
    if (event.isComposing || chord !== (touch.peek() ? SEND_ON_TOUCH : SEND)) return;
    event.preventDefault();
    void save();
  };
  return (
    <div class="edit-box">
      <textarea ref={ref} class="input" aria-label="Edit message" rows={1} value={text}
        onInput={(event) => changeEdit(message.id, event.currentTarget.value)} onKeyDown={onKeyDown} />
      <div>
        <button type="button" class="button small primary" disabled={over > 0} onClick={() => void save()}>Save</button>
        <button type="button" class="button small quiet" onClick={close}>Cancel</button>
        {over > 0 && <span class="over" role="status">{count(over, "character")} too long</span>}
      </div>
    </div>
  );
}
