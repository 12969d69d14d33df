"""Writes the history of a run down while it happens."""

import time

from scripts.soaking.history import AnyEntry


class Recorder:
    """The entries so far. Times are seconds since it was made, by the machine's clock, which PostgreSQL has, too."""

    def __init__(self) -> None:
        self.entries: list[AnyEntry] = []
        self.began = time.time()

    def now(self) -> float:
        """The time for an entry."""
        return time.time() - self.began

    def add(self, entry: AnyEntry) -> None:
        """Write an entry down."""
        self.entries.append(entry)
