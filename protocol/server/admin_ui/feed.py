"""What the pages are told, over the bus so that those of other instances and of Node's servers hear it too.

Nothing waits for a page: what is told is queued, and sent a few times a second, up to a limit. Past it, events of
clients are left out. Where something else had to be left out, or was not sent, all pages get the list of all sockets
anew, so that what they show is right again.
"""

import asyncio
import logging
import math
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from protocol.errors import BusUnavailable
from protocol.server.socketio.namespace import Namespace

log = logging.getLogger(__name__)

EVERY = 0.1  # seconds
MAX_SENT = 20  # each time: the bus keeps what is sent, and other events should not be lost for it
MAX_QUEUED = 1_000
MAX_DETAILS = 100  # that may be queued, and events of clients are still taken
REFRESH_EVERY = 5.0  # seconds at least from one list of all sockets to the next
LAST_WORDS = 1.0  # seconds, when the server stops

ALL_SOCKETS: Final = "all_sockets"


class Feed:
    """Sends to all pages. `list_sockets` returns the sockets as `all_sockets` has them."""

    def __init__(self, namespace: Namespace, list_sockets: Callable[[], Awaitable[list[Any]]]) -> None:
        self._namespace = namespace
        self._list_sockets = list_sockets
        self._queue: deque[tuple[str, tuple[Any, ...]]] = deque()
        self._news = asyncio.Event()
        self._incomplete = False  # a page may show what is not so any more
        self._refreshed_at = -math.inf
        self.left_out = 0

    @property
    def takes_details(self) -> bool:
        """True if an event of a client would be sent soon: see whether it is worth while to describe it."""
        if len(self._queue) < MAX_DETAILS:
            return True
        self.left_out += 1
        return False

    def tell(self, event: str, *args: Any) -> None:
        """Send an event to all pages, soon."""
        if len(self._queue) >= MAX_QUEUED:
            self.left_out += 1
            self._incomplete = True
            return
        self._queue.append((event, args))
        self._news.set()

    async def run(self) -> None:
        """Send what is queued, until it is cancelled: then the pages get what is left."""
        try:
            while True:
                await self._news.wait()
                await self._flush()
                if not self._queue and not self._incomplete:
                    self._news.clear()
                await asyncio.sleep(EVERY)
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORDS):
                    await self._end()

    async def _end(self) -> None:
        """The sockets of this instance are gone; so many departures are told as what there is without them."""
        if self._queue or self._incomplete:
            self._queue.clear()
            self._refreshed_at = -math.inf
            await self._refresh()

    async def _flush(self) -> None:
        batch = [self._queue.popleft() for _ in range(min(MAX_SENT, len(self._queue)))]
        # Side by side, so that they leave in one write; the bus keeps their order.
        sent = await asyncio.gather(
            *(self._namespace.emit(event, *args) for event, args in batch), return_exceptions=True
        )
        for result in sent:
            if isinstance(result, BaseException):
                if not self._incomplete:
                    log.warning("the admin UI is not told of something: %s", result)
                self._incomplete = True
        if self.left_out and not self._queue:
            log.info("the admin UI was not told of %d events: there were too many", self.left_out)
            self.left_out = 0
        if self._incomplete and not self._queue:
            await self._refresh()

    async def _refresh(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._refreshed_at < REFRESH_EVERY:
            return
        self._refreshed_at = now
        self._incomplete = False
        try:
            await self._namespace.emit(ALL_SOCKETS, await self._list_sockets())
        except BusUnavailable:
            self._incomplete = True
