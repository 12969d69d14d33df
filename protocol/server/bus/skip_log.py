"""Warnings of messages that the bus cannot read. On a shared Redis others decide how many these are, so not each one is
logged."""

import logging

CLASSIC_ADAPTER = (
    "a program with @socket.io/redis-adapter or @socket.io/redis-emitter uses the same channels of the same Redis. "
    "Its events do not reach the clients of this server, which reads events from a stream. If they are to reach them, "
    "use @socket.io/redis-streams-adapter or @socket.io/redis-streams-emitter there. If not, set its option `key`, or "
    "give it another Redis: another database number does not separate channels. This is logged once."
)


class SkipLog:
    """Warns of the first message that is skipped, and then each time that their number has doubled."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._skipped = 0
        self._has_seen_classic_adapter = False

    def warn(self, text: str, *args: object) -> None:
        """One more is skipped. `text` and `args` say which one and why."""
        self._skipped += 1
        if self._skipped & (self._skipped - 1) == 0:
            self._log.warning(f"{text} (so far: %d)", *args, self._skipped)

    def warn_of_classic_adapter(self) -> None:
        """A message of Node's classic adapter is skipped. How many there are does not matter."""
        if not self._has_seen_classic_adapter:
            self._has_seen_classic_adapter = True
            self._log.warning(CLASSIC_ADAPTER)
