"""Why the chat is unavailable to whoever asks it for something, in the log."""

import logging
import time
from collections.abc import Callable

from app.core.errors import Refusal, as_refusal

log = logging.getLogger(__name__)

EVERY = 1.0  # seconds from one line to the next: in an outage every request fails, and a line takes all of them time


class OutageLog:
    """Writes why something was refused as unavailable, and how often since the line before. `clock` is in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next_at = clock()
        self._refused = 0  # since the last line

    def refusal_of(self, error: Exception) -> Refusal | None:
        """See `as_refusal`. Where that is "unavailable", `error` is a line now, or counts as one more in the next."""
        refusal = as_refusal(error)
        if refusal is not None and refusal.reason == "unavailable":
            self._tell(error)
        return refusal

    def _tell(self, error: Exception) -> None:
        self._refused += 1
        now = self._clock()
        if now >= self._next_at:
            log.warning("refused as unavailable, %d since the last such line: %s", self._refused, error)
            self._next_at, self._refused = now + EVERY, 0


outages = OutageLog()  # one a process, as the log is
