/** Keeps the address and what is open in step, whichever of the two changed. */

import { effect, untracked } from "@preact/signals";
import type { UserRef } from "../client";
import { model, type Place } from "../model";
import { badge, nameOf } from "./format";
import { unreadOf } from "./list-order";
import { later } from "./load-later";
import { narrow } from "./media";
import { go, route, type Route } from "./route";
import { attempt } from "./toasts";

function isAt(place: Place | null, at: Route): boolean {
  if (place === null) return at.name !== "room" && at.name !== "person";
  if ("roomId" in place) return at.name === "room" && at.roomId === place.roomId;
  return at.name === "person" && at.userId === place.userId;
}

function follow(at: Route): void {
  if (isAt(model.place.value, at)) return;
  if (at.name === "room") return model.openRoom(at.roomId);
  if (at.name !== "person") return model.closePlace();
  // After a reload only this step of the history knows somebody to whom one never wrote.
  const user = model.userOf(at.userId) ?? (history.state as UserRef | null);
  if (user?.id !== at.userId) return go({ name: "home" }, true);
  void attempt(() => model.startConversation(user));
}

function show(place: Place | null): void {
  const at = route.value;
  if (isAt(place, at)) return;
  if (place === null) return go({ name: "home" }, true);
  if ("userId" in place) return go({ name: "person", userId: place.userId }, false, model.person.peek());
  // A list of what was found stays beside what was opened from it, where there is room for both.
  const found = at.name === "search" || (at.name === "room" && at.panel === "search");
  const panel = found && !narrow.peek() ? "search" : null;
  // The first message to a person makes the conversation: it stands where the person stood.
  go({ name: "room", roomId: place.roomId, panel }, at.name === "person");
}

/** What the browser's tab says: how much is unread, and where one is. */
function titled(): string {
  const open = model.openedRoom.value;
  const person = open?.conversation.value?.user ?? model.person.value;
  const place = model.place.value && (open?.room.value?.name ?? (person && nameOf(person)));
  const unread = [...model.rooms.value, ...model.conversations.value]
    .reduce((sum, one) => sum + unreadOf(one), 0);
  return `${unread ? `(${badge(unread)}) ` : ""}${place ? `${place} · ` : ""}Parley`;
}

/** Call once. Somebody who is signed out keeps the address, and is there again after signing in. */
export function keepInStep(): void {
  effect(() => { document.title = titled(); });
  let linked: Route | null = null; // where a link leads: who is signed out makes an account first, maybe
  let left: Route | null = null; // where somebody signed out: that is nothing to whoever comes next
  effect(() => {
    const at = route.value;
    const entering = ["sign-in", "sign-up", "reset-password"].includes(at.name);
    if (model.me.value === null) {
      if (!entering && at !== left) linked = at;
      return;
    }
    left = at;
    if (!model.listsLoaded.value) return;
    if (entering) return untracked(() => go(linked ?? { name: "home" }, true));
    linked = null;
    // A link to a message waits until it can be asked for, and until one is in its room.
    const link = at.name === "room" && model.connection.value.status === "online" && !model.offered.value && at.messageId;
    untracked(() => link ? void attempt(async () => (await later()).openLinked(at.roomId, link)) : follow(at));
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
