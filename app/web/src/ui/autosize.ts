import type { RefObject } from "preact";
import { useLayoutEffect } from "preact/hooks";

function fit(area: HTMLTextAreaElement): void {
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight}px`;
}

/** Makes a textarea as high as its text, also when it is narrower or wider than before; the stylesheet says how high at most. */
export function useAutosize(ref: RefObject<HTMLTextAreaElement | null>, text: string): void {
  useLayoutEffect(() => {
    if (ref.current) fit(ref.current);
  }, [text]);
  useLayoutEffect(() => {
    const area = ref.current;
    if (!area) return;
    let width = area.clientWidth;
    const observer = new ResizeObserver(() => {
      if (area.clientWidth === width) return; // its height is what was set here
      width = area.clientWidth;
      fit(area);
    });
    observer.observe(area);
    return () => observer.disconnect();
  }, []);
}
