/** Two short notes, made by the browser, by choice of the user. One tab plays for all. */
import { locks } from "../model";

const NOTES = [880, 1174.7]; // Hz
const LENGTH = 0.12; // seconds of a note
const LOUD = 0.12; // of 1
const ALONE = 1500; // ms in which no other tab plays

let context: AudioContext | null = null;

/** Plays, where no other tab does. A browser in which nobody has pressed anything yet stays silent. */
export async function playSound(): Promise<void> {
  if (!locks) return play();
  await locks.request("parley.sound", { ifAvailable: true }, async (lock) => {
    if (!lock) return;
    play();
    await new Promise((resolve) => setTimeout(resolve, ALONE));
  });
}

function play(): void {
  context ??= new AudioContext();
  void context.resume();
  NOTES.forEach((pitch, place) => note(context!, pitch, context!.currentTime + place * LENGTH));
}

function note(context: AudioContext, pitch: number, from: number): void {
  const source = context.createOscillator();
  const volume = context.createGain();
  source.frequency.value = pitch;
  volume.gain.setValueAtTime(LOUD, from);
  volume.gain.exponentialRampToValueAtTime(0.001, from + 2 * LENGTH); // 0 cannot be come to by this curve
  source.connect(volume).connect(context.destination);
  source.start(from);
  source.stop(from + 2 * LENGTH);
}
