"""The part of a namespace's face that registers what an application gives it."""

from collections.abc import Callable

from protocol.server.namespaces.handlers import Handlers, RegisteredHandler, RoomChange, check_room_change


class HandlerRegistry:
    """Registers handlers. Each method works as a decorator."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers

    def on(self, event: str) -> Callable[[RegisteredHandler], RegisteredHandler]:
        """Register `handler(socket, *args)` for an event. Its return value is the ack (a tuple: several values).

        Lifecycle events: `connection(socket)`, `disconnecting(socket, reason)`, `disconnect(socket, reason)`.

            @io.on("say")
            async def say(socket: Socket, text: str) -> dict[str, int]:
                return {"length": len(text)}
        """

        def register(handler: RegisteredHandler) -> RegisteredHandler:
            return self._handlers.on(event, handler)

        return register

    def use(self, middleware: RegisteredHandler) -> RegisteredHandler:
        """Run `middleware(socket)` before a client is admitted. `Refused` rejects it, with its message and data."""
        self._handlers.middleware.append(middleware)
        return middleware

    def use_recovery(self, hook: RegisteredHandler) -> RegisteredHandler:
        """Run `hook(socket)` before a client recovers its session. The socket already has its `data` and `rooms`, and
        may `leave` some. After `Refused` or any other exception, the client is admitted as a new one. If the hook
        passed and the client is not admitted after all, its `disconnect` handlers run.
        """
        self._handlers.recovery.append(hook)
        return hook

    def use_event(self, middleware: RegisteredHandler) -> RegisteredHandler:
        """Run `middleware(socket, incoming)` before each event; an exception refuses the event."""
        self._handlers.event_middleware.append(middleware)
        return middleware

    def on_any(self, listener: RegisteredHandler) -> RegisteredHandler:
        """Run `listener(socket, event, *args)` for every incoming event, before its handler."""
        self._handlers.incoming.append(listener)
        return listener

    def on_any_outgoing(self, listener: RegisteredHandler) -> RegisteredHandler:
        """Run `listener(socket, event, *args)`, a plain function, for every event sent to a socket."""
        self._handlers.outgoing.append(listener)
        return listener

    def on_any_broadcast(self, listener: RegisteredHandler) -> RegisteredHandler:
        """Run `listener(event, *args)`, a plain function, for every event that the bus brings for clients of the
        namespace, in the order of the bus, whichever server sent it and whether or not a receiver is on this instance.
        """
        self._handlers.broadcasts.append(listener)
        return listener

    def on_room(self, change: RoomChange) -> Callable[[RegisteredHandler], RegisteredHandler]:
        """Register a plain function for a change of the rooms of this instance: `listener(namespace, room)` for
        "create" and "delete" (its first socket came, its last one went), `listener(socket, room)` for "join" and
        "leave". Raises `ValueError` for another change. Its exceptions are logged and stop nothing.

            @io.on_room("create")
            def created(namespace: Namespace, room: str) -> None:
                print(f"{namespace.name} has {room}")
        """

        check_room_change(change)

        def register(listener: RegisteredHandler) -> RegisteredHandler:
            return self._handlers.on_room(change, listener)

        return register

    def on_server_side(self, event: str) -> Callable[[RegisteredHandler], RegisteredHandler]:
        """Register `handler(*args)` for an event that another server sends with `server_side_emit`. Its return value
        is the answer."""

        def register(handler: RegisteredHandler) -> RegisteredHandler:
            return self._handlers.on_server_side(event, handler)

        return register

    def on_error(self, handler: RegisteredHandler) -> RegisteredHandler:
        """Run `handler(socket, incoming, error)` for any exception of an event. Its return value is the ack."""
        self._handlers.error = handler
        return handler
