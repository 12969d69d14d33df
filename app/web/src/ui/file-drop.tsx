/** Files that are dropped anywhere on the page. */

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { model } from "../model";
import { inPlace, inThread, type Writing } from "./draft";
import { Icon } from "./icons";
import { isArchived } from "./room-rights";
import { tell } from "./toasts";
import { addFiles } from "./uploads";

/** What the files would be attached to that are held over the page now. */
export const heldOver = signal<Writing | null>(null);

function carriesFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes("Files") ?? false;
}

/** Whether one can write where one is (reads signals). */
function canWrite(): boolean {
  const open = model.openedRoom.value;
  if (open?.room.value) return !isArchived(open);
  const user = open?.conversation.value?.user ?? (model.place.value && model.person.value);
  return user !== undefined && user !== null && !model.blocked.value.has(user.id);
}

/** What is written where files are: in the thread, over its panel; else in the open place (reads signals). */
function writingAt({ target }: DragEvent): Writing | null {
  const thread = target instanceof Element && target.closest("aside.panel") ? inThread.value : null;
  return thread ?? (canWrite() ? inPlace : null);
}

function take(event: DragEvent): void {
  if (!event.dataTransfer || document.querySelector("dialog[open]")) return; // a dialog has nothing to do with files
  const writing = writingAt(event);
  if (!writing) {
    return tell(model.place.peek() ? "Nothing can be written here, so no file can be dropped." : "Open a room or a conversation to drop files into it.");
  }
  addFiles(event.dataTransfer.files, writing);
  writing.focus.value++;
}

/** Where files that are held over the page would go. */
export function DropHere() {
  return <div class="drop"><Icon name="paperclip" size={32} />Drop files to attach them</div>;
}

/**
 * Takes files that are dropped anywhere on the page, for the message that is being written: left to itself, the browser
 * would go away from the page to show them. Shows when some are held over it that can be dropped.
 */
export function FileDrop() {
  useEffect(() => {
    let depth = 0; // entering a child comes before leaving its parent
    const stop = new AbortController();
    const on = (type: "dragenter" | "dragover" | "dragleave" | "drop", listener: (event: DragEvent) => void) =>
      document.addEventListener(type, (event) => {
        if (!carriesFiles(event)) return;
        event.preventDefault();
        listener(event);
      }, { signal: stop.signal });
    on("dragenter", (event) => { heldOver.value = ++depth > 0 ? writingAt(event) : null; });
    on("dragover", () => undefined);
    on("dragleave", () => { if (--depth <= 0) heldOver.value = null; });
    on("drop", (event) => {
      depth = 0;
      heldOver.value = null;
      take(event);
    });
    return () => stop.abort();
  }, []);
  return heldOver.value === inPlace && <DropHere />;
}
