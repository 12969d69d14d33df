/** A block of code, with the colours of its language once these are loaded. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";

export function Fence({ text, language }: { text: string; language: string }) {
  const coloured = useSignal<ComponentChildren>(null);
  useEffect(() => {
    coloured.value = null;
    if (!language) return;
    let wanted = true;
    import("./highlight").then(
      ({ highlight }) => { if (wanted) coloured.value = highlight(text, language); },
      (error: unknown) => console.info("Code is shown without colours:", error),
    );
    return () => { wanted = false; };
  }, [text, language]);
  return (
    <pre tabIndex={0} role="region" aria-label={language ? `Code, ${language}` : "Code"}>
      <code>{coloured.value ?? text}</code>
    </pre>
  );
}
