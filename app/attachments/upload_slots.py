"""How many uploads are under way on an instance, and how much of the temporary disk they have: bounded for each user.

An upload counts for its user, for the network it comes from and for the instance; its bytes count until it has ended.
So a user who uploads as slowly as may be leaves places to the others, and no user fills the disk.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from app.core.errors import Reason, Refusal

MAX_OF_A_USER = 10
MAX_OF_A_NETWORK = 50
MAX_IN_ALL = 200
MAX_BYTES = 900_000_000  # of uploads under way on the disk, or the largest file's where that is more
TRY_AGAIN = 1000  # ms


class Level(NamedTuple):
    """At most so many uploads at once, and what is said to the next one."""

    most: int
    reason: Reason
    message: str


FULL = "Too many files are being uploaded right now"
OF_A_USER = Level(MAX_OF_A_USER, "too_many", f"Only {MAX_OF_A_USER} files can be uploaded at a time")
OF_A_NETWORK = Level(MAX_OF_A_NETWORK, "rate_limited", "Too many uploads come from your network")
IN_ALL = Level(MAX_IN_ALL, "unavailable", FULL)


class UploadSlots:
    """The uploads under way. `max_size` is the largest file, in bytes."""

    def __init__(self, max_size: int, *, max_bytes: int = MAX_BYTES) -> None:
        self._taken: Counter[tuple[Level, str]] = Counter()
        self._bytes = 0
        self._max_bytes = max(max_bytes, max_size)

    @contextmanager
    def one(self, user_id: str, network: str) -> Iterator["UploadSlot"]:
        """Counts an upload while it lasts. Raises Refusal: `too_many`, `rate_limited`, `unavailable`."""
        keys = ((OF_A_USER, user_id), (OF_A_NETWORK, network), (IN_ALL, ""))
        for level, who in keys:
            if self._taken[level, who] >= level.most:
                raise Refusal(level.reason, level.message, retry_after=TRY_AGAIN)
        self._taken.update(keys)
        slot = UploadSlot(self)
        try:
            yield slot
        finally:
            self._bytes -= slot.size
            for key in keys:
                self._taken[key] -= 1
                if not self._taken[key]:
                    del self._taken[key]

    def reserve(self, size: int) -> None:
        """Counts bytes that have come in. Raises Refusal: `unavailable`."""
        if self._bytes + size > self._max_bytes:
            raise Refusal("unavailable", FULL, retry_after=TRY_AGAIN)
        self._bytes += size

    def __len__(self) -> int:
        """How many uploads are under way."""
        return self._taken[IN_ALL, ""]


class UploadSlot:
    """The place of one upload, which has so many bytes on the disk."""

    def __init__(self, slots: UploadSlots) -> None:
        self._slots = slots
        self.size = 0

    def grow(self, size: int) -> None:
        """Counts bytes that have come in, before they go to the disk. Raises Refusal: `unavailable`."""
        self._slots.reserve(size)
        self.size += size
