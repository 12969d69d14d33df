"""What an application registers for one namespace of a client."""

from collections.abc import Callable
from typing import TypeVar

from protocol.client.event_queue import ClientEventHandler
from protocol.socketio.packets import RESERVED_EVENTS

RegisteredEventHandler = TypeVar("RegisteredEventHandler", bound=ClientEventHandler)

LIFECYCLE = ("connect", "disconnect", "connect_error")


class EventHandlers:
    """The part of a namespace's face that registers handlers."""

    def __init__(self) -> None:
        self.handlers: dict[str, ClientEventHandler] = {}
        self.lifecycle: dict[str, list[ClientEventHandler]] = {event: [] for event in LIFECYCLE}

    def on(self, event: str) -> Callable[[RegisteredEventHandler], RegisteredEventHandler]:
        """Register a handler for an event; each event has one.

        The lifecycle's own may have several: `connect()`, `disconnect(reason)`, `connect_error(error)`. A
        queue's `put_nowait` makes a good handler where events are to be waited for.
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
        """Take back the handler of an event, or all of a lifecycle's. An event without one is dropped."""
        if event in self.lifecycle:
            self.lifecycle[event].clear()
        else:
            self.handlers.pop(event, None)
