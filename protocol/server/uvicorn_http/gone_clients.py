"""Whoever answers a request may be told when its client goes away, without a task that waits for it."""

import asyncio
from collections.abc import Callable
from weakref import ref

from protocol.server.http.asgi import Receive
from protocol.server.uvicorn_http.untaken_answers import AnswersTaken


class GoneClients(AnswersTaken):
    """One connection, for a subclass that reads requests."""

    _reference: "ref[GoneClients]"  # what is offered with each request
    _when_gone: Callable[[], None] | None = None  # of the request that is being answered

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A client has connected."""
        super().connection_made(transport)
        self._reference = ref(self)

    def when_gone(self, receive: Receive, call: Callable[[], None]) -> bool:
        """See `protocol.server.http.beyond_asgi`."""
        cycle = self.cycle
        if getattr(receive, "__self__", None) is not cycle:
            return False  # a middleware's, which may tell of an end of its own, or that of a request which is over
        if cycle.more_body or cycle.body or cycle.waiting_for_100_continue:
            return False  # who asks for the end reads the body, too
        if cycle.disconnected or cycle.response_complete:
            call()
        else:
            self._when_gone = call
        return True

    def on_response_complete(self) -> None:
        """An answer has left, whoever gave it."""
        super().on_response_complete()
        self._tell_gone()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        super().connection_lost(exc)
        self._tell_gone()

    def _tell_gone(self) -> None:
        """Nobody waits for an answer any more."""
        call, self._when_gone = self._when_gone, None
        if call is not None:
            call()
