"""How long the records of this instance take from their publication until the bus brings them back."""

import time

_MOST = 10_000  # offsets of a kind; what was lost on the way, or is of others, must not be kept for ever


class RoundTripTimer:
    """Told the offset of each record that is published, and of each that is delivered: in either order, since the bus
    tells the publisher and the readers at once."""

    def __init__(self) -> None:
        self._began: dict[str, float] = {}  # when each that is awaited was published, by offset
        self._came: dict[str, float] = {}  # when each came that was not, or not yet

    def published(self, offset: str, began: float) -> float | None:
        """A record is stored; `began` is when its publication did, by `time.perf_counter`.

        Returns the seconds until it was delivered, if it was already.
        """
        came = self._came.pop(offset, None)
        if came is not None:
            return came - began
        if len(self._began) >= _MOST:
            self._began.clear()
        self._began[offset] = began
        return None

    def delivered(self, offset: str) -> float | None:
        """A record is delivered; returns the seconds since its publication if it is one that is awaited."""
        now = time.perf_counter()
        began = self._began.pop(offset, None)
        if began is not None:
            return now - began
        if len(self._came) >= _MOST:
            self._came.clear()
        self._came[offset] = now
        return None
