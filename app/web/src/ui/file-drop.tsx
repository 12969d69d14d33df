/** Files that are dropped anywhere on the page. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { model } from "../model";
import { focusField } from "./draft";
import { Icon } from "./icons";
import { tell } from "./toasts";
import { addFiles } from "./uploads";

function carriesFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes("Files") ?? false;
}

/** Whether one can write where one is (reads signals). */
function canWrite(): boolean {
  const open = model.openedRoom.value;
  if (open?.room.value) return true;
  const user = open?.conversation.value?.user ?? (model.place.value && model.person.value);
  return user !== undefined && user !== null && !model.blocked.value.has(user.id);
}

function take(files: FileList): void {
  if (document.querySelector("dialog[open]")) return; // it has nothing to do with files
  if (!canWrite()) return tell("Open a room or a conversation to drop files into it.");
  addFiles(files);
  focusField.value++;
}

/**
 * Takes files that are dropped anywhere on the page, for the message that is being written: left to itself, the browser
 * would go away from the page to show them. Shows when some are held over it that can be dropped.
 */
export function FileDrop() {
  const over = useSignal(false);
  useEffect(() => {
    let depth = 0; // entering a child comes before leaving its parent
    const stop = new AbortController();
    const on = (type: "dragenter" | "dragover" | "dragleave" | "drop", listener: (event: DragEvent) => void) =>
      document.addEventListener(type, (event) => {
        if (!carriesFiles(event)) return;
        event.preventDefault();
        listener(event);
      }, { signal: stop.signal });
    on("dragenter", () => { over.value = ++depth > 0 && canWrite(); });
    on("dragover", () => undefined);
    on("dragleave", () => { if (--depth <= 0) over.value = false; });
    on("drop", (event) => {
      depth = 0;
      over.value = false;
      if (event.dataTransfer) take(event.dataTransfer.files);
    });
    return () => stop.abort();
  }, []);
  return over.value && <div class="drop"><Icon name="paperclip" size={32} />Drop files to attach them</div>;
}
