/** Who is at the page: the session of the page to chat on, in the same browser. */
import { signal } from "@preact/signals";
import { ChatError, Kept, Rest, type Session, type User } from "../client";
import { shelfOr } from "../shelves";

export const rest = new Rest(location.origin);
export const read = (path: string) => rest.blob(path);
const kept = new Kept(shelfOr(() => localStorage).shelf);

export type Standing =
  | { name: "asking" | "signed-out" | "no-administrator" }
  | { name: "failed"; error: unknown }
  | { name: "administrator"; user: User };

export const standing = signal<Standing>({ name: "asking" });

/** Asks the server who that is: what the browser keeps is some time old. */
export async function begin(): Promise<void> {
  rest.token = kept.get<Session>("session")?.token ?? null;
  if (!rest.token) {
    standing.value = { name: "signed-out" };
    return;
  }
  try {
    const user = await rest.ask("GET /auth/who-am-i", {});
    standing.value = user.isAdministrator ? { name: "administrator", user } : { name: "no-administrator" };
  } catch (error) {
    const ended = error instanceof ChatError && error.reason === "unauthenticated";
    standing.value = ended ? { name: "signed-out" } : { name: "failed", error };
  }
}

// Another tab has signed in or out.
kept.watch((key) => { if (key === "session") void begin(); });
