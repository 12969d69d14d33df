"""Work that clients cause, done in turns of the event loop that are shared fairly between their networks."""

import asyncio
from collections import deque
from collections.abc import Callable

from protocol.server.scheduling.networks import network_of


class TurnQueue:
    """Does one piece of the work that waits in each turn of the loop.

    What a client sends may take long to handle. It is handled in pieces, each in a turn of its own, and the networks
    whose clients have work waiting take it in rotation: so a client waits for one piece of each other network at most,
    however many connections another one has.
    """

    def __init__(self) -> None:
        self._lines: dict[str, deque[Callable[[], object]]] = {}  # by network, the next one first

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
        network = next(iter(self._lines))
        line = self._lines.pop(network)
        work = line.popleft()
        if line:
            self._lines[network] = line  # behind the others
        if self._lines:
            loop.call_soon(self._take, loop)
        work()
