/** Looks for messages, rooms and people at the server: where the page has more than its first look. */
import type { Message, PublicRooms, UserRef } from "../client";
import { model } from "../model";

const PAGE = 20; // of what is found

interface Asked {
  signal?: AbortSignal;
}

/** Messages, newest first. The next page: `before` the id of the last. Abort what is superseded. */
export async function search(
  query: string, { signal, ...where }: Asked & { roomId?: string; before?: string } = {},
): Promise<Message[]> {
  const found = await model.ask("GET /chat/search", { query, limit: PAGE, ...where }, signal);
  model.meet(found);
  return found;
}

/** Messages of one's rooms that mention oneself, paged as `search` is. */
export async function mentions({ before, signal }: Asked & { before?: string } = {}): Promise<Message[]> {
  const found = await model.ask("GET /chat/mentions", { limit: PAGE, before: before ?? null }, signal);
  model.meet(found);
  return found;
}

/** Public rooms by name; the next page: `after` = the answer's `next`. */
export const discover = (query: string, { after, signal }: Asked & { after?: string } = {}): Promise<PublicRooms> =>
  model.ask("GET /chat/rooms/public", { query: query.trim() || null, limit: PAGE, after: after ?? null }, signal);

/** People by any part of their names, all without a query; the next page: `after` = the last one's id. */
export async function searchUsers(
  query: string, { after, limit = PAGE, signal }: Asked & { after?: string; limit?: number } = {},
): Promise<UserRef[]> {
  const found = await model.ask("GET /chat/users", { query: query.trim() || null, after: after ?? null, limit }, signal);
  model.meetUsers(found);
  return found;
}
