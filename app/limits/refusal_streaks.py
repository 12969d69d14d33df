"""Sockets whose events are refused again and again: each refusal takes longer than the one before, the last closes it.

The events of a socket are handled one after the other, so a pause holds back the socket's next events, and soon what
its client sends: a flood of refusals costs the server a few events a second. A single refusal costs its client almost
nothing, and an event that is not refused ends the streak.
"""

import asyncio
from collections.abc import Callable
from typing import Literal, TypeAlias

from protocol import Socket

Streak: TypeAlias = Literal["rate_limited", "unauthenticated", "invalid"]

FIRST_PAUSE = 0.05  # seconds that the first refusal of a streak takes; each one more takes twice as long
LONGEST_PAUSE = 1.0  # seconds
# Refusals in a row that a socket may get. A client may send a queue of events before it authenticates: these take no
# longer. `invalid` are a stranger's attempts to authenticate.
MOST: dict[Streak, int] = {"rate_limited": 40, "unauthenticated": 200, "invalid": 40}


class RefusalStreaks:
    """Counts refusals in a row of each socket. `closed` is told why a socket is closed."""

    def __init__(self, closed: Callable[[Streak], None]) -> None:
        self._closed = closed
        self._lengths: dict[str, int] = {}  # by socket id; only of those in a streak

    def end(self, socket: Socket) -> None:
        """An event was let through, or the socket is gone."""
        if self._lengths:
            self._lengths.pop(socket.id, None)

    async def refused(self, socket: Socket, streak: Streak) -> None:
        """An event is refused: wait as long as that is to take; close the socket where it is one too many."""
        length = self._lengths[socket.id] = self._lengths.get(socket.id, 0) + 1
        if length > MOST[streak]:
            self.end(socket)
            self._closed(streak)
            await socket.disconnect(close=True)
        elif streak != "unauthenticated":
            await asyncio.sleep(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (length - 1)))
