"""A connection to the chat by some client library, as a device needs it: one of each kind is in `connections`."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

CALL_WITHIN = 4.0  # seconds; then a device takes it that there will be no answer


class NotAnswered(Exception):
    """There is no answer to a call: `timeout`, or `disconnected`."""


class Listener(NamedTuple):
    """What a connection tells: that it is there (anew), that the server takes its user, that it was lost and why, and
    which event came. It is asked for `socket_id` at each of these."""

    opened: Callable[[], None]
    admitted: Callable[[], None]
    lost: Callable[[str], None]
    heard: Callable[[str, Any], None]


class Connection(ABC):
    """Comes back by itself, as its library does that. `socket_id` is the server's name for it, None while there is
    none: the same after a reconnect where the session was recovered."""

    @property
    @abstractmethod
    def socket_id(self) -> str | None:
        """The server's name for it."""

    @abstractmethod
    async def start(self) -> None:
        """Connect, sooner or later."""

    @abstractmethod
    async def call(self, event: str, payload: dict[str, Any]) -> dict[str, Any]:
        """The server's acknowledgement, `{ok, data}` or `{ok, error}`. Raises NotAnswered."""

    @abstractmethod
    async def stop(self) -> None:
        """Disconnect for good."""
