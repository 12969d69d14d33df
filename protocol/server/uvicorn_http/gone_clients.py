"""Whoever answers a request may be told when its client goes away, without a task that waits for it."""

import asyncio
from collections.abc import Callable
from weakref import ref

from protocol.server.uvicorn_http.untaken_answers import AnswersTaken


class GoneClients(AnswersTaken):
    """One connection, for a subclass that reads requests."""

    _reference: "ref[GoneClients]"  # what is offered with each request
    _when_gone: Callable[[], None] | None = None  # of the request that is being answered

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A client has connected."""
        super().connection_made(transport)
        self._reference = ref(self)

    def when_gone(self, call: Callable[[], None]) -> None:
        """See `protocol.server.http.beyond_asgi`."""
        if self.cycle.disconnected:
            call()
        else:
            self._when_gone = call

    def on_response_complete(self) -> None:
        """An answer has left: who went away before it is not asked any more."""
        self._when_gone = None
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        super().connection_lost(exc)
        self._tell_gone()

    def _tell_gone(self) -> None:
        """The client is gone, or is told no more than that its request was none."""
        call, self._when_gone = self._when_gone, None
        if call is not None:
            call()
