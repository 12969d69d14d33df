/** Where one writes: Enter sends, Shift+Enter begins a line; on a phone Enter does. Files come by button, drop and paste. */

import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { excess, HUGE, pastedText } from "../message-text";
import { model } from "../model";
import { useAutosize } from "./autosize";
import { useCompletion } from "./completion";
import { IconButton } from "./controls";
import { changeDraft, draft, focusField, sendDraft } from "./draft";
import { CANCEL, chordOf, EDIT_LAST, SEND, SEND_ON_TOUCH } from "./keys";
import { Later } from "./load-later";
import { narrow, touch } from "./media";
import { edit, placeKey, unsavedEdit } from "./room-state";
import { attempt, tell } from "./toasts";
import { addFiles, addText, uploading, uploadsHere } from "./uploads";

function paste(event: ClipboardEvent): void {
  const files = [...event.clipboardData?.files ?? []];
  const pasted = event.clipboardData?.getData("text/plain") ?? "";
  if (files.length) addFiles(files);
  if (pasted.length > HUGE) {
    addText(pasted);
    tell("What you pasted is too long for a message: it is attached as a file.");
  } else if (!files.length || pastedText(pasted, files.map(({ name }) => name))) {
    return; // the browser puts the text in
  }
  event.preventDefault();
}

/** Opens one's last message for editing, when there is one. */
function editLast(): boolean {
  const me = model.me.peek()?.id;
  const last = model.openedRoom.peek()?.timeline.peek().messages
    .findLast((message) => message.senderId === me && !message.deletedAt);
  if (!last) return false;
  edit(last);
  return true;
}

function send(): void {
  const open = model.openedRoom.peek();
  const timeline = open?.timeline.peek();
  const behind = timeline?.status === "ready" && !timeline.atEnd;
  if (uploading() || !sendDraft()) return;
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

export function Composer({ name }: { name: string }) {
  const field = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const caret = useSignal<number | null>(null);
  const { text, replyTo, attachments } = draft.value;
  const completion = useCompletion((completed, at) => {
    changeDraft({ text: completed });
    caret.value = at;
  });
  useAutosize(field, text);
  useLayoutEffect(() => {
    if (caret.value === null) return;
    field.current?.setSelectionRange(caret.value, caret.value);
    caret.value = null;
  }, [text]);
  const place = placeKey();
  const asked = focusField.value;
  useEffect(() => {
    // A phone's keyboard would cover half of what one came to read; a message that was jumped to has the focus.
    if (asked > 0 || !(narrow.peek() || document.activeElement?.closest(".timeline"))) field.current?.focus();
  }, [place, asked]);

  const coming = uploadsHere();
  const unsaved = unsavedEdit();
  const over = excess(text);
  const ready = !uploading() && over === 0 && (text.trim() !== "" || attachments.length > 0);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing || completion.onKey(event)) return;
    const chord = chordOf(event);
    if (chord === SEND_ON_TOUCH || (chord === SEND && !touch.peek())) send();
    else if (chord === EDIT_LAST && text === "" && editLast()) completion.close();
    else if (chord === CANCEL && replyTo) changeDraft({ replyTo: null });
    else return;
    event.preventDefault();
  };
  const submit = (event: Event) => {
    event.preventDefault();
    send();
    field.current?.focus(); // the button that had it is disabled now
  };
  return (
    <form class="composer" aria-label="Write a message" onSubmit={submit}>
      {completion.list}
      <div class="composer-box">
        {unsaved && <Later draw={({ UnsavedEdit }) => <UnsavedEdit messageId={unsaved} />} waiting={null} />}
        {replyTo && <Later draw={({ Replying }) => <Replying messageId={replyTo} />} waiting={null} />}
        {attachments.length + coming.length > 0 && <Later draw={({ Tray }) => <Tray />} waiting={null} />}
        <div class="composer-row">
          <IconButton icon="paperclip" label="Attach files"
            onClick={() => picker.current?.click()} />
          <input ref={picker} type="file" multiple hidden aria-label="Files to attach"
            onChange={(event) => {
              addFiles(event.currentTarget.files ?? []);
              event.currentTarget.value = "";
              field.current?.focus();
            }} />
          <textarea ref={field} dir="auto" aria-label="Message" placeholder={`Message ${name}`} rows={1}
            enterkeyhint={touch.value ? "enter" : "send"} value={text} {...completion.attributes}
            onInput={(event) => {
              const { value, selectionStart } = event.currentTarget;
              changeDraft({ text: value });
              tellTyping(value);
              completion.watch(value, selectionStart);
            }}
            onKeyDown={onKeyDown} onPaste={paste}
            onBlur={() => { completion.close(); tellTyping(""); }} />
          <IconButton icon="send" label="Send" class="primary" type="submit" disabled={!ready} />
        </div>
        {over > 0 && <Later draw={({ TooLong }) => <TooLong by={over} />} waiting={null} />}
      </div>
    </form>
  );
}
