"""The sockets of each user that are connected here, and how much waits for them.

A socket that takes too slowly is closed by `protocol`. A user may have many, so what waits for all of them together is
bounded as well: one who does not read is answered no more, and where others fill the sockets, the slowest are closed.
"""

import logging
from collections import defaultdict

from app.core.errors import Refusal
from protocol import Socket

log = logging.getLogger(__name__)

MOST_UNREAD = 8 * 2**20  # bytes with which a user is answered no more
MOST_WAITING = 16 * 2**20  # bytes with which the slowest sockets are closed
LOOK_EVERY = 1.0  # seconds
TRY_AGAIN = 1_000  # ms


class UserSockets:
    """The sockets of each user on this instance."""

    def __init__(self) -> None:
        self._of: defaultdict[str, set[Socket]] = defaultdict(set)

    def add(self, user_id: str, socket: Socket) -> None:
        """A socket is a user's."""
        self._of[user_id].add(socket)

    def remove(self, user_id: str, socket: Socket) -> None:
        """A socket has ended."""
        sockets = self._of.get(user_id)
        if sockets is not None:
            sockets.discard(socket)
            if not sockets:
                del self._of[user_id]

    def check(self, user_id: str) -> None:
        """Raises Refusal, `rate_limited`, to a user who does not read what has been sent."""
        if sum(socket.buffered for socket in self._of.get(user_id, ())) > MOST_UNREAD:
            raise Refusal("rate_limited", "Read first what you have been sent", retry_after=TRY_AGAIN)

    async def end_slow(self) -> None:
        """Closes sockets of users for whom too much waits, the slowest first."""
        for sockets in list(self._of.values()):
            waiting = sorted(
                ((socket.buffered, socket) for socket in sockets if socket.buffered),
                key=lambda pair: -pair[0],
            )
            total = sum(size for size, _ in waiting)
            for size, socket in waiting:
                if total <= MOST_WAITING:
                    break
                total -= size
                log.info("a socket is closed: its user's take too slowly together")
                socket.end_slow()

    def __len__(self) -> int:
        """How many users have a socket here."""
        return len(self._of)
