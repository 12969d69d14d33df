"""uvicorn's HTTP, for clients that may mean no good: a request comes whole within a time, or the connection ends.

uvicorn itself waits for ever, for the first byte of a new connection as for the last one of a body, and takes heads of
any size: a client could hold all the connections, or all the memory, that there is.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_WITHIN = 10.0  # seconds from the connection, or from a request's first byte, to the end of its headers
BODY_WITHIN = 660.0  # seconds from there to the end of its body; somewhat more than an upload may take
MAX_HEAD = 64 * 1024  # bytes of a request before its body


class HttpProtocol(HttpToolsProtocol):
    """One connection. Made by uvicorn."""

    _deadline: asyncio.TimerHandle | None = None  # while a request is awaited or has not come whole
    _in_head = True
    _head = 0  # bytes

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A client has connected."""
        super().connection_made(transport)
        self._expect(HEAD_WITHIN)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._expect_nothing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some of a request, or of several."""
        if (
            self._deadline is None
        ):  # uvicorn waits for a request, but no longer after an empty line, which begins none
            self._expect(HEAD_WITHIN)
        super().data_received(data)
        if self._in_head:
            self._head += len(data)
            if self._head > MAX_HEAD:
                self.transport.abort()

    def handle_websocket_upgrade(self) -> None:
        """From here on the connection is the websocket's."""
        self._expect_nothing()
        super().handle_websocket_upgrade()
        self.parser = None  # type: ignore[assignment]  # which refers to this: see `garbage`

    # --- what the parser has come to ---

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._in_head, self._head = True, 0
        self._expect(HEAD_WITHIN)

    def on_headers_complete(self) -> None:
        """The end of its headers."""
        self._in_head = False
        self._expect(BODY_WITHIN)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The last byte of a request."""
        self._expect_nothing()
        super().on_message_complete()

    def _expect(self, within: float) -> None:
        self._expect_nothing()
        self._deadline = self.loop.call_later(within, self.transport.abort)

    def _expect_nothing(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
