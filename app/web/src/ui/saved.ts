/** Which messages one has saved, on whichever device. */

import { effect, signal, untracked } from "@preact/signals";
import { ChatError, type Message } from "../client";
import { model } from "../model";
import { onSignedOut } from "./signed-out";

const AGAIN_AFTER = 3000; // ms

/** The ids of the messages; `at` counts what was heard, which no answer undoes that was asked for before. */
export const saved = signal<{ ids: ReadonlySet<string>; at: number }>({ ids: new Set(), at: 0 });

function set(change: (ids: Set<string>) => void): void {
  const ids = new Set(saved.peek().ids);
  change(ids);
  saved.value = { ids, at: saved.peek().at + 1 };
}

async function read(): Promise<void> {
  const { at } = saved.peek();
  try {
    const { messageIds } = await model.link.call("saved:ids", {});
    if (at !== saved.peek().at) return void read();
    saved.value = { ids: new Set(messageIds), at };
  } catch (error) {
    if (!(error instanceof ChatError)) throw error;
    if (error.reason !== "offline") setTimeout(() => void read(), error.retryAfter ?? AGAIN_AFTER); // else with the connection
  }
}

model.link.events.on("message:saved-updated", ({ messageId, savedAt }) =>
  set((ids) => savedAt ? ids.add(messageId) : ids.delete(messageId)));
model.link.events.on("room:user-left", ({ userId }) => {
  if (userId === model.me.peek()?.id) void read(); // what one had saved there is saved no longer
});
model.watch((_, changes) => {
  for (const change of changes ?? []) {
    const gone = change.type === "deleted" ? change.messageId
      : change.type === "message" && change.message.deletedAt ? change.message.id : null;
    if (gone && saved.peek().ids.has(gone)) set((ids) => ids.delete(gone));
  }
});
effect(() => {
  if (model.connection.value.status === "online") untracked(() => void read());
});
onSignedOut(() => set((ids) => ids.clear()));

/** All of one's devices hear of it, this one too. Rejects with a ChatError. */
export async function setSaved({ id }: Message, save: boolean): Promise<void> {
  await model.link.call(save ? "message:save" : "message:unsave", { messageId: id });
}
