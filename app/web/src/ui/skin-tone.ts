/**
 * The skin tone of the emojis that one chooses. It is kept in this browser until one signs out. Each tone is a kind of
 * reaction by itself, as in Discord, Mattermost and Matrix: what somebody chose is what others see.
 */

import { signal } from "@preact/signals";
import { onSignedOut } from "./signed-out";
import { TONES } from "./toned";

const KEY = "parley.skin-tone";

export const skinTone = signal(kept());

export function setSkinTone(tone: string): void {
  skinTone.value = tone;
  try {
    if (tone) localStorage.setItem(KEY, tone);
    else localStorage.removeItem(KEY);
  } catch (error) {
    console.info("The skin tone is not kept:", error); // a browser may forbid that
  }
}

function kept(): string {
  try {
    const tone = localStorage.getItem(KEY);
    return TONES.find(([known]) => known === tone)?.[0] ?? "";
  } catch {
    return ""; // forbidden, which the page has told
  }
}

onSignedOut(() => setSkinTone(""));
