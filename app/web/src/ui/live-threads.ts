/** Brings to threads what the connection and the open rooms tell. */

import { effect, untracked } from "@preact/signals";
import { model } from "../model";
import { LiveThread } from "../thread";
import { UnreadThreads } from "../threads";
import { onSignedOut } from "./signed-out";

const me = () => model.me.peek()?.id ?? "";
/** The threads that one follows and in which something is unread. */
export const unread = new UnreadThreads(model.link, me);

model.link.events.on("reply:new", (message) => unread.replied(message));
model.link.events.on("thread:updated", (mark) => unread.take(mark));
model.link.events.on("room:user-left", ({ roomId, userId }) => void (userId === me() && unread.left(roomId)));
model.watch((_, changes) => void (changes && unread.apply(changes)));
effect(() => {
  if (model.connection.value.status === "online") untracked(() => void unread.read());
});
onSignedOut(() => unread.forgetAll());

/** A thread of the open room, kept up to date until it is closed. */
export function openLiveThread(roomId: string, rootId: string): { thread: LiveThread; close: () => void } {
  const thread = new LiveThread(roomId, rootId, { me, link: model.link, meet: (messages) => model.meet(messages) });
  const ends = [
    model.watch((changed, changes) => {
      if (changed !== roomId) return;
      if (changes) thread.apply(changes);
      else void thread.load();
    }),
    model.link.events.on("thread:updated", (mark) => thread.take(mark)),
    effect(() => {
      if (model.connection.value.status === "online") untracked(() => thread.resume());
    }),
    () => thread.close(),
  ];
  return { thread, close: () => ends.forEach((end) => end()) };
}
