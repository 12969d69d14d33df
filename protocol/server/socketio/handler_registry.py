"""The part of a namespace's face that registers what an application gives it."""

from collections.abc import Callable

from protocol.server.namespaces.handlers import Handlers, RegisteredHandler


class HandlerRegistry:
    """Registers handlers; each method works as a decorator."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers

    def on(self, event: str) -> Callable[[RegisteredHandler], RegisteredHandler]:
        """Register `handler(socket, *args)` for an event; what it returns is the ack (a tuple: several values).

        The lifecycle's own: `connection(socket)`, `disconnecting(socket, reason)`, `disconnect(socket, reason)`.
        """

        def register(handler: RegisteredHandler) -> RegisteredHandler:
            return self._handlers.on(event, handler)

        return register

    def use(self, middleware: RegisteredHandler) -> RegisteredHandler:
        """Run `middleware(socket)` before a client is let in; `Refused` keeps it out, with its message and data."""
        self._handlers.middleware.append(middleware)
        return middleware

    def use_recovery(self, hook: RegisteredHandler) -> RegisteredHandler:
        """Run `hook(socket)` before a client that was away gets its session back; the socket has its `data` and `rooms`
        already, and may `leave` some. `Refused`, or any other exception: it comes as somebody new. If it has passed and
        does not get in after all, its `disconnect` handlers run.
        """
        self._handlers.recovery.append(hook)
        return hook

    def use_event(self, middleware: RegisteredHandler) -> RegisteredHandler:
        """Run `middleware(socket, incoming)` before each event; an exception refuses the event."""
        self._handlers.event_middleware.append(middleware)
        return middleware

    def on_any(self, listener: RegisteredHandler) -> RegisteredHandler:
        """Run `listener(socket, event, *args)` for every event that comes in."""
        self._handlers.incoming.append(listener)
        return listener

    def on_any_outgoing(self, listener: RegisteredHandler) -> RegisteredHandler:
        """Run `listener(socket, event, *args)`, a plain function, for every event that goes out to a socket."""
        self._handlers.outgoing.append(listener)
        return listener

    def on_any_broadcast(self, listener: RegisteredHandler) -> RegisteredHandler:
        """Run `listener(event, *args)`, a plain function, for every event that the bus brings for clients of the
        namespace, whichever server sent it and whether or not any of them is here. They come in the order of the bus.
        """
        self._handlers.broadcasts.append(listener)
        return listener

    def on_server_side(self, event: str) -> Callable[[RegisteredHandler], RegisteredHandler]:
        """Register `handler(*args)` for an event that another server sends with `server_side_emit`; what it returns
        is the answer."""

        def register(handler: RegisteredHandler) -> RegisteredHandler:
            return self._handlers.on_server_side(event, handler)

        return register

    def on_error(self, handler: RegisteredHandler) -> RegisteredHandler:
        """Run `handler(socket, incoming, error)` for any exception of an event; what it returns is the ack."""
        self._handlers.error = handler
        return handler
