import { signal, type ReadonlySignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { RefObject } from "preact";

function carriesFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes("Files") ?? false;
}

/** Takes files that are dropped on an element; answers whether some are held over it. */
export function useDropTarget(ref: RefObject<HTMLElement | null>, take: (files: FileList) => void): ReadonlySignal<boolean> {
  const over = useMemo(() => signal(false), []);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    let depth = 0; // entering a child comes before leaving its parent
    const stop = new AbortController();
    const on = (type: "dragenter" | "dragover" | "dragleave" | "drop", listener: (event: DragEvent) => void) =>
      element.addEventListener(type, (event) => {
        if (!carriesFiles(event)) return;
        event.preventDefault();
        listener(event);
      }, { signal: stop.signal });
    on("dragenter", () => { over.value = ++depth > 0; });
    on("dragover", () => undefined);
    on("dragleave", () => { over.value = --depth > 0; });
    on("drop", (event) => {
      depth = 0;
      over.value = false;
      if (event.dataTransfer) take(event.dataTransfer.files);
    });
    return () => stop.abort();
  }, []);
  return over;
}
