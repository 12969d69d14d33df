"""Names of events that an application cannot use."""

from protocol.socketio.packets import RESERVED_EVENTS

_SERVERS_OWN = frozenset(
    {"connect", "connection", "new_namespace"}
)  # Node's handlers of these expect no data


def check_name(event: str) -> None:
    """Raise `ValueError` for a name that clients would refuse."""
    if event in RESERVED_EVENTS:
        raise ValueError(f"{event!r} is a reserved event name")


def check_server_side_name(event: str) -> None:
    """Raise `ValueError` for a name that means something else to servers."""
    if event in _SERVERS_OWN:
        raise ValueError(f"{event!r} is a reserved event name of servers")
