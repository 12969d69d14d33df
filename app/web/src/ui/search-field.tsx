import { signal, type ReadonlySignal, type Signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { inWords } from "../client";
import { Problem } from "./controls";
import { Icon } from "./icons";

const PAUSE_MS = 180; // after the last key, before the server is asked

interface SearchFieldProps {
  label: string;
  placeholder: string;
  value: string;
  /** It is not what one comes for. */
  aside?: boolean;
  onInput: (text: string) => void;
}

export function SearchField({ label, placeholder, value, aside, onInput }: SearchFieldProps) {
  return (
    <div class="search-field">
      <Icon name="search" size={18} />
      <input class="input" type="text" role="searchbox" enterkeyhint="search" aria-label={label} placeholder={placeholder} value={value} autofocus={!aside}
        autocomplete="off" spellcheck={false} onInput={(event) => onInput(event.currentTarget.value)} />
    </div>
  );
}

/** What was found, so far; `more` reads on, and is null at the end. */
export interface Found<T> {
  items: readonly T[];
  status: "idle" | "loading" | "ready" | "failed";
  error: string;
  more: (() => void) | null;
}

interface Page<T> {
  items: readonly T[];
  /** What the next page is asked for with, null for none. */
  next: string | null;
}

/** What is found, and by what key: kept outside of what shows it, it is there when that comes back. */
export interface Finding<T> {
  found: Signal<Found<T>>;
  key: string | null;
}

export function newFinding<T>(): Finding<T> {
  return { found: signal({ items: [], status: "idle", error: "", more: null }), key: null };
}

/**
 * Asks while one types, and drops the answers that are overtaken. `key` is all that the answer depends on; null asks
 * nothing. What `kept` has found by the same key is not asked for again.
 */
export function useFinding<T>(
  key: string | null, ask: (next: string | null, signal: AbortSignal) => Promise<Page<T>>, kept?: Finding<T>,
): ReadonlySignal<Found<T>> {
  const finding = useMemo(() => kept ?? newFinding<T>(), []);
  const { found } = finding;
  useEffect(() => {
    if (finding.key === key && found.peek().status === "ready") return;
    finding.key = key;
    if (key === null) {
      found.value = { items: [], status: "idle", error: "", more: null };
      return;
    }
    const abort = new AbortController();
    const read = async (before: readonly T[], next: string | null) => {
      found.value = { ...found.peek(), status: "loading", more: null };
      try {
        const page = await ask(next, abort.signal);
        if (finding.key !== key) return;
        const items = [...before, ...page.items];
        const more = page.next === null ? null : () => void read(items, page.next);
        found.value = { items, status: "ready", error: "", more };
      } catch (error) {
        if (finding.key !== key || abort.signal.aborted) return; // another question has overtaken it
        found.value = { items: before, status: "failed", error: inWords(error), more: null };
      }
    };
    const timer = setTimeout(() => void read([], null), PAUSE_MS);
    return () => {
      clearTimeout(timer);
      if (found.peek().status !== "ready") abort.abort();
    };
  }, [key]);
  return found;
}

/** What a list of findings says of itself: that it is coming, empty, or failed; and the way to more. */
export function FindingNote<T>({ found, empty }: { found: Found<T>; empty: string }) {
  const { status, items, error, more } = found;
  return (
    <div role="status" class="finding-note">
      {status === "loading" && items.length === 0 && <span class="spinner" role="img" aria-label="Searching" />}
      <Problem text={error} />
      {status === "ready" && items.length === 0 && <p class="list-note">{empty}</p>}
      {more && <button type="button" class="button small" onClick={more}>Show more</button>}
    </div>
  );
}
