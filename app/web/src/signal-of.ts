/** Values of the client as signals, which the interface draws from. */
import { signal, type ReadonlySignal } from "@preact/signals";
import type { Watched } from "./client";

export function signalOf<T>(watched: Watched<T>): ReadonlySignal<T> {
  const shown = signal(watched.value);
  watched.subscribe((value) => (shown.value = value));
  return shown;
}
