"""The end of an HTTP connection whose client may still be sending.

Closed with bytes unread, a connection would be reset, and its last answer perhaps lost (RFC 9112 §9.6). So this side
says that it has nothing more to send, and what comes is thrown away for some seconds, slowly.
"""

import asyncio

from protocol.server.uvicorn_http.read_turns import LARGE_READ, ReadTurns

LINGERING_PAUSE = 0.02  # seconds between large reads of what is thrown away, so that it costs nobody's time


class LingeringClose(ReadTurns):
    """One connection, for a subclass that reads requests."""

    _deadline: asyncio.TimerHandle | None = None  # for what is awaited of the client

    def _expect_nothing(self) -> None:
        """End the deadline, if there is one."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

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
