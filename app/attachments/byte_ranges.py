"""Which bytes of a file a request asks for (RFC 9110, section 14)."""

import re
from typing import NamedTuple

# One range: the first byte and perhaps the last, or the number of the last ones.
RANGE = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))", re.ASCII | re.IGNORECASE)


class Part(NamedTuple):
    """The bytes from `start` to before `stop`."""

    start: int
    stop: int


def part_of(header: str, size: int) -> Part | None:
    """The part that a Range header asks of `size` bytes: an empty one where it begins beyond them.

    None is for all of them: what is no single range is taken as if it were not there.
    """
    found = RANGE.fullmatch(header.strip(" \t"))
    if found is None:
        return None
    first, last, suffix = found.groups()
    if suffix is not None:
        return Part(max(0, size - int(suffix)), size)
    if last and int(last) < int(first):
        return None
    start = min(int(first), size)
    return Part(start, min(int(last) + 1, size) if last else size)
