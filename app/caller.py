"""Who asks for something: known from a verified token, never from a payload."""

from msgspec import Struct


class Caller(Struct, frozen=True):
    """The user that asks, from which network address, and with which socket when it is not REST."""

    user_id: str
    address: str = ""
    socket_id: str | None = None
