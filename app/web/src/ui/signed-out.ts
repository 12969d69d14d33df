import { effect, untracked } from "@preact/signals";
import { model } from "../model";

/** Runs whenever nobody is signed in: what is left of somebody is not for whoever comes next. */
export function onSignedOut(forget: () => void): void {
  effect(() => {
    if (model.me.value === null) untracked(forget);
  });
}
