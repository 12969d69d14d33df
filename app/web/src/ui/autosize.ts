import type { RefObject } from "preact";
import { useLayoutEffect } from "preact/hooks";

/** Makes a textarea as high as its text; the stylesheet says how high at most. */
export function useAutosize(ref: RefObject<HTMLTextAreaElement | null>, text: string): void {
  useLayoutEffect(() => {
    const area = ref.current;
    if (!area) return;
    area.style.height = "auto";
    area.style.height = `${area.scrollHeight}px`;
  }, [text]);
}
