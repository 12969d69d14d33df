"""The handlers that an application registers for one namespace of a client."""

from collections.abc import Callable
from typing import TypeVar

from protocol.client.event_queue import ClientEventHandler
from protocol.socketio.packets import RESERVED_EVENTS

RegisteredEventHandler = TypeVar("RegisteredEventHandler", bound=ClientEventHandler)

LIFECYCLE = ("connect", "disconnect", "connect_error")


class EventHandlers:
    """The methods of a namespace that register handlers."""

    def __init__(self) -> None:
        self.handlers: dict[str, ClientEventHandler] = {}
        self.lifecycle: dict[str, list[ClientEventHandler]] = {event: [] for event in LIFECYCLE}

    def on(self, event: str) -> Callable[[RegisteredEventHandler], RegisteredEventHandler]:
        """Register the handler of an event. Raises `ValueError` if it has one, or if its name is reserved.

        Lifecycle events may have several: `connect()`, `disconnect(reason)`, `connect_error(error)`. To wait for
        events, register a queue's `put_nowait`.
        """

        def register(handler: RegisteredEventHandler) -> RegisteredEventHandler:
            if event in self.lifecycle:
                self.lifecycle[event].append(handler)
            elif event in RESERVED_EVENTS:
                raise ValueError(f"{event!r} is a reserved event name")
            elif event in self.handlers:
                raise ValueError(f"{event!r} has a handler already")
            else:
                self.handlers[event] = handler
            return handler

        return register

    def off(self, event: str) -> None:
        """Remove the handler of an event, or all handlers of a lifecycle event. Other events are dropped."""
        if event in self.lifecycle:
            self.lifecycle[event].clear()
        else:
            self.handlers.pop(event, None)
