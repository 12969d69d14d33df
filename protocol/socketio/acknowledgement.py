"""The return value of a handler: the acknowledgement of its event."""

from enum import Enum
from typing import Any, Final


class _Silence(Enum):
    NO_ACK = "no acknowledgement"


NO_ACK: Final = _Silence.NO_ACK
"""Return it from a handler to send no acknowledgement, like a socket.io handler that does not call its callback.

A client that waits for one gets a timeout, or waits without a limit.

    @io.on("maybe")
    async def maybe(socket, value):
        return {"ok": True} if value else NO_ACK
"""


def ack_values(returned: Any) -> list[Any] | None:
    """The values of an acknowledgement: none, one, or those of a tuple. None where there is to be none at all."""
    if returned is None:
        return []
    if returned is NO_ACK:
        return None
    return list(returned) if isinstance(returned, tuple) else [returned]


def first_value(values: list[Any]) -> Any:
    """The answer of the remote end, as callers get it: the first value of its ack, None where it has none."""
    return values[0] if values else None
