/** The field of a composer with its files: Enter sends, Shift+Enter begins a line; on a phone Enter does. Files come by button and paste. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { excess, HUGE, pastedText } from "../message-text";
import type { Draft } from "../model";
import { useAutosize } from "./autosize";
import { useCompletion } from "./completion";
import { IconButton } from "./controls";
import type { Writing } from "./draft";
import { chordOf, SEND, SEND_ON_TOUCH } from "./keys";
import { Later } from "./load-later";
import { touch } from "./media";
import { tell } from "./toasts";
import { addFiles, addText, uploadsTo } from "./uploads";

function paste(event: ClipboardEvent, writing: Writing): void {
  const files = [...event.clipboardData?.files ?? []];
  const pasted = event.clipboardData?.getData("text/plain") ?? "";
  if (files.length) addFiles(files, writing);
  if (pasted.length > HUGE) {
    addText(pasted, writing);
    tell("What you pasted is too long for a message: it is attached as a file.");
  } else if (!files.length || pastedText(pasted, files.map(({ name }) => name))) {
    return; // the browser puts the text in
  }
  event.preventDefault();
}

interface ComposerBoxProps {
  writing: Writing;
  /** The names of the form, of its field, and of the button that sends. */
  form: string;
  label: string;
  sendLabel: string;
  placeholder: string;
  class?: string;
  send: (draft: Draft) => void;
  /** Whether the field takes the focus when the place changes. */
  takesFocus?: () => boolean;
  /** Takes a key of its own; tells whether it did. */
  onKey?: (chord: string) => boolean;
  onText?: (text: string) => void;
  /** What stands in the box above the field. */
  above?: ComponentChildren;
  /** What stands below the box. */
  children?: ComponentChildren;
}

export function ComposerBox(props: ComposerBoxProps) {
  const { writing, onText } = props;
  const field = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const caret = useSignal<number | null>(null);
  const { text, attachments } = writing.draft.value;
  const completion = useCompletion((completed, at) => {
    writing.change({ text: completed });
    caret.value = at;
  });
  useAutosize(field, text);
  useLayoutEffect(() => {
    if (caret.value === null) return;
    field.current?.setSelectionRange(caret.value, caret.value);
    caret.value = null;
  }, [text]);
  const asked = writing.focus.value;
  useEffect(() => {
    if (asked > 0 || props.takesFocus?.()) field.current?.focus();
  }, [writing.key, asked]);

  const coming = uploadsTo(writing);
  const over = excess(text);
  const ready = coming.every(({ error }) => error) ? writing.sendable : null;
  const send = () => {
    if (!ready) return;
    props.send(ready);
    writing.sent();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing || completion.onKey(event)) return;
    const chord = chordOf(event);
    if (chord === SEND_ON_TOUCH || (chord === SEND && !touch.peek())) send();
    else if (props.onKey?.(chord)) completion.close();
    else return;
    event.preventDefault();
  };
  const submit = (event: Event) => {
    event.preventDefault();
    send();
    field.current?.focus(); // the button that had it is disabled now
  };
  return (
    <form class={`composer ${props.class ?? ""}`} aria-label={props.form} onSubmit={submit}>
      {completion.list}
      <div class="composer-box">
        {props.above}
        {attachments.length + coming.length > 0 && <Later draw={({ Tray }) => <Tray writing={writing} />} waiting={null} />}
        <div class="composer-row">
          <IconButton icon="paperclip" label="Attach files"
            onClick={() => picker.current?.click()} />
          <input ref={picker} type="file" multiple hidden aria-label="Files to attach"
            onChange={(event) => {
              addFiles(event.currentTarget.files ?? [], writing);
              event.currentTarget.value = "";
              field.current?.focus();
            }} />
          <textarea ref={field} dir="auto" aria-label={props.label} placeholder={props.placeholder} rows={1}
            enterkeyhint={touch.value ? "enter" : "send"} value={text} {...completion.attributes}
            onInput={(event) => {
              const { value, selectionStart } = event.currentTarget;
              writing.change({ text: value });
              onText?.(value);
              completion.watch(value, selectionStart);
            }}
            onKeyDown={onKeyDown} onPaste={(event) => paste(event, writing)}
            onBlur={() => { completion.close(); onText?.(""); }} />
          <IconButton icon="send" label={props.sendLabel} class="primary" type="submit" disabled={!ready} />
        </div>
        {over > 0 && <Later draw={({ TooLong }) => <TooLong by={over} writing={writing} />} waiting={null} />}
      </div>
      {props.children}
    </form>
  );
}
