/** Where one is, in the address's hash: a reload stays, and the browser's back button goes back. */

import { signal } from "@preact/signals";

export type Panel = "members" | "search" | "details" | "pins" | "thread";

export type Route =
  | { name: "home" | "sign-in" | "search" | "unknown" }
  /** With the token of an invitation, of a link that sets a forgotten password, or of one into a room. */
  | { name: "sign-up" | "reset-password" | "join"; token: string }
  /** A person with whom there is no conversation yet. */
  | { name: "person"; userId: string }
  /** `rootId`: of the thread in that panel; `messageId`: of a message that a link leads to, until it is opened. */
  | { name: "room"; roomId: string; panel: Panel | null; rootId?: string; messageId?: string };

const PANELS: ReadonlySet<string> = new Set(["members", "search", "details", "pins"] satisfies Panel[]);

function parse(hash: string): Route {
  const [first = "", second = "", third = "", id] = hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  if (first === "sign-in" || first === "search") return { name: first };
  if (first === "sign-up" || first === "reset-password" || first === "join") return { name: first, token: second };
  if (first === "u" && second) return { name: "person", userId: second };
  if (first === "r" && second) {
    if (third === "thread" && id) return { name: "room", roomId: second, panel: third, rootId: id };
    if (third === "m" && id) return { name: "room", roomId: second, panel: null, messageId: id };
    return { name: "room", roomId: second, panel: PANELS.has(third) ? (third as Panel) : null };
  }
  return { name: first ? "unknown" : "home" };
}

/** The hash of a route, to link to. */
export function href(route: Route): string {
  if (route.name === "home") return "#/";
  if (route.name === "unknown") return location.hash;
  if (route.name === "person") return `#/u/${encodeURIComponent(route.userId)}`;
  if (route.name === "join") return `#/join/${encodeURIComponent(route.token)}`;
  if (route.name !== "room") return `#/${route.name}`;
  const { roomId, panel, rootId, messageId } = route;
  const parts = messageId ? [roomId, "m", messageId]
    : panel === "thread" ? [roomId, panel, rootId ?? ""] : panel ? [roomId, panel] : [roomId];
  return `#/r/${parts.map(encodeURIComponent).join("/")}`;
}

/** Where the server has the page; at any other path it gives it to tell that there is nothing. */
const PATHS: ReadonlySet<string> = new Set(["/", "/index.html"]);

function current(): Route {
  if (!PATHS.has(location.pathname)) return { name: "unknown" };
  try {
    return parse(location.hash);
  } catch {
    return { name: "unknown" }; // a hash that somebody mangled cannot be decoded
  }
}

export const route = signal<Route>(current());

addEventListener("hashchange", () => {
  route.value = current();
});

/** Goes there; `replace` leaves no step to come back to. `state` is kept with the step, over a reload too. */
export function go(next: Route, replace = false, state: unknown = null): void {
  const hash = href(next);
  if (hash === location.hash) return;
  history[replace ? "replaceState" : "pushState"](state, "", hash);
  route.value = next;
}

/** Opens a thread beside its room. In the open room that is no place, as with other panels. */
export function openThread(roomId: string, rootId: string): void {
  const at = route.value;
  go({ name: "room", roomId, panel: "thread", rootId }, at.name === "room" && at.roomId === roomId);
}

/**
 * Opens a panel beside the open room, or closes it when it is the one that is open. Panels are no places: the browser's
 * back button goes to where one was before.
 */
export function togglePanel(panel: Panel): void {
  const at = route.value;
  if (at.name === "room") go({ name: "room", roomId: at.roomId, panel: at.panel === panel ? null : panel }, true);
  else if (panel === "search") go(at.name === "search" ? { name: "home" } : { name: "search" });
}

export function closePanel(): void {
  const at = route.value;
  if (at.name === "room") go({ name: "room", roomId: at.roomId, panel: null }, true);
  else if (at.name === "search") go({ name: "home" });
}
