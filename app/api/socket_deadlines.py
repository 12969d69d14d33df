"""The time that each socket has: to authenticate, and then until its token expires.

A client whose own fault it is not, since the chat could not look up its token, is not sent away: socket.io-client does
not come back after that. Its connection is dropped, and it comes back by itself.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from app.payloads.responses import now, wire
from app.payloads.server_events import UNAUTHENTICATED, Unauthenticated
from protocol import Socket


class SocketDeadlines:
    """Disconnects each socket at its time."""

    def __init__(self) -> None:
        self._timers: dict[str, asyncio.TimerHandle] = {}  # by socket id
        self._closing: set[asyncio.Task[None]] = set()
        self._excused: set[str] = set()  # ids of sockets that are to be dropped
        self._looked_up: Counter[str] = Counter()  # tokens that are being looked up, by socket id

    def set(self, socket: Socket, seconds: float, message: str | None) -> None:
        """Disconnect a socket after a time, told why when there is a message; replaces what was set before."""
        self._ring(socket, seconds, lambda: _end(socket, message))

    def set_drop(self, socket: Socket, seconds: float | None) -> None:
        """Drop the connection of a socket after a time, or, for None, at the time that is set; its client comes back by
        itself."""
        timer = self._timers.get(socket.id)
        if seconds is None:
            seconds = 0.0 if timer is None else timer.when() - asyncio.get_running_loop().time()
        self._ring(socket, seconds, socket.drop)
        self._excused.add(socket.id)

    @contextmanager
    def looking_up(self, socket: Socket) -> Iterator[None]:
        """While the chat looks up the token of a socket: what ends now drops it, for it is the chat that is late."""
        self._looked_up[socket.id] += 1
        try:
            yield
        finally:
            self._looked_up[socket.id] -= 1
            if not self._looked_up[socket.id]:
                del self._looked_up[socket.id]

    def is_excused(self, socket: Socket) -> bool:
        """True for one that is to be dropped."""
        return socket.id in self._excused

    def _ring(self, socket: Socket, seconds: float, end: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.cancel(socket)

        def ring() -> None:
            task = asyncio.create_task(socket.drop() if self._looked_up[socket.id] else end())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

        self._timers[socket.id] = asyncio.get_running_loop().call_later(max(0, seconds), ring)

    def cancel(self, socket: Socket) -> None:
        """A socket has no deadline any more."""
        self._excused.discard(socket.id)
        timer = self._timers.pop(socket.id, None)
        if timer is not None:
            timer.cancel()


async def _end(socket: Socket, message: str | None) -> None:
    if message is not None and socket.connected:
        await tell_unauthenticated(socket, message)
    await socket.disconnect(close=True)


async def tell_unauthenticated(socket: Socket, message: str) -> None:
    """Tell a socket that it is no user's, and why."""
    await socket.emit(UNAUTHENTICATED, wire(Unauthenticated(message=message, time=now())), local=True)
