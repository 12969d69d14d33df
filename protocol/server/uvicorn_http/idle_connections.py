"""HTTP connections that lie idle between two requests: few of an address for long, and nothing of one that ends.

Proxies keep connections for a minute and more. Where this side closes one first, a request may just be on its way, and
its client sees a 502. So connections may lie idle for longer than that, as many of an address as clients have use for;
the others have as long as uvicorn's default gives them.
"""

import asyncio
from collections import Counter
from typing import ClassVar

from protocol.server.uvicorn_http.gone_clients import GoneClients


class IdleConnections(GoneClients):
    """One connection, for a subclass that reads requests. It may lie idle for uvicorn's `timeout_keep_alive`."""

    max_idle: ClassVar[int] = 256  # of one address that may lie idle for so long
    surplus_within: ClassVar[float] = 5.0  # seconds that any more of them have
    idle: ClassVar[Counter[str]] = Counter()  # those that lie idle, by address

    timeout_keep_alive: float  # type: ignore[assignment]  # uvicorn has whole seconds
    _idle = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A client has connected."""
        super().connection_made(transport)
        self._address = self.client[0] if self.client else ""

    def on_response_complete(self) -> None:
        """An answer has left. Unless the connection ends with it, it lies idle from now on."""
        self._count_as_idle(False)
        self.timeout_keep_alive = self.config.timeout_keep_alive
        if self.idle[self._address] >= self.max_idle:
            self.timeout_keep_alive = min(self.surplus_within, self.timeout_keep_alive)
        super().on_response_complete()
        self._count_as_idle(self.timeout_keep_alive_task is not None)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended. Where the client has reset it, uvicorn's timer would go on with what it held."""
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def _unset_keepalive_if_required(self) -> None:
        super()._unset_keepalive_if_required()
        self._count_as_idle(False)

    def _count_as_idle(self, idle: bool) -> None:
        if idle is self._idle:
            return
        self._idle = idle
        self.idle[self._address] += 1 if idle else -1
        if not self.idle[self._address]:
            del self.idle[self._address]
