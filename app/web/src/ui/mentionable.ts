/** Who can be mentioned where one writes. */

import type { UserRef } from "../client";
import { model } from "../model";
import { MOST_NAMES } from "./completion";
import { shortNameOf } from "./format";

function candidates(): UserRef[] {
  const open = model.openedRoom.value;
  const other = open?.conversation.value?.user ?? model.person.value;
  const people = other ? [other] : (open?.members.value ?? []).filter((one) => one.state === "member").map((one) => one.user);
  return people.filter((user) => user.id !== model.me.value?.id);
}

/** What an admin of a room may call, beside its members. */
const GROUPS: readonly UserRef[] = [
  { id: "all", username: "all", displayName: "Everyone in this room", avatar: null },
  { id: "here", username: "here", displayName: "Everyone who is online", avatar: null },
];

function groups(): readonly UserRef[] {
  return model.openedRoom.value?.room.value?.membership.role === "admin" ? GROUPS : [];
}

/** Whom the beginning of a name may mean (reads signals). */
export function mentionable(name: string): UserRef[] {
  const begun = name.toLowerCase();
  const fits = (user: UserRef) => user.username.toLowerCase().startsWith(begun)
    || shortNameOf(user).toLowerCase().split(" ").some((word) => word.startsWith(begun));
  return [...candidates().filter(fits), ...groups().filter(({ username }) => username.startsWith(begun))].slice(0, MOST_NAMES);
}
