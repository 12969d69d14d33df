"""Reading in turns, and the end of an HTTP connection whose client may still be sending.

Closed with bytes unread, a connection would be reset, and its last answer perhaps lost (RFC 9112 §9.6). So this side
says that it has nothing more to send, and what comes is thrown away for some seconds, slowly.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import ClassVar

from protocol.server.uvicorn_http.flow_control import Flow
from protocol.server.uvicorn_http.idle_connections import IdleConnections

LINGERING_PAUSE = 0.02  # seconds between large reads of what is thrown away, so that it costs nobody's time
LARGE_READ = 16_384  # bytes; after a larger read the connection waits for its turn to read on


class LingeringClose(IdleConnections):
    """One connection, for a subclass that reads requests. A read has 256 KiB at most, as uvloop has it."""

    max_large_reads: ClassVar[int] = (
        128  # of one address that wait for their turn; one more ends its connection
    )
    large_reads: ClassVar[Counter[str]] = Counter()  # those that wait, by address

    flow: Flow
    _waits = False  # for its turn
    _deadline: asyncio.TimerHandle | None = None  # for what is awaited of the client

    def defer(self, work: Callable[[], object]) -> object:
        """Call `work` in a later turn of the event loop."""
        return self.loop.call_soon(work)

    def _wait_for_turn(self, work: Callable[[], object], *, large: bool = False) -> None:
        """Read nothing more until it is this connection's turn, then do `work`; `large`: a large read is kept."""
        self._waits = True
        self.flow.hold(True)
        if not large:
            self.defer(work)
        elif self.large_reads[self._address] < self.max_large_reads:
            self.large_reads[self._address] += 1
            self.defer(partial(self._take_turn, self._address, work))
        else:
            self.transport.abort()

    def _take_turn(self, address: str, work: Callable[[], object]) -> None:
        self.large_reads[address] -= 1
        if not self.large_reads[address]:
            del self.large_reads[address]
        work()

    def _linger(self, seconds: float) -> None:
        """End the connection, at the latest after so many seconds; nothing may have a deadline any more."""
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self.flow.hold(False)
            self._deadline = self.loop.call_later(seconds, self.transport.abort)
        else:
            self.transport.close()

    def _throw_away(self, data: bytes) -> None:
        if len(data) > LARGE_READ and not self._waits:
            self._waits = True
            self.flow.hold(True)
            self.loop.call_later(LINGERING_PAUSE, self._read_on)

    def _read_on(self) -> None:
        self._waits = False
        if not self.transport.is_closing():
            self.flow.hold(False)
