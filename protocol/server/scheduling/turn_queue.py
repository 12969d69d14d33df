"""Work that clients cause, done in turns of the event loop that are shared fairly between their networks."""

import asyncio
from collections import deque
from collections.abc import Callable

from protocol.server.scheduling.networks import network_of

MOST_YIELDS = 64  # turns in a row in which work gives way to arrivals


class TurnQueue:
    """Does one piece of the work that waits in each turn of the loop.

    What a client sends may take long to handle. It is handled in pieces, each in a turn of its own, and the networks
    whose clients have work waiting take it in rotation: so a client waits for one piece of each other network at most,
    however many connections another one has.

    A loop may take one new connection in each turn alone, as uvloop does. So work gives way while connections arrive: a
    client that comes behind a crowd is not kept waiting for what all of the crowd ask for.
    """

    def __init__(self) -> None:
        self._lines: dict[str, deque[Callable[[], object]]] = {}  # by network, the next one first
        self._arrived = False  # a connection, in this turn
        self._yields = 0

    def arrive(self) -> None:
        """A client has connected in this turn."""
        self._arrived = True

    def put(self, loop: asyncio.AbstractEventLoop, work: Callable[[], object], address: str | None) -> None:
        """Call `work` in a later turn; `address` is the client's, None where it has none."""
        if not self._lines:
            loop.call_soon(self._take, loop)
        network = network_of(address)
        line = self._lines.get(network)
        if line is None:
            self._lines[network] = line = deque()
        line.append(work)

    def _take(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._arrived and self._yields < MOST_YIELDS:
            self._arrived = False
            self._yields += 1
            loop.call_soon(self._take, loop)
            return
        self._yields = 0
        network = next(iter(self._lines))
        line = self._lines.pop(network)
        work = line.popleft()
        if line:
            self._lines[network] = line  # behind the others
        if self._lines:
            loop.call_soon(self._take, loop)
        work()
