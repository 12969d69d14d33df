"""Refusals and their reasons, in one form for events and REST.

A `Refusal` is meant for the client to read. Any other exception is a fault of the server: it is logged with
the request's id and shown as `internal` and nothing more.
"""

import secrets
from typing import Literal, NoReturn

import msgspec

from protocol import BadValue, BusUnavailable

Reason = Literal[
    "unauthenticated",
    "invalid",
    "too_long",
    "too_large",
    "not_found",
    "not_a_member",
    "archived",
    "forbidden",
    "conflict",
    "too_many",
    "rate_limited",
    "unavailable",
    "internal",
]

# The HTTP status of each reason.
STATUS: dict[Reason, int] = {
    "unauthenticated": 401,
    "invalid": 422,
    "too_long": 422,
    "too_large": 413,
    "not_found": 404,
    "not_a_member": 403,
    "archived": 409,
    "forbidden": 403,
    "conflict": 409,
    "too_many": 409,
    "rate_limited": 429,
    "unavailable": 503,
    "internal": 500,
}


NO_USER = "There is no such user"
NO_MESSAGE = "There is no such message"


class Unavailable(Exception):
    """Something that the chat depends on could not be reached or did not answer in time. Trying again may help.

    `shown` is what a client is told; the text of the exception is for the log.
    """

    shown = "The chat cannot reach its storage right now, try again"


class NotStorable(Exception):
    """Something that the chat depends on does not take a value: trying again does not help."""


class CannotStart(Exception):
    """The server cannot start; its text is a sentence for the operator."""


class Cause(msgspec.Struct, frozen=True):
    """The fault of one field: its path in the payload, words for a person, a code for a program."""

    path: str
    message: str
    code: str


class Refusal(Exception):
    """The chat declines; `message` is for the client's eyes, `causes` tell of single fields.

    `retry_after` is in ms, where waiting helps.
    """

    def __init__(
        self, reason: Reason, message: str, causes: tuple[Cause, ...] = (), *, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.reason: Reason = reason
        self.message = message
        self.causes = causes
        self.retry_after = retry_after


def refuse(reason: Reason, message: str) -> NoReturn:
    """Raises a Refusal; `x = await lookup() or refuse(…)` reads as it runs."""
    raise Refusal(reason, message)


def as_refusal(error: BaseException) -> Refusal | None:
    """The refusal to show for an exception, or None when it is a fault that clients may not see."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, BadValue):
        text = f"cannot be taken: {error}"
        return Refusal("invalid", f"payload: {text}", (Cause("", text, "invalid"),))
    if isinstance(error, Unavailable | BusUnavailable):
        text = error.shown if isinstance(error, Unavailable) else Unavailable.shown
        return Refusal("unavailable", text, retry_after=1000)
    if isinstance(error, NotStorable):
        return Refusal("invalid", "The chat can neither store nor look for this")
    return None


def new_request_id() -> str:
    """An id to find a request in the log by: 16 hexadecimal characters."""
    return secrets.token_hex(8)
