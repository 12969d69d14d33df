"""The end of an HTTP connection whose client may still be sending.

Closed with bytes unread, a connection would be reset, and its last answer perhaps lost (RFC 9112 §9.6). So this side
says that it has nothing more to send, and what comes is thrown away for some seconds: slowly, since it is a courtesy
that must not cost anybody else's time.
"""

import asyncio
from collections import deque
from typing import ClassVar

from protocol.server.uvicorn_http.flow_control import RequestPhase
from protocol.server.uvicorn_http.read_turns import ReadTurns

PAUSE = (
    0.002  # seconds from one read of what is thrown away to the next, on all connections together: 130 MB/s
)


LINGER = 1.0  # seconds that a client that was refused has to read why, while what it sends is thrown away
MOST_LINGERING = 128  # connections of one address; those that began the longest ago end


class Discarding:
    """The connections whose clients are waited for, and of these the ones that wait for their next read.

    Each has the state of its last request with it, and is read so seldom that its client's end is noticed late. So they
    are few.
    """

    def __init__(self, most: int = MOST_LINGERING) -> None:
        self._most = most
        self._waiting: deque[LingeringClose] = deque()  # the one that has waited longest first
        self._lingering: dict[str, dict[LingeringClose, None]] = {}  # by address, the oldest first

    def begin(self, connection: "LingeringClose", address: str) -> None:
        """A connection lingers. Where too many of its address do, the oldest of them is cut."""
        lingering = self._lingering.setdefault(address, {})
        lingering[connection] = None
        if len(lingering) > self._most:
            oldest = next(iter(lingering))
            self.end(oldest, address)
            oldest.transport.abort()

    def end(self, connection: "LingeringClose", address: str) -> None:
        """A connection has ended."""
        lingering = self._lingering.get(address)
        if lingering is not None:
            lingering.pop(connection, None)
            if not lingering:
                del self._lingering[address]

    def put(self, loop: asyncio.AbstractEventLoop, connection: "LingeringClose") -> None:
        """Have a connection read once more, when it is its turn."""
        if not self._waiting:
            loop.call_later(PAUSE, self._next, loop)
        self._waiting.append(connection)

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        connection = self._waiting.popleft()
        if self._waiting:
            loop.call_later(PAUSE, self._next, loop)
        connection.discard_more()


class LingeringClose(ReadTurns):
    """One connection, for a subclass that reads requests."""

    discarding: ClassVar[Discarding] = Discarding()
    _deadline: asyncio.TimerHandle | None = None  # for what is awaited of the client
    _deadline_of: RequestPhase | None = None

    @staticmethod
    def end_polling() -> None:
        """End the sessions whose requests wait for what there is to answer: a hub's method where there is one."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self.discarding.end(self, self._address)
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """uvicorn stops, once all requests are answered. A long poll would keep it until the next ping."""
        self.end_polling()
        super().shutdown()

    def _expect_nothing(self) -> None:
        """End the deadline, if there is one."""
        self._deadline_of = None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _linger(self, seconds: float = LINGER) -> None:
        """End the connection, at the latest after so many seconds; nothing may have a deadline any more."""
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self.flow.hold(False)
            self._deadline = self.loop.call_later(seconds, self.transport.abort)
            self.discarding.begin(self, self._address)
        else:
            self.transport.close()

    def _throw_away(self) -> None:
        """Something was read; read nothing more until it is this connection's turn."""
        if not self._waits:
            self._waits = True
            self.flow.hold(True)
            self.discarding.put(self.loop, self)

    def discard_more(self) -> None:
        """It is."""
        self._waits = False
        if not self.transport.is_closing():
            self.flow.hold(False)
