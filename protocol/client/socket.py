"""One namespace of a client, as applications see it."""

from collections.abc import Callable
from typing import Any

from protocol.client.handlers import RegisteredEventHandler
from protocol.client.socket_state import AuthPayload, ClientSocketState


class ClientSocket:
    """A namespace of a client. `id` is the socket's id on the server, None while not connected. `recovered` is true if
    the server recovered the session: the id is the same, and all missed events have arrived.

    Handlers are called as `handler(*args)`, one at a time, in the order of the events. They may be plain or coroutine
    functions, and may wait for acks. The return value is the ack (a tuple: several values; `NO_ACK`: none).
    """

    def __init__(self, state: ClientSocketState) -> None:
        self._state = state

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._state}>"

    # --- what it is ---

    @property
    def name(self) -> str:
        """The namespace; it starts with a slash."""
        return self._state.name

    @property
    def auth(self) -> AuthPayload | None:
        """The `auth` of each CONNECT: an object, or a function (plain or coroutine) that is called each time."""
        return self._state.auth

    @auth.setter
    def auth(self, auth: AuthPayload | None) -> None:
        """Join with this from the next time on."""
        self._state.auth = auth

    @property
    def id(self) -> str | None:
        """The socket's id on the server, None while not connected."""
        return self._state.id

    @property
    def connected(self) -> bool:
        """True while events reach the server."""
        return self._state.connected

    @property
    def active(self) -> bool:
        """True while it is connected or tries to connect."""
        return self._state.active

    @property
    def recovered(self) -> bool:
        """Once connected: whether the server knew us still, so that the id is that of before, and what we missed has
        come."""
        return self._state.recovered

    # --- handlers ---

    def on(self, event: str) -> Callable[[RegisteredEventHandler], RegisteredEventHandler]:
        """Register the handler of an event. Raises `ValueError` if it has one, or if its name is reserved.

        Lifecycle events may have several: `connect()`, `disconnect(reason)`, `connect_error(error)`. To wait for
        events, register a queue's `put_nowait`.
        """

        def register(handler: RegisteredEventHandler) -> RegisteredEventHandler:
            self._state.handlers.add(event, handler)
            return handler

        return register

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call `watcher`, a plain function, at once when the namespace was joined, was lost, or is not wanted any more:
        `connected` and `active` tell which. Handlers of `on` hear that in their turn, when those of earlier events have
        ended, which may wait for what only a watcher can bring about. What it raises is logged."""
        self._state.watchers.append(watcher)

    def off(self, event: str) -> None:
        """Remove the handler of an event, or all handlers of a lifecycle event. Other events are dropped."""
        self._state.handlers.drop(event)

    # --- connect and disconnect ---

    async def connect(self) -> None:
        """Join the namespace; returns once the server has admitted the client.

        Raises `Refused` with the server's message and data, `Unreachable` without a connection in `connect_timeout` ms,
        `Disconnected` if `disconnect` is called meanwhile, and the exceptions of the `auth` function. It tries once:
        the client reconnects by itself only after it has been connected.
        """
        await self._state.connect()

    async def disconnect(self) -> None:
        """Leave the namespace, and close the connection if no other namespace uses it.

        Events that arrived before are still handled; then the `disconnect` handlers run. Returns when all have finished
        (in a handler, without waiting for the handlers).
        """
        self._state.quit()
        await self._state.ended()

    # --- to the server ---

    async def emit(self, event: str, *args: Any) -> None:
        """Send an event; waits while the connection takes no more data.

        While reconnecting, up to `max_buffered_events` events wait for the connection. Raises `Disconnected` for one
        more, and when not connected.
        """
        await self._state.emit(event, args)

    async def emit_with_ack(self, event: str, *args: Any, timeout: int | None = None) -> Any:  # noqa: ASYNC109
        """Send an event and return the server's answer: the first value of its ack, None if it has none.

        Raises `AckTimeout` after `timeout` ms (None: never), and `Disconnected` as `emit` does, and also if the
        connection is lost before the answer: then it is unknown whether the server got the event. Raises `BadValue` if
        the answer breaks a limit.
        """
        return await self._state.emit_with_ack(event, args, timeout)
