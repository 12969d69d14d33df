"""ASGI, as far as HTTP requests need it: a body comes, its client goes, an answer leaves."""

from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any, NamedTuple, TypeAlias

from protocol.server.http.request import RawHeaders

Scope: TypeAlias = MutableMapping[str, Any]
AsgiMessage: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[AsgiMessage]]
Send: TypeAlias = Callable[[AsgiMessage], Awaitable[None]]

_NEITHER_KEPT_NOR_GUESSED = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
_TOLERATED = 10  # times the largest body that is read of one that is too large


class Piece(NamedTuple):
    """Some of a body, or all of it; `more` is to come."""

    data: bytes = b""
    more: bool = False


async def read_piece(receive: Receive) -> Piece | None:
    """The next piece of a body; None if the client goes away before."""
    message = await receive()
    if message["type"] == "http.disconnect":
        return None
    return Piece(message.get("body", b""), message.get("more_body", False))


async def read_body(receive: Receive, limit: int) -> bytes | None:
    """The body; None if the client goes away before its end. Of a body past the limit, somewhat more than that.

    What comes past the limit is thrown away, within reason: a client that is cut off while it sends may not see the
    answer.
    """
    body = bytearray()
    received = 0
    while received <= limit * _TOLERATED:
        piece = await read_piece(receive)
        if piece is None:
            return None
        received += len(piece.data)
        if len(body) <= limit:
            body += piece.data
        if not piece.more:
            break
    return bytes(body)


async def disconnected(receive: Receive) -> None:
    """Return once the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def respond(send: Send, status: int, body: bytes, headers: RawHeaders) -> None:
    """Answer with an answer that no cache may keep, and whose type no browser may guess."""
    start = [*headers, *_NEITHER_KEPT_NOR_GUESSED]
    if status != HTTPStatus.NO_CONTENT:
        start.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})
