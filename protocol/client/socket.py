"""One namespace of a client, as applications see it."""

from collections.abc import Callable
from typing import Any

from protocol.client.handlers import RegisteredEventHandler
from protocol.client.socket_state import AuthPayload, ClientSocketState


class ClientSocket:
    """A namespace of a client.

    Handlers are called as `handler(*args)`, in the order of the events, one at a time; they may be coroutine
    functions or plain ones, and may wait for acks. What one returns is the ack (a tuple: several values).
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
        """What it is joined with: an object, or a function (plain or coroutine) that is called for each time."""
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
        """Whether events reach the server now."""
        return self._state.connected

    @property
    def active(self) -> bool:
        """Whether it is connected or tries to be."""
        return self._state.active

    @property
    def recovered(self) -> bool:
        """Once connected: whether the server knew us still, so that the id is that of before, and what we missed has
        come."""
        return self._state.recovered

    # --- handlers ---

    def on(self, event: str) -> Callable[[RegisteredEventHandler], RegisteredEventHandler]:
        """Register a handler for an event; each event has one.

        The lifecycle's own may have several: `connect()`, `disconnect(reason)`, `connect_error(error)`. A
        queue's `put_nowait` makes a good handler where events are to be waited for.
        """

        def register(handler: RegisteredEventHandler) -> RegisteredEventHandler:
            self._state.handlers.add(event, handler)
            return handler

        return register

    def off(self, event: str) -> None:
        """Take back the handler of an event, or all of a lifecycle's. An event without one is dropped."""
        self._state.handlers.drop(event)

    # --- connect and disconnect ---

    async def connect(self) -> None:
        """Join the namespace; return once the server has let us in.

        Raises `Refused` with the server's message and data, `Unreachable` if no connection comes about within
        `connect_timeout`, `Disconnected` if `disconnect` is called meanwhile, and what the `auth` function
        raises. It is tried once: only a connection that was there and broke is made again by itself.
        """
        await self._state.connect()

    async def disconnect(self) -> None:
        """Leave the namespace, and close the connection if no other one uses it.

        What came before is still handled; then the `disconnect` handlers run. Returns when all that has ended (in a
        handler, without waiting for the handlers).
        """
        self._state.quit()
        await self._state.ended()

    # --- to the server ---

    async def emit(self, event: str, *args: Any) -> None:
        """Send an event; waits while the connection takes no more.

        While reconnecting, up to `max_buffered_events` wait for the connection. Raises `Disconnected` for one more, and
        when not connected.
        """
        await self._state.emit(event, args)

    async def emit_with_ack(self, event: str, *args: Any, timeout: int | None = None) -> Any:  # noqa: ASYNC109
        """Send an event and wait for the server's answer: the first value of its ack, None if it has none.

        Raises `AckTimeout` after `timeout` ms (None: never), and `Disconnected` as `emit` does and when the connection
        is lost before the answer came: whether the server has got the event is not known then. Raises `BadValue` where
        the answer came and cannot be carried.
        """
        return await self._state.emit_with_ack(event, args, timeout)
