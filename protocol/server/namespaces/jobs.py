"""What a client's inbox holds: the jobs that are done for it one after the other, and who does them."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from msgspec import Struct

from protocol.engineio.session import CloseReason
from protocol.errors import BadValue
from protocol.socketio.packets import Connect, Event, Rejected

if TYPE_CHECKING:
    from protocol.server.namespaces.client import ConnectedClient
    from protocol.server.namespaces.local_socket import LocalSocket


class Arrival(Struct, frozen=True):
    """An event of a socket."""

    socket: "LocalSocket"
    event: Event


class LargeArrival(Arrival, frozen=True):
    """A large event. `weight` is how many small events it counts for among those that wait."""

    weight: int


class Misfit(Struct, frozen=True):
    """An event of a socket whose arguments cannot be carried: `event` has its name alone."""

    socket: "LocalSocket"
    event: Event
    error: BadValue


class Departure(Struct, frozen=True):
    """A socket has left its namespace: its disconnect handlers are to run, after the events that came before."""

    socket: "LocalSocket"
    reason: CloseReason


Job: TypeAlias = Connect | Arrival | Misfit | Rejected | Departure
"""A `Rejected` one is a CONNECT."""

Waiter: TypeAlias = Callable[[list[Any] | BadValue | None], None]
"""Gets the values of an ack; `BadValue` where it came and they cannot be carried, None once it cannot come any more."""


class Dispatcher(Protocol):
    """Runs the application's handlers for what a client sent."""

    def dispatch(self, client: "ConnectedClient", job: Job) -> Awaitable[Any]:
        """Handle one job; the next one of the same client waits for it."""
        ...
