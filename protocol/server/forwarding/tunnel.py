"""A websocket whose session another instance has: bytes, or messages, pass as they come, in both directions.

Behind the fast shell two protocols are tied together, each the other's way out; behind ASGI two loops run. Neither
holds more than the event loop's buffer for a side that does not read: the other side is not read from then, and the
instance that has the session sees how slow its client is.
"""

import asyncio
import logging
import os
from collections.abc import Iterable
from typing import Any, cast

from protocol.errors import CloseCode, FrameError, Unreachable
from protocol.server.forwarding.remote_instance import RemoteInstance, target
from protocol.server.http.asgi import Receive, Send, websocket_close, websocket_send
from protocol.server.http.request import Request
from protocol.websocket import client_handshake, frames
from protocol.websocket.frames import FrameReader, Opcode
from protocol.websocket.messages import Close

log = logging.getLogger(__name__)

CLOSE_TIMEOUT = 5.0  # seconds that a side has to take what is still for it
_CHUNK = 65_536
_UNLIMITED = 1 << 62  # the other instance keeps the limits
_ABNORMAL = 1006  # how RFC 6455 §7.1.5 calls a connection that ends without a close frame


class Opening(asyncio.Protocol):
    """Asks another instance for a websocket. `opened` gets what came after its consent; reading is paused then."""

    def __init__(self, nonce: bytes) -> None:
        self.opened: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._answer = client_handshake.AnswerReader(nonce)
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Some of the answer."""
        self._receive(data)

    def eof_received(self) -> None:
        """No more of it comes; returning None lets asyncio close the connection."""
        self._receive(b"", end=True)

    def _receive(self, data: bytes, *, end: bool = False) -> None:
        if self.opened.done():
            return
        try:
            rest = self._answer.receive(data, end=end)
        except Unreachable as error:
            self.opened.set_exception(error)
        else:
            if rest is not None:
                self._transport.pause_reading()
                self.opened.set_result(rest)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        if not self.opened.done():
            self.opened.set_exception(Unreachable(f"the connection was lost: {exc or 'it was closed'}"))


async def open_websocket(
    owner: RemoteInstance, path: str, request: Request, within: float
) -> tuple[asyncio.Transport, bytes]:
    """A websocket to the instance that has the session of `request`, and what came on it already. Nothing is read
    from it until `resume_reading`. Raises `Unreachable` and `OSError`."""
    nonce = os.urandom(16)
    asked = Opening(nonce)
    host, _, port = owner.address.rpartition(":")
    address = client_handshake.Address(
        host, int(port), secure=False, authority=owner.address, target=target(path, request)
    )
    transport = await owner.connect(asked)
    try:
        transport.write(client_handshake.request(address, owner.credentials, nonce))
        async with asyncio.timeout(within):
            first = await asked.opened
        if transport.is_closing():
            raise Unreachable("the connection was lost at once")
        return transport, first
    except BaseException:
        transport.abort()
        raise


class End(asyncio.Protocol):
    """One end of a tunnel of bytes. What comes in here goes out at the other end; when one is closed, so is the other.

    It is in `sets` for as long as it lives. `patience`: the seconds that the remote end has to take what waits for it.
    """

    def __init__(
        self, transport: asyncio.Transport, sets: Iterable[set[Any]] = (), patience: float | None = None
    ) -> None:
        self.other: End
        self.transport = transport
        self._sets = sets
        self._patience = patience
        self._timer: asyncio.TimerHandle | None = None
        for ends in sets:
            ends.add(self)

    def data_received(self, data: bytes) -> None:
        """Bytes for the other side."""
        self.other.transport.write(data)

    def eof_received(self) -> None:
        """The remote end sends no more; a websocket is not half open, so returning None lets asyncio close it."""

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's call
        """The remote end is gone, so the other side ends, too."""
        self._stop_timer()
        for ends in self._sets:
            ends.discard(self)
        self.other.close()

    def pause_writing(self) -> None:
        """The remote end takes no more: read no more from the other side."""
        if not self.other.transport.is_closing():
            self.other.transport.pause_reading()
        if self._patience is not None:
            self._limit(self._patience)

    def resume_writing(self) -> None:
        """It does again."""
        if not self.transport.is_closing():
            self._stop_timer()
        if not self.other.transport.is_closing():
            self.other.transport.resume_reading()

    def close(self) -> None:
        """End it, after what was sent, for which there is some time."""
        if not self.transport.is_closing():
            self.transport.close()
            self._limit(CLOSE_TIMEOUT)

    def shutdown(self) -> None:
        """uvicorn stops, or this instance does: both ends end, and the client reconnects."""
        self.close()
        self.other.close()

    def _limit(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, self.transport.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def tie(
    other: asyncio.Transport, client: asyncio.Transport, sets: Iterable[set[Any]], patience: float
) -> None:
    """Make a tunnel of two connections that are not read from at present. `sets` get the client's end."""
    ends = End(client, sets, patience), End(other)
    for end in ends:
        end.transport.set_protocol(end)
    ends[0].other, ends[1].other = ends[1], ends[0]
    for end in ends:
        end.transport.resume_reading()


def as_streams(transport: asyncio.Transport) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """asyncio's streams over a connection that is not read from at present."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(_CHUNK, loop)
    protocol = asyncio.StreamReaderProtocol(reader)
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    transport.resume_reading()
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


async def carry_messages(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    first: bytes,
    receive: Receive,
    send: Send,
    patience: float,
) -> None:
    """Be the tunnel between an accepted ASGI websocket and one to another instance, until one of them ends.

    `first`: the bytes that came on the other one. A client may be `patience` seconds before it takes a message.
    """
    outward = asyncio.create_task(_outward(first, reader, send, patience))
    inward = asyncio.create_task(_inward(receive, writer))
    try:
        await asyncio.wait((outward, inward), return_when=asyncio.FIRST_COMPLETED)
        if not (inward.done() and inward.exception() is None):  # the client is still there
            code = outward.result() if outward.done() else CloseCode.GOING_AWAY
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await websocket_close(send, code)
    except (OSError, TimeoutError) as error:
        log.info("a client does not take what it is sent: %r", error)
    finally:
        writer.close()
        asyncio.get_running_loop().call_later(CLOSE_TIMEOUT, writer.transport.abort)  # it may be frozen
        outward.cancel()
        inward.cancel()
        await asyncio.wait((outward, inward))


async def _outward(first: bytes, reader: asyncio.StreamReader, send: Send, patience: float) -> int:
    """Messages to the client; the close code at the end."""
    frame_reader = FrameReader(masked=False, max_payload=_UNLIMITED)
    data = first
    while True:
        for message in frame_reader.receive(data):
            match message:
                case str() | bytes():
                    async with asyncio.timeout(patience):
                        await websocket_send(send, message)
                case Close(code=code):
                    return CloseCode.NORMAL if code == CloseCode.NO_STATUS else code
                case FrameError():
                    return CloseCode.INTERNAL_ERROR
        try:
            data = await reader.read(_CHUNK)
        except OSError:
            data = b""
        if not data:
            return CloseCode.GOING_AWAY


async def _inward(receive: Receive, writer: asyncio.StreamWriter) -> None:
    """Messages of the client, and its close code. Raises `OSError` if the other instance is gone before."""
    while (message := await receive())["type"] != "websocket.disconnect":
        text = message.get("text")
        opcode, payload = (Opcode.BINARY, message["bytes"]) if text is None else (Opcode.TEXT, text.encode())
        writer.write(frames.encode(opcode, payload, mask=os.urandom(4)))
        await writer.drain()
    code = message.get("code", _ABNORMAL)
    if code not in (_ABNORMAL, CloseCode.NO_STATUS):
        writer.write(frames.encode_close(code, mask=os.urandom(4)))
