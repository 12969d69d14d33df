"""ASGI: of HTTP, a body comes, its client goes, an answer leaves; what is sent to a websocket, and how it ends."""

from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any, NamedTuple, TypeAlias

from protocol.errors import CloseCode
from protocol.server.http.request import RawHeaders

Scope: TypeAlias = MutableMapping[str, Any]
AsgiMessage: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[AsgiMessage]]
Send: TypeAlias = Callable[[AsgiMessage], Awaitable[None]]

_NEITHER_KEPT_NOR_GUESSED = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
_APPLICATION_CODES = 3_000  # what is added to a close code to have it in 4000 to 4999 (RFC 6455 §7.4.2)
_TOLERATED = 10  # times the largest body that is read of one that is too large


class _NoBytes(bytes):
    """Empty, and yet true: daphne sends nothing, and says nothing, for bytes that are false."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return True


_NO_BYTES = _NoBytes()


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


async def websocket_send(send: Send, message: str | bytes) -> None:
    """Send a websocket message."""
    if isinstance(message, str):
        await send({"type": "websocket.send", "text": message})
        return
    try:
        await send({"type": "websocket.send", "bytes": message or _NO_BYTES})
    except Exception:
        if message:
            raise
        # daphne again, which takes no subclass of bytes: binary may go as text, see `protocol.engineio.packets`.
        await send({"type": "websocket.send", "text": "b"})


async def websocket_close(send: Send, code: int, reason: str = "") -> None:
    """Close a websocket. daphne refuses all codes but 1000 and those of applications, and then the websocket would stay
    open: it is told 4001 for 1001, and so on."""
    code = int(code)  # daphne looks at the type, which is not that of an enumeration's member
    try:
        await send({"type": "websocket.close", "code": code, "reason": reason})
    except Exception:
        if code == CloseCode.NORMAL:
            raise
        await send({"type": "websocket.close", "code": code + _APPLICATION_CODES, "reason": reason})
