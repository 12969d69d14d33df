/** Where one writes: Enter sends, Shift+Enter begins a line, files come by button, drop and paste. */

import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { model } from "../model";
import { Thumbnail, isPicture } from "./attachments";
import { useAutosize } from "./autosize";
import { useCompletion } from "./completion";
import { IconButton } from "./controls";
import {
  addFiles, cancelUpload, changeDraft, draft, focusField, removeAttachment, sendDraft, uploadsHere, type Upload,
} from "./draft";
import { fileSize, nameOf } from "./format";
import { Icon } from "./icons";
import { narrow } from "./media";
import { summary } from "./message-parts";
import { editing, placeKey } from "./room-state";
import { attempt } from "./toasts";

const LONGEST = 10_000; // characters of a message

function Replying({ messageId }: { messageId: string }) {
  const message = model.openedRoom.value?.timeline.value.messages.findLast((one) => one.id === messageId);
  return (
    <div class="replying">
      <Icon name="reply" size={16} />
      <span class="truncate">
        {message ? <>Replying to <strong>{nameOf(message.sender)}</strong> {summary(message)}</> : "Replying to a message"}
      </span>
      <IconButton icon="close" label="Cancel reply" size={16} onClick={() => changeDraft({ replyTo: null })} />
    </div>
  );
}

function UploadCard({ upload }: { upload: Upload }) {
  const { id, name, part, error, preview } = upload;
  return (
    <li class={`upload ${error ? "failed" : ""}`}>
      {preview ? <img src={preview} alt="" /> : <span class="file-icon"><Icon name="file" /></span>}
      <span class="upload-text">
        <span class="truncate">{name}</span>
        <small>{error ?? (part < 1 ? `${Math.round(part * 100)} % of ${fileSize(upload.size)}` : "Almost there…")}</small>
      </span>
      <IconButton icon="close" label={error ? `Remove ${name}` : `Cancel upload of ${name}`} size={16}
        onClick={() => cancelUpload(id)} />
      {!error && <progress value={part} max={1} aria-label={`Upload of ${name}`} />}
    </li>
  );
}

/** The files of the draft: those that are there, then those on their way. */
function Tray() {
  const { attachments } = draft.value;
  const coming = uploadsHere();
  if (attachments.length + coming.length === 0) return null;
  return (
    <ul class="tray" aria-label="Files to send">
      {attachments.map((file) => (
        <li key={file.id} class="upload">
          {isPicture(file.mediaType) ? <Thumbnail file={file} /> : <span class="file-icon"><Icon name="file" /></span>}
          <span class="upload-text">
            <span class="truncate">{file.name}</span>
            <small>{fileSize(file.size)}</small>
          </span>
          <IconButton icon="close" label={`Remove ${file.name}`} size={16}
            onClick={() => removeAttachment(file.id)} />
        </li>
      ))}
      {coming.map((upload) => <UploadCard key={upload.id} upload={upload} />)}
    </ul>
  );
}

/** Opens one's last message for editing, when there is one. */
function editLast(): boolean {
  const me = model.me.peek()?.id;
  const last = model.openedRoom.peek()?.timeline.peek().messages
    .findLast((message) => message.senderId === me && !message.deletedAt);
  if (!last) return false;
  editing.value = { messageId: last.id, text: last.content };
  return true;
}

function send(): void {
  const open = model.openedRoom.peek();
  const timeline = open?.timeline.peek();
  const behind = timeline?.status === "ready" && !timeline.atEnd;
  if (!sendDraft()) return;
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
    // A phone's keyboard would cover half of what one came to read.
    if (asked > 0 || !narrow.peek()) field.current?.focus();
  }, [place, asked]);

  const busy = uploadsHere().some((upload) => !upload.error);
  const ready = !busy && (text.trim() !== "" || attachments.length > 0);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing || completion.onKey(event)) return;
    const bare = !event.shiftKey && !event.altKey && !event.ctrlKey && !event.metaKey;
    if (event.key === "Enter" && !event.shiftKey) send();
    else if (event.key === "ArrowUp" && bare && text === "" && editLast()) completion.close();
    else if (event.key === "Escape" && replyTo) changeDraft({ replyTo: null });
    else return;
    event.preventDefault();
  };
  const onPaste = (event: ClipboardEvent) => {
    const files = event.clipboardData?.files;
    if (!files?.length) return;
    event.preventDefault();
    addFiles(files);
  };
  return (
    <form class="composer" aria-label="Write a message" onSubmit={(event) => { event.preventDefault(); send(); }}>
      {completion.list}
      <div class="composer-box">
        {replyTo && <Replying messageId={replyTo} />}
        <Tray />
        <div class="composer-row">
          <IconButton icon="paperclip" label="Attach files"
            onClick={() => picker.current?.click()} />
          <input ref={picker} type="file" multiple hidden aria-label="Files to attach"
            onChange={(event) => {
              addFiles(event.currentTarget.files ?? []);
              event.currentTarget.value = "";
              field.current?.focus();
            }} />
          <textarea ref={field} dir="auto" aria-label="Message" placeholder={`Message ${name}`} rows={1} maxlength={LONGEST}
            value={text} {...completion.attributes}
            onInput={(event) => {
              const { value, selectionStart } = event.currentTarget;
              changeDraft({ text: value });
              tellTyping(value);
              completion.watch(value, selectionStart);
            }}
            onKeyDown={onKeyDown} onPaste={onPaste}
            onBlur={() => { completion.close(); tellTyping(""); }} />
          <IconButton icon="send" label="Send" class="primary" type="submit" disabled={!ready} />
        </div>
      </div>
    </form>
  );
}
