import { model } from "../model";

/** All of one's devices hear of it, this one too. Rejects with a ChatError. */
export async function setFavorite(roomId: string, favorite: boolean): Promise<void> {
  await model.link.call(favorite ? "room:favorite" : "room:unfavorite", { roomId });
}
