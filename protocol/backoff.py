"""How long to wait before the next attempt to reconnect: exponential backoff with jitter."""


def delay(attempt: int, *, first: int, most: int, jitter: float, chance: float) -> int:
    """Milliseconds to wait before attempt number `attempt`, counted from 0.

    The wait is `first` doubled with each attempt, and then anything from `jitter` (0 to 1) below that to as much above
    it, where `chance` (0 to 1) decides. It is never over `most`; at that limit the jitter only shortens it, so
    that clients that lost the same server still come back one by one.
    """
    middle = min(first * 2 ** min(attempt, 30), most)
    low = middle * (1 - jitter)
    high = min(middle * (1 + jitter), most)
    return int(low + (high - low) * chance)
