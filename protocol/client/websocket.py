"""The client's websocket: one connection from the opening request to the close handshake, on frames of our own."""

import asyncio
import os
from enum import IntEnum
from typing import Protocol, cast

from protocol.engineio.client_session import DisconnectReason
from protocol.engineio.packets import Encoded
from protocol.errors import CloseCode, FrameError, PacketError, Unreachable
from protocol.websocket import frames
from protocol.websocket.client_handshake import AnswerReader
from protocol.websocket.frames import FrameReader, Opcode
from protocol.websocket.messages import Close, Ping, Pong, WebSocketMessage

_CLOSE_TIMEOUT = 5.0  # seconds that the server has to end the connection after our close frame
_MAX_UNREAD = 4_194_304  # bytes for a server that pings and does not read the pongs


class ClientWebSocketState(IntEnum):
    """Where the connection stands."""

    OPENING = 0
    OPEN = 1
    CLOSING = 2  # a close frame is sent, or the connection is cut; nothing more is taken from the server
    CLOSED = 3


class MessageReceiver(Protocol):
    """The callbacks of a websocket to the connection that it carries."""

    def receive(self, message: str | bytes) -> None:
        """Take a message. Raises `PacketError`, which closes the websocket."""
        ...

    def lose(self, reason: DisconnectReason) -> None:
        """The websocket, once open, ended without `close` or `abort`. Called once."""
        ...


class ClientWebSocket(asyncio.Protocol):
    """One websocket. `opened` is done when messages can flow, or cannot, with the error that says why not;
    `closed` is done when the connection is gone.
    """

    def __init__(self, request: bytes, nonce: bytes, receiver: MessageReceiver, max_payload: int) -> None:
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[Unreachable | None] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._request = request
        self._answer = AnswerReader(nonce)
        self._reader: FrameReader | None = FrameReader(masked=False, max_payload=max_payload)
        self._receiver = receiver
        self._state = ClientWebSocketState.OPENING
        self._transport: asyncio.Transport
        self._closer: asyncio.TimerHandle | None = None
        self._writable: asyncio.Future[None] | None = None  # pending while the transport holds too much

    # --- asyncio's side ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected: ask for a websocket."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by its methods alone
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Bytes of the server: first its answer, then frames."""
        if self._state is ClientWebSocketState.OPENING:
            self._open(data)
        elif self._state is not ClientWebSocketState.CLOSED:
            self._receive(data)

    def eof_received(self) -> None:
        """The server sends no more; returning None lets asyncio close the connection."""
        if self._state is ClientWebSocketState.OPENING:
            self._open(b"", end=True)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, by whichever end."""
        before, self._state = self._state, ClientWebSocketState.CLOSED
        if self._closer is not None:
            self._closer.cancel()
        self.resume_writing()
        self.closed.set_result(None)
        if before is ClientWebSocketState.OPENING:
            self._refuse(Unreachable(f"the connection was lost: {exc or 'the server closed it'}"))
        elif before is ClientWebSocketState.OPEN:
            self._receiver.lose(DisconnectReason.TRANSPORT_ERROR if exc else DisconnectReason.TRANSPORT_CLOSE)

    def pause_writing(self) -> None:
        """The transport holds more than it wants to."""
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        """The transport takes more again."""
        if self._writable is not None:
            self._writable.set_result(None)
            self._writable = None

    # --- in ---

    def _open(self, data: bytes, *, end: bool = False) -> None:
        try:
            rest = self._answer.receive(data, end=end)
        except Unreachable as error:
            self._refuse(error)
            self.abort()
            return
        if rest is not None:
            self._state = ClientWebSocketState.OPEN
            if not self.opened.done():
                self.opened.set_result(None)
            self._receive(rest)

    def _refuse(self, error: Unreachable) -> None:
        if not self.opened.done():
            self.opened.set_result(error)

    def _receive(self, data: bytes) -> None:
        if self._reader is None:
            return
        for message in self._reader.receive(data):
            if self._state is ClientWebSocketState.CLOSING:
                if isinstance(message, Close | FrameError):
                    self._transport.close()
            elif self._state is ClientWebSocketState.OPEN:
                self._take(message)

    def _take(self, message: WebSocketMessage) -> None:
        match message:
            case str() | bytes():
                try:
                    self._receiver.receive(message)
                except PacketError:
                    self._fail(CloseCode.PROTOCOL_ERROR, DisconnectReason.PARSE_ERROR)
            case Ping(data=payload):
                if self._transport.get_write_buffer_size() > _MAX_UNREAD:
                    self.abort()
                    self._receiver.lose(DisconnectReason.TRANSPORT_ERROR)
                else:
                    self._write(Opcode.PONG, payload)
            case Pong():
                pass
            case Close(code=code):
                answer = CloseCode.NORMAL if code == CloseCode.NO_STATUS else code
                self._fail(answer, DisconnectReason.TRANSPORT_CLOSE)
                self._transport.close()
            case FrameError(close_code=code):
                self._reader = None  # where the next frame begins is not known
                self._fail(code, DisconnectReason.TRANSPORT_ERROR)

    def _fail(self, code: int, reason: DisconnectReason) -> None:
        self.close(code)
        self._receiver.lose(reason)

    # --- out: what the link uses ---

    def send(self, item: Encoded) -> None:
        """Send a packet; dropped unless the websocket is open."""
        if self._state is ClientWebSocketState.OPEN:
            if item.text:
                self._write(Opcode.TEXT, item.text)
            for data in item.binary:
                self._write(Opcode.BINARY, data)

    def _write(self, opcode: Opcode, payload: bytes) -> None:
        self._transport.write(frames.encode(opcode, payload, mask=os.urandom(4)))

    async def drained(self) -> None:
        """Wait until the transport takes more."""
        if self._writable is not None:
            await asyncio.shield(self._writable)

    def pause(self) -> None:
        """Stop reading from the socket."""
        if self._state is ClientWebSocketState.OPEN and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read from the socket again."""
        if self._state is ClientWebSocketState.OPEN and not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self, code: int = CloseCode.NORMAL) -> None:
        """Send a close frame; the connection ends with the server's, or some seconds later without it."""
        if self._state is ClientWebSocketState.OPEN:
            self._transport.write(frames.encode_close(code, mask=os.urandom(4)))
            self.resume()
            self._state = ClientWebSocketState.CLOSING
            self._closer = self._loop.call_later(_CLOSE_TIMEOUT, self._transport.abort)

    def abort(self) -> None:
        """Cut the connection."""
        if self._state is not ClientWebSocketState.CLOSED:
            self._state = ClientWebSocketState.CLOSING
            self._transport.abort()
