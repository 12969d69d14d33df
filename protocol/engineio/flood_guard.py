"""Control packets: how many a client may send, and what becomes of one that sends more.

A control packet is one that no handler of the application sees: a websocket ping or pong, a small fragment of a
message, an Engine.IO packet that is no message, the acknowledgement of nothing, the joining or leaving of a namespace.
An honest client sends a few in a minute. Each costs the server some microseconds, and no limit of the application's
holds it back.

A client that exceeds the rate is slowed: the server reads from it no faster than the rate allows. One that goes on
for as long as half of an empty bucket takes to fill, without a time in which it does, is closed.
"""

FEW = (
    8  # control packets that a client may send between two looks at its bucket; most clients never send more
)
FLOODED = -1  # what `take` returns for a client that is to be closed


class FloodGuard:
    """The token bucket of one client's control packets: `burst` at once, and `rate` a second after that.

    Times are in ms of the caller's clock.
    """

    __slots__ = ("_capacity", "_exceeded_at", "_full_at", "_interval")

    def __init__(self, rate: int, burst: int, now: int) -> None:
        self._interval = 1000 / rate  # ms from one token to the next
        self._capacity = burst * self._interval
        self._full_at: float = float(now)  # when the bucket will have all its tokens again
        self._exceeded_at: int | None = None  # since when the client has been slowed

    def take(self, packets: int, now: int) -> int:
        """Count packets that came; return the ms to wait before reading on, or FLOODED."""
        self._full_at = max(self._full_at, now) + packets * self._interval
        empty = self._full_at - now  # ms that the bucket takes to fill
        if empty <= self._capacity / 2:
            self._exceeded_at = None
        wait = empty - self._capacity
        if wait <= 0:
            return 0
        if self._exceeded_at is None:
            self._exceeded_at = now
        elif now - self._exceeded_at >= self._capacity / 2:
            return FLOODED
        return -int(-wait // 1)
