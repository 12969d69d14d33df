"""The arithmetic of token buckets: no clock, no storage.

A bucket is one whole number, the time at which it is full again, in µs; one that is full needs no number at all. A
token taken moves that time one interval further. `app.limits.rate_limits` does the same in Lua, inside of Redis.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import NamedTuple

from msgspec import Struct

SECOND = 1_000_000  # µs


class Bucket(Struct, frozen=True):
    """Holds `burst` tokens when full, and gets one back every `interval` µs."""

    interval: int
    burst: int

    @classmethod
    def per(cls, seconds: int, tokens: int, burst: int | None = None) -> "Bucket":
        """At most `tokens` every so many seconds; the interval is rounded up. `burst` is as many, unless given."""
        return cls(-(-seconds * SECOND // tokens), tokens if burst is None else burst)


class Taken(NamedTuple):
    """When the bucket is full again, how many tokens it gave, and the µs until it could give what it had not."""

    full_at: int
    granted: int
    wait: int


def take(bucket: Bucket, full_at: int, now: int, *, need: int, want: int, returned: int = 0) -> Taken:
    """Puts `returned` tokens back, then takes `want`, or as many as there are, or none if that is less than `need`.

    `need` is at most the bucket's burst. A `full_at` further away than an empty bucket's, which a clock set back leaves
    behind, counts as that.
    """
    capacity = bucket.burst * bucket.interval
    full_at = min(max(full_at - returned * bucket.interval, now), now + capacity)
    there = (now + capacity - full_at) // bucket.interval
    if there < need:
        return Taken(full_at, 0, full_at + need * bucket.interval - capacity - now)
    granted = min(want, there)
    return Taken(full_at + granted * bucket.interval, granted, 0)


class LocalBuckets:
    """The buckets of one instance that has no Redis. Of more than `most`, the ones that were idle longest are full."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._full_at: OrderedDict[Hashable, int] = OrderedDict()

    def take(
        self, key: Hashable, bucket: Bucket, now: int, *, need: int, want: int, returned: int = 0
    ) -> Taken:
        """See `take`."""
        taken = take(bucket, self._full_at.pop(key, now), now, need=need, want=want, returned=returned)
        if taken.full_at > now:
            self._full_at[key] = taken.full_at
        if len(self._full_at) > self._most:
            self._full_at.popitem(last=False)
        return taken

    def __len__(self) -> int:
        return len(self._full_at)
