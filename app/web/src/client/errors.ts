/** What goes wrong, in words. */
import type { ErrorBody, Reason } from "./contract";

/** `offline`: not sent, for want of a connection; `timeout`: sent, and no answer came. */
export type FailureReason = Reason | "offline" | "timeout";

/** An operation that did not come about. `message` is a sentence for the user, `retryAfter` in ms. */
export class ChatError extends Error {
  constructor(
    readonly reason: FailureReason,
    message: string,
    readonly retryAfter: number | null = null,
  ) {
    super(message);
    this.name = "ChatError";
  }

  /** Whether the same may succeed later, unchanged. */
  get passing(): boolean {
    return PASSING.has(this.reason);
  }
}

const PASSING = new Set<FailureReason>(["offline", "timeout", "rate_limited", "unavailable"]);

const SENTENCES: Record<FailureReason, string> = {
  unauthenticated: "You are signed out. Sign in again.",
  invalid: "That does not fit here. Check what you entered.",
  too_long: "That is too long.",
  too_large: "That is too large.",
  not_found: "It is not there any more.",
  not_a_member: "You are not a member of this room.",
  archived: "This room is archived.",
  forbidden: "You may not do that here.",
  conflict: "That is not possible just now.",
  too_many: "There are too many already.",
  rate_limited: "That was a little fast. Wait a moment and try again.",
  unavailable: "The chat is out of reach for a moment. Try again soon.",
  internal: "Something went wrong on the server. Try again.",
  offline: "You are offline. Try again once you are connected.",
  timeout: "The server did not answer. Try again.",
};

/** The reasons whose message from the server says more than our sentence: which field, which limit, which rule. */
const TELLING = new Set<FailureReason>([
  "unauthenticated", "invalid", "too_long", "too_large", "conflict", "too_many", "forbidden",
]);

export function failure(reason: FailureReason): ChatError {
  // A browser knows whether it has a network; a server that is away is no fault of the user's.
  const away = reason === "offline" && globalThis.navigator?.onLine !== false;
  return new ChatError(reason, SENTENCES[away ? "unavailable" : reason]);
}

/** The error of a refused ack. */
export function refused(error: Pick<ErrorBody, "reason" | "message" | "retryAfter">): ChatError {
  const known = error.reason in SENTENCES ? error.reason : "internal";
  const text = TELLING.has(known) && error.message ? sentence(fieldInWords(error.message)) : SENTENCES[known];
  const wait = error.retryAfter ?? null;
  return new ChatError(known, known === "rate_limited" && wait ? waiting(wait) : text, wait);
}

/** What to show for anything that was thrown. */
export function inWords(error: unknown): string {
  return error instanceof ChatError ? error.message : SENTENCES.internal;
}

const FIELDS: Record<string, string> = {
  credential: "password", content: "message", displayName: "display name", roomId: "room", userId: "user",
};

/** "credential: Expected `str` of length >= 8" as one would say it. */
function fieldInWords(message: string): string {
  const [, path, fault] = /^([\w.]+): (.+)$/.exec(message) ?? [];
  if (!path || !fault) return message;
  const words = fault
    .replace(/^Expected `str` of length >= (\d+)$/, "must have at least $1 characters")
    .replace(/^Expected `str` of length <= (\d+)$/, "must have at most $1 characters");
  return `The ${FIELDS[path] ?? path} ${words.charAt(0).toLowerCase()}${words.slice(1)}`;
}

function waiting(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  const time = seconds < 90 ? (seconds === 1 ? "a second" : `${seconds} seconds`) : `${Math.ceil(seconds / 60)} minutes`;
  return `That was a little fast. Try again in ${time}.`;
}

function sentence(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}
