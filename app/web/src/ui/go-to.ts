import { signal } from "@preact/signals";
import type { Message } from "../client";
import { model } from "../model";
import { openThread } from "./route";

/** The reply of the open thread that was asked for, anew each time. */
export const soughtReply = signal<{ id: string } | null>(null);

/** Shows a message where it stands: in its room, or in its thread where it stands there alone. */
export async function goTo({ id, roomId, alsoToRoom, thread }: Message): Promise<void> {
  if (alsoToRoom === false && thread) {
    soughtReply.value = { id };
    openThread(roomId, thread.rootId);
  } else await model.jumpTo(roomId, id);
}
