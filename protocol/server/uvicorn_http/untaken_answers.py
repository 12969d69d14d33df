"""HTTP answers that a client does not take: its connection ends, and with it what is kept for it.

uvicorn writes an answer and is done with it. What the client has not taken waits in the event loop's transport, also
when the connection is closing, for as long as the client likes.
"""

import asyncio
import os
import socket
import struct
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class AnswersTaken(HttpToolsProtocol):
    """One connection, for a subclass that reads requests. The class attributes are the bounds.

    While something waits to be taken, the client has `answer_within` to take the next `min_taken` bytes of it, or all
    that is left where that is less. So it is the rate that is bounded, and not the time of a large answer.
    """

    answer_within: ClassVar[float] = 30.0  # seconds
    min_taken: ClassVar[int] = 65_536  # bytes
    max_waiting: ClassVar[int] = 16_384  # bytes that wait here; with more, `send` waits for the client

    _untaken = 0  # bytes, when the time began
    _patience: asyncio.TimerHandle | None = None  # while something waits to be taken

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A client has connected."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=self.max_waiting)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._stop_waiting()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        """From here on the connection is the websocket's, which counts for itself."""
        self._stop_waiting()
        self.transport.set_write_buffer_limits()
        super().handle_websocket_upgrade()

    def pause_writing(self) -> None:
        """More waits than the client takes at once."""
        super().pause_writing()
        self._wait()

    def resume_writing(self) -> None:
        """It has taken most of it."""
        self._stop_waiting()
        self._wait()
        super().resume_writing()

    def on_response_complete(self) -> None:
        """An answer was written. What the client has not taken of it waits still."""
        self._wait()
        super().on_response_complete()

    def _wait(self) -> None:
        waiting = self.transport.get_write_buffer_size()
        if waiting and self._patience is None:
            self._untaken = waiting
            self._patience = self.loop.call_later(self.answer_within, self._look)

    def _look(self) -> None:
        self._patience = None
        left = self.transport.get_write_buffer_size()
        if left > max(0, self._untaken - self.min_taken):
            _drop_unsent(self.transport)
            self.transport.abort()
        else:
            self._wait()

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


def _drop_unsent(transport: asyncio.Transport) -> None:
    """Have the system drop what it keeps for the client as well, when the connection is closed."""
    held: socket.socket | None = transport.get_extra_info("socket")
    if held is not None and held.family in (socket.AF_INET, socket.AF_INET6):
        with socket.socket(fileno=os.dup(held.fileno())) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
