"""The caller of an operation: known from a verified token, never from a payload."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct


class Token(Struct, frozen=True):
    """A token that we signed and that has not expired.

    Of a user's tokens only those of the user's current `generation` are valid; signing out everywhere begins another.
    `issued_at` and `expires_at` are in seconds since 1970; the former is 0 where an earlier version saved it.
    """

    id: Annotated[str, Meta(min_length=1)] = msgspec.field(name="jti")
    user_id: str = msgspec.field(name="sub")
    expires_at: int = msgspec.field(name="exp")
    generation: int = msgspec.field(name="gen", default=0)
    issued_at: int = msgspec.field(name="iat", default=0)


class Caller(Struct, frozen=True):
    """The user that asks, from which network address, and with which socket, or over REST with which token.

    `agent` is what the client's `User-Agent` header says over REST. `administrator` is the username of one who may do
    what administrators may; only the door of such operations sets it.

    `wants_answer` is false for an event without an acknowledgement: its client hears of it only by events.
    """

    user_id: str
    address: str = ""
    socket_id: str | None = None
    token: Token | None = None
    wants_answer: bool = True
    agent: str | None = None
    administrator: str | None = None


def bearer(authorization: str) -> str | None:
    """The token in an `Authorization: Bearer` header."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
