"""Reading websocket frames in turns: how a connection that sends much leaves time to the others.

A piece of data from the socket may hold tens of thousands of frames, or a part of a large message. A connection handles
up to `PACKETS_A_TURN` frames of it at once; the rest waits in the frame reader, and nothing more is read from the
socket, until the hub gives the connection another turn. So two things can keep it from reading:

    held       its link wants nothing more at present: too many events wait, see `ConnectedClient`
    deferred   its turn, or the end of the wait that its control packets have cost it, is still to come; also until
               its handshake is done
"""

import asyncio
from enum import IntEnum
from typing import ClassVar

from protocol.engineio.flood_guard import FEW
from protocol.server.engineio.hub import PACKETS_A_TURN, Hub
from protocol.server.engineio.link import Link
from protocol.websocket.frames import FrameReader
from protocol.websocket.messages import WebSocketMessage

_LARGE_READ = 16_384  # bytes; what comes in larger pieces waits for a turn


class WebSocketState(IntEnum):
    """Where a connection stands."""

    HANDSHAKE = 0
    OPEN = 1
    CLOSING = 2  # our close frame is sent; the client's is awaited
    CLOSED = 3


OPEN = WebSocketState.OPEN  # looking a member up in its class costs more than comparing it


class PacedProtocol(asyncio.Protocol):
    """The reading side of a websocket connection. A subclass handles messages, and calls `_cease` at its end."""

    hub: ClassVar[Hub]

    __slots__ = ("_deferred", "_held", "_link", "_loop", "_reader", "_state", "_timer", "_transport")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._state = WebSocketState.HANDSHAKE
        self._link: Link | None = None  # what takes the messages, once there is a session
        self._reader = FrameReader(masked=True, max_payload=self.hub.options.max_payload)
        self._held = False
        self._deferred = False
        self._timer: asyncio.TimerHandle | None = (
            None  # ends a wait for control packets; later, the connection
        )
        self._transport: asyncio.Transport

    def data_received(self, data: bytes) -> None:
        """Data of the other side."""
        if self._deferred or len(data) > _LARGE_READ:
            self._receive_later(data)
            return
        reader, link = self._reader, self._link
        text = reader.only_text(data) if link is not None and self._state is OPEN else None
        if link is not None and text is not None:
            link.receive(self, text)  # type: ignore[arg-type]  # a subclass is a Transport
            asked = link.control_packets > FEW and self._state is OPEN
            wait = link.wait_after_control() if asked else 0
        else:
            messages = reader.receive(data, PACKETS_A_TURN)
            wait = self._handle(messages) if messages or reader.small_fragments else 0
        if wait or reader.unread:
            self._put_off(wait)

    @property
    def address(self) -> str | None:
        """Where the client is; None before that is known."""
        raise NotImplementedError

    def _handle(self, messages: list[WebSocketMessage]) -> int:
        """Handle messages; return the ms to wait before reading on."""
        raise NotImplementedError

    def _receive_later(self, data: bytes) -> None:
        self._reader.receive(data, 0)
        if self._reader.unread:
            self._put_off(0)

    def allow(self, max_payload: int) -> None:
        """Take messages of up to so many bytes from now on."""
        self._reader.max_payload = max_payload

    def pause(self) -> None:
        """Stop reading from the socket."""
        self._held = True
        self._stop_reading()

    def resume(self) -> None:
        """Read from the socket again, after what was read and is left."""
        self._held = False
        if self._reader.unread and not self._deferred:
            self._wait_for_turn()
        self._read_on()

    def _proceed(self) -> None:
        """Handle what is left: it is this connection's turn, or its time."""
        self._deferred = False
        if self._held:
            return
        wait = self._handle(self._reader.proceed(PACKETS_A_TURN))
        if wait or self._reader.unread:
            self._put_off(wait)
        self._read_on()

    def _put_off(self, wait: int) -> None:
        """Read on after so many ms, or when it is this connection's turn."""
        if wait:
            self._deferred = True
            self._stop_reading()
            self._timer = self._loop.call_later(wait / 1000, self._end_wait)
        elif not (self._deferred or self._held):
            self._wait_for_turn()

    def _end_wait(self) -> None:
        self._timer = None
        self._proceed()

    def _wait_for_turn(self) -> None:
        self._deferred = True
        self._stop_reading()
        self.hub.defer(self._proceed, self.address)

    def _stop_reading(self) -> None:
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def _read_on(self) -> None:
        if not (self._deferred or self._held or self._transport.is_closing()):
            self._transport.resume_reading()

    def _end_within(self, seconds: float) -> None:
        """Read on, whatever kept it from that; cut the connection where the other side does not end it in time."""
        waits, held = self._timer is not None, self._held
        self._cease()
        self._timer = self._loop.call_later(seconds, self._transport.abort)
        self._held = False
        if waits or (not self._deferred and (held or self._reader.unread)):
            self._wait_for_turn()

    def _cease(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
