"""Entries that were written twice, known by the serials of their writers.

A writer whose connection breaks before the answer does not know whether an entry was stored, and writes it again, with
the same serial: its own token and the number of the entry among those that it writes to the stream, from 1
(`3f9a0c52-17`). The token is one writer's, where `uid` may be shared: all emitters have the same. Numbers come in order
but for those that Redis refused once, which come later, and those that the writer gave up, which never come.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping

MOST_WRITERS = 1_000
MOST_MISSING = 1_000  # numbers of a writer that may come late
_SERIAL = re.compile(r"([0-9A-Za-z_]{1,40})-([0-9]{1,15})", re.ASCII)


def serial_of(writer: str, number: int) -> str:
    """The serial of a writer's entry."""
    return f"{writer}-{number}"


class _Writer:
    """What came of one writer: its highest number, and those below that are missing, the oldest first."""

    __slots__ = ("highest", "missing")

    def __init__(self) -> None:
        self.highest = 0
        self.missing: OrderedDict[int, None] = OrderedDict()

    def miss(self, first: int, end: int) -> None:
        """Numbers from `first` to before `end` did not come yet."""
        self.missing.update(dict.fromkeys(range(max(first, end - MOST_MISSING), end)))
        while len(self.missing) > MOST_MISSING:
            self.missing.popitem(last=False)


class Repetitions:
    """Knows the serials of the last 1,000 writers of a stream."""

    def __init__(self) -> None:
        self._writers: OrderedDict[str, _Writer] = OrderedDict()  # by token, the one heard last at the end

    def is_new(self, entry: Mapping[str, str]) -> bool:
        """False for an entry that came before. One without a serial, of Node or of an earlier version, is new."""
        found = _SERIAL.fullmatch(entry.get("serial", ""))
        if found is None:
            return True
        token, number = found[1], int(found[2])
        writer = self._writers.get(token)
        if writer is None:  # what it wrote before is unknown
            writer = self._writers[token] = _Writer()
            writer.highest = number
            if len(self._writers) > MOST_WRITERS:
                self._writers.popitem(last=False)
            return True
        self._writers.move_to_end(token)
        if number > writer.highest:
            if number > writer.highest + 1:
                writer.miss(writer.highest + 1, number)
            writer.highest = number
            return True
        if number in writer.missing:
            del writer.missing[number]
            return True
        return False
