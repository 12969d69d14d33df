"""The handlers that an application registers for one namespace of a client."""

from typing import TypeVar

from protocol.client.event_queue import ClientEventHandler
from protocol.socketio.packets import RESERVED_EVENTS

RegisteredEventHandler = TypeVar("RegisteredEventHandler", bound=ClientEventHandler)

LIFECYCLE = ("connect", "disconnect", "connect_error")


class EventHandlers:
    """One handler an event; several for those of the lifecycle."""

    def __init__(self) -> None:
        self.events: dict[str, ClientEventHandler] = {}
        self.lifecycle: dict[str, list[ClientEventHandler]] = {event: [] for event in LIFECYCLE}

    def add(self, event: str, handler: ClientEventHandler) -> None:
        """Register a handler. Raises `ValueError` for a reserved name, and for an event that has one."""
        if event in self.lifecycle:
            self.lifecycle[event].append(handler)
        elif event in RESERVED_EVENTS:
            raise ValueError(f"{event!r} is a reserved event name")
        elif event in self.events:
            raise ValueError(f"{event!r} has a handler already")
        else:
            self.events[event] = handler

    def drop(self, event: str) -> None:
        """Take back the handler of an event, or all of a lifecycle's."""
        if event in self.lifecycle:
            self.lifecycle[event].clear()
        else:
            self.events.pop(event, None)
