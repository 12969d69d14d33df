/** Loads the parts of the page that its first look does without, when they are asked for or the browser is idle. */

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { failure } from "../client";
import { Loading } from "./empty";
import { attempt } from "./toasts";

type Parts = typeof import("./later");

const parts = signal<Parts | null>(null);
const failed = signal(false);
let loading: Promise<Parts> | null = null;

/** The parts, once they are there. Rejects where they cannot be had now; asked again, it tries again. */
export function later(): Promise<Parts> {
  failed.value = false;
  return (loading ??= load());
}

/** The parts if they are there, for what cannot wait (reads a signal). */
export function loaded(): Parts | null {
  return parts.value;
}

async function load(): Promise<Parts> {
  try {
    return (parts.value = await import("./later"));
  } catch (error) {
    console.info("A part of the page did not load:", error); // offline, or the server has another version by now
    loading = null;
    failed.value = true;
    throw failure("offline");
  }
}

/** Asks for them; `Later` shows where that fails. */
export const ask = () => void later().catch(() => undefined);

/** Call once: what one will ask for is there by then, also without a connection. */
export function loadWhenIdle(): void {
  if ("requestIdleCallback" in window) requestIdleCallback(ask, { timeout: 3000 });
  else setTimeout(ask, 1000); // Safari
}

interface LaterProps {
  draw: (parts: Parts) => ComponentChildren;
  /** What stands there until then, and where they cannot be had; otherwise it is told that they load, or did not. */
  waiting?: ComponentChildren;
  /** Of what has no place in the page, such as a dialog: takes back that it is wanted, where it cannot be had. */
  giveUp?: () => void;
}

/** Draws with the parts, once they are there. Where they cannot be had, it offers to try again. */
export function Later({ draw, waiting, giveUp }: LaterProps) {
  useEffect(giveUp ? () => void attempt(later).then((there) => there || giveUp()) : ask, []);
  if (parts.value) return <>{draw(parts.value)}</>;
  if (giveUp) return null;
  if (waiting !== undefined) return <>{waiting}</>;
  if (!failed.value) return <Loading />;
  return (
    <div class="boot" role="alert">
      <button type="button" class="button" onClick={ask}>This part did not load. Try again</button>
    </div>
  );
}
