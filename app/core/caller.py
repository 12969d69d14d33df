"""Who asks for something: known from a verified token, never from a payload."""

from msgspec import Struct

from app.accounts.tokens import Token


class Caller(Struct, frozen=True):
    """The user that asks, from which network address, and with which socket, or over REST with which token."""

    user_id: str
    address: str = ""
    socket_id: str | None = None
    token: Token | None = None
