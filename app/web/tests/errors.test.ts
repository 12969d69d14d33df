import { expect, test, vi } from "vitest";
import { failure, refused, type ChatError } from "../src/client/errors";
import type { Reason } from "../src/client/contract";

const told = (reason: Reason, message: string, retryAfter?: number): ChatError =>
  refused({ reason, message, ...(retryAfter ? { retryAfter } : {}) });

test.each([
  [told("invalid", "credential: Expected `str` of length >= 8"), "The password must have at least 8 characters."],
  [told("too_long", "content: Expected `str` of length <= 10000"), "The message must have at most 10000 characters."],
  [told("invalid", "name: must not be blank"), "The name must not be blank."],
  [told("conflict", "This username is taken"), "This username is taken."],
  [told("not_found", "no such row"), "It is not there any more."],
  [told("rate_limited", "slow down", 1000), "That was a little fast. Try again in a second."],
  [told("rate_limited", "slow down", 12_400), "That was a little fast. Try again in 13 seconds."],
  [told("rate_limited", "slow down", 600_000), "That was a little fast. Try again in 10 minutes."],
  [told("teapot" as Reason, "short and stout"), "Something went wrong on the server. Try again."],
])("%s", (error, sentence) => {
  expect(error.message).toBe(sentence);
});

test.each([
  ["offline", true], ["timeout", true], ["unavailable", true], ["rate_limited", true], ["internal", false],
  ["forbidden", false],
] as const)("%s passes: %s", (reason, passing) => {
  expect(failure(reason).passing).toBe(passing);
});

test("a network that is gone is told apart from a server that is", () => {
  for (const [onLine, sentence] of [
    [false, "You are offline. Try again once you are connected."],
    [true, "The chat is out of reach for a moment. Try again soon."],
  ] as const) {
    vi.stubGlobal("navigator", { onLine });
    expect(failure("offline")).toMatchObject({ reason: "offline", message: sentence });
  }
  vi.unstubAllGlobals();
});
