/** Keeps the address and what is open in step, whichever of the two changed. */

import { effect, untracked } from "@preact/signals";
import { model, type Place } from "../model";
import { go, route, type Route } from "./route";

function isAt(place: Place | null, at: Route): boolean {
  if (place === null) return at.name !== "room" && at.name !== "person";
  if ("roomId" in place) return at.name === "room" && at.roomId === place.roomId;
  return at.name === "person" && at.userId === place.userId;
}

function follow(at: Route): void {
  if (isAt(model.place.value, at)) return;
  if (at.name === "room") return model.openRoom(at.roomId);
  if (at.name !== "person") return model.closePlace();
  const user = model.userOf(at.userId);
  // After a reload nothing is known of somebody one never wrote to.
  if (user === null) return go({ name: "home" }, true);
  void model.startConversation(user);
}

function show(place: Place | null): void {
  const at = route.value;
  if (isAt(place, at)) return;
  if (place === null) return go({ name: "home" }, true);
  if ("userId" in place) return go({ name: "person", userId: place.userId });
  // The first message to a person makes the conversation: it stands where the person stood.
  go({ name: "room", roomId: place.roomId, panel: null }, at.name === "person");
}

/** Call once. Somebody who is signed out keeps the address, and is there again after signing in. */
export function keepInStep(): void {
  effect(() => {
    const at = route.value;
    if (model.me.value === null || !model.listsLoaded.value) return;
    if (at.name === "sign-in" || at.name === "sign-up") return untracked(() => go({ name: "home" }, true));
    untracked(() => follow(at));
  });
  let before: Place | null = null;
  effect(() => {
    const place = model.place.value;
    const left = before !== null && place === null;
    before = place;
    if (model.me.value === null || (place === null && !left)) return;
    untracked(() => show(place));
  });
}
