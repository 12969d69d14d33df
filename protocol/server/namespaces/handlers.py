"""The handlers that an application registers for a namespace, once, for all its sockets."""

import inspect
import logging
import math
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, get_args

from msgspec import Struct

from protocol.server.config.event_names import check_name, check_server_side_name
from protocol.socketio.packets import Event

if TYPE_CHECKING:
    from protocol.server.namespaces.local_socket import LocalSocket

log = logging.getLogger(__name__)

Handler: TypeAlias = Callable[..., Any]
RegisteredHandler = TypeVar("RegisteredHandler", bound=Handler)

RoomChange: TypeAlias = Literal["create", "join", "leave", "delete"]
LIFECYCLE = ("connection", "disconnecting", "disconnect")


class Incoming(Struct, frozen=True):
    """An incoming event before its handler runs, as middleware gets it: `name`, `args`, and `wants_ack`."""

    name: str | int | float
    args: list[Any]
    wants_ack: bool

    @classmethod
    def of(cls, event: Event) -> "Incoming":
        """The event in a packet."""
        return cls(event.data[0], event.data[1:], event.id is not None)


class BadArguments(Exception):
    """An event has fewer or more arguments than its handler takes. `on_error` gets it."""


class Entry(Struct, frozen=True):
    """A handler, and how many arguments it takes after the socket; `most` is infinite where it takes any."""

    call: Handler
    is_coroutine: bool
    least: int
    most: float

    @classmethod
    def of(cls, handler: Handler) -> "Entry":
        """Look at a handler's signature, once."""
        kinds = inspect.Parameter
        parameters = list(inspect.signature(handler).parameters.values())
        positional = [p for p in parameters if p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)]
        least = sum(p.default is kinds.empty for p in positional) - 1
        variadic = any(p.kind is kinds.VAR_POSITIONAL for p in parameters)
        most = math.inf if variadic else len(positional) - 1
        return cls(handler, inspect.iscoroutinefunction(handler), max(least, 0), most)


def check_room_change(change: str) -> None:
    """Raise `ValueError` for a change that there is not."""
    if change not in get_args(RoomChange):
        raise ValueError(f"{change!r} is not one of {', '.join(get_args(RoomChange))}")


async def call(handler: Handler, *args: Any) -> Any:
    """Call a handler that may be a coroutine function or a plain one."""
    result = handler(*args)
    return await result if isinstance(result, Awaitable) else result


def notify(listeners: Iterable[Handler], kind: str, about: object, *args: Any) -> None:
    """Call plain functions with `args`. One that fails is logged: the thing that it is told of happens all the same."""
    for listener in listeners:
        try:
            listener(*args)
        except Exception:
            log.exception("a listener of %s failed for %r", kind, about)


class Handlers:
    """The registry behind `on`, `use` and their like. Each method works as a decorator and as a plain call."""

    def __init__(self) -> None:
        self.events: dict[Any, Entry] = {}
        self.lifecycle: dict[str, list[Handler]] = {name: [] for name in LIFECYCLE}
        self.middleware: list[Handler] = []
        self.recovery: list[Handler] = []
        self.event_middleware: list[Handler] = []
        self.incoming: list[Handler] = []
        self.outgoing: list[Handler] = []
        self.broadcasts: list[Handler] = []
        self.rooms: dict[str, list[Handler]] = {}  # by the change; empty where nobody listens
        self.server_side: dict[Any, Handler] = {}
        self.error: Handler | None = None

    def on(self, name: str, handler: RegisteredHandler) -> RegisteredHandler:
        """Register for an event, or for one of the lifecycle's: only those may have several handlers."""
        if name in self.lifecycle:
            self.lifecycle[name].append(handler)
            return handler
        check_name(name)
        if name in self.events:
            raise ValueError(f"{name!r} has a handler already")
        self.events[name] = Entry.of(handler)
        return handler

    def on_room(self, change: RoomChange, listener: RegisteredHandler) -> RegisteredHandler:
        """Register for a change of rooms."""
        self.rooms.setdefault(change, []).append(listener)
        return listener

    def on_server_side(self, name: str, handler: RegisteredHandler) -> RegisteredHandler:
        """Register for an event of the other servers."""
        check_server_side_name(name)
        if name in self.server_side:
            raise ValueError(f"{name!r} of other servers has a handler already")
        self.server_side[name] = handler
        return handler

    async def run_middleware(self, socket: "LocalSocket", event: Event) -> None:
        """Run an event's middleware and the catch-all listeners, if there are any."""
        if self.event_middleware or socket.middleware:
            incoming = Incoming.of(event)
            for middleware in (*self.event_middleware, *socket.middleware):
                await call(middleware, socket.facade, incoming)
        for listener in self.incoming:
            await call(listener, socket.facade, *event.data)
