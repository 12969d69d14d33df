"""How long the records of this instance take from their publication until the bus brings them back."""

import time

from protocol.server.bus import position

_MOST = 10_000  # records whose return is awaited; what was lost on the way must not be kept for ever


class Returns:
    """Told of each record that is published and of each that is delivered, and of their offsets on the bus."""

    def __init__(self) -> None:
        self._awaited: dict[str, float] = {}  # when each was published, by offset
        self._newest: dict[str, str] = {}  # the last offset that was delivered, by namespace

    def published(self, nsp: str, offset: str, began: float) -> float | None:
        """A record is stored; `began` is when its publication did, by `time.perf_counter`.

        Returns the seconds since then if it was delivered already: the bus tells the publisher and the readers at once.
        """
        if position(offset) <= position(self._newest.get(nsp, "0-0")):
            return time.perf_counter() - began
        if len(self._awaited) >= _MOST:
            self._awaited.clear()
        self._awaited[offset] = began
        return None

    def delivered(self, nsp: str, offset: str) -> float | None:
        """A record is delivered; returns the seconds since its publication if it is one that is awaited."""
        began = self._awaited.pop(offset, None)
        self._newest[nsp] = offset
        return None if began is None else time.perf_counter() - began

    def forget(self, nsp: str) -> None:
        """A namespace is gone."""
        self._newest.pop(nsp, None)
