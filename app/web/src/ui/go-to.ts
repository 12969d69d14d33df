import type { Message } from "../client";
import { model } from "../model";
import { openThread } from "./route";

/** Shows a message where it stands: in its room, or in its thread where it stands there alone. */
export async function goTo({ id, roomId, alsoToRoom, thread }: Message): Promise<void> {
  if (alsoToRoom === false && thread) openThread(roomId, thread.rootId);
  else await model.jumpTo(roomId, id);
}
