"""The time that each socket has: to authenticate, and then until its token expires."""

import asyncio

from app.payloads.responses import now, wire
from app.payloads.server_events import UNAUTHENTICATED, Unauthenticated
from protocol import Socket


class SocketDeadlines:
    """Disconnects each socket at its time."""

    def __init__(self) -> None:
        self._timers: dict[str, asyncio.TimerHandle] = {}  # by socket id
        self._closing: set[asyncio.Task[None]] = set()

    def set(self, socket: Socket, seconds: float, message: str | None) -> None:
        """Disconnect a socket after a time, told why when there is a message; replaces what was set before."""
        self.cancel(socket)

        def ring() -> None:
            task = asyncio.create_task(_end(socket, message))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

        self._timers[socket.id] = asyncio.get_running_loop().call_later(max(0, seconds), ring)

    def cancel(self, socket: Socket) -> None:
        """A socket has no deadline any more."""
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
