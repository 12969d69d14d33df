"""One namespace of a client, over all its connections: the state behind the `ClientSocket` that applications see."""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from enum import IntEnum
from functools import partial
from itertools import count
from typing import Any, TypeAlias

from protocol.client.connection import ClientConnection
from protocol.client.event_queue import EventQueue, QueuedEvent
from protocol.client.handlers import EventHandlers
from protocol.client.reconnection import Reconnector
from protocol.cluster.stream_positions import position_of
from protocol.engineio.client_session import DisconnectReason
from protocol.engineio.packets import Encoded
from protocol.errors import AckTimeout, Disconnected, Refused, Unreachable
from protocol.socketio.acknowledgement import ack_values, first_value
from protocol.socketio.packets import (
    RESERVED_EVENTS,
    Ack,
    Connect,
    ConnectError,
    Disconnect,
    Event,
    Packet,
    Rejected,
)

log = logging.getLogger(__name__)

AuthPayload: TypeAlias = Mapping[str, Any] | Callable[[], Mapping[str, Any] | Awaitable[Mapping[str, Any]]]


class SocketPhase(IntEnum):
    """Where a namespace stands, over all connections."""

    IDLE = 0  # not wanted
    CONNECTING = 1  # `connect` waits
    CONNECTED = 2
    RECONNECTING = 3  # it was connected; it will be again, when the connection is


class ClientSocketState:
    """The phase of a namespace, the events that wait for it, and the futures that wait for the server's answers."""

    def __init__(self, name: str, link: Reconnector, auth: AuthPayload | None) -> None:
        self.name = name
        self.auth = auth
        self.id: str | None = None
        self.recovered = False
        self.handlers = EventHandlers()
        self.watchers: list[Callable[[], None]] = []
        self._pid: str | None = None  # what we may come back with
        self._offset: str | None = None  # of the last event that came
        self._link = link
        self._phase = SocketPhase.IDLE
        self._joined: asyncio.Future[Exception | None]  # done when a try to get in ends; there unless idle
        self._reader = EventQueue(link.options.max_pending_events // 2, link.relieve)
        self._acks: dict[int, asyncio.Future[list[Any] | None]] = {}
        self._ack_ids = count()
        self._buffer: list[tuple[int | None, Encoded]] = []  # with their ack ids, while reconnecting

    def __repr__(self) -> str:
        return f"{self.name} {self._phase.name.lower()}"

    @property
    def connected(self) -> bool:
        """True while events reach the server."""
        return self._phase is SocketPhase.CONNECTED

    @property
    def active(self) -> bool:
        """True while it is connected or tries to be."""
        return self._phase is not SocketPhase.IDLE

    # --- connect and disconnect ---

    async def connect(self) -> None:
        """See `ClientSocket.connect`."""
        if self._phase is SocketPhase.CONNECTED:
            return
        ours = self._phase is SocketPhase.IDLE
        if ours:
            self._phase = SocketPhase.CONNECTING
            self._joined = asyncio.get_running_loop().create_future()
        joined = self._joined
        limit = self._link.options.connect_timeout
        try:
            async with asyncio.timeout(limit / 1000):
                await self._link.admit(self)
                error = await asyncio.shield(joined)
        except TimeoutError:
            late = Unreachable(f"the server did not let us in within {limit} ms")
            if ours and not joined.done():
                self.fail(late)
            error = joined.result() if joined.done() else late
        except asyncio.CancelledError:
            if ours and self._joined is joined:
                self.quit()
            raise
        if error is not None:
            raise error

    def quit(self) -> None:
        """Leave the namespace, and close the connection if no other one uses it."""
        connection = self._link.connection
        if self._phase is SocketPhase.CONNECTED and connection is not None:
            connection.send(connection.namespaces.leave(self.name))
            self._leave(DisconnectReason.CLIENT_DISCONNECT)
        if self.active:
            self._finish(Disconnected(DisconnectReason.CLIENT_DISCONNECT.value))
            self._link.release()

    async def ended(self) -> None:
        """Wait until nothing is left of what `quit` ends."""
        await self._reader.finish()
        await self._link.closed()

    # --- to the server ---

    async def emit(self, event: str, args: tuple[Any, ...]) -> None:
        """See `ClientSocket.emit`."""
        self._send(event, args, None)
        if self._link.connection is not None:
            await self._link.connection.drained()

    async def emit_with_ack(self, event: str, args: tuple[Any, ...], timeout: int | None) -> Any:  # noqa: ASYNC109
        """See `ClientSocket.emit_with_ack`."""
        number = next(self._ack_ids)
        answer: asyncio.Future[list[Any] | None] = asyncio.get_running_loop().create_future()
        self._send(event, args, number)
        self._acks[number] = answer
        self._link.expect(+1)
        try:
            async with asyncio.timeout(None if timeout is None else timeout / 1000):
                values = await answer
        except TimeoutError as error:
            raise AckTimeout from error
        finally:
            self._link.expect(-1)
            self._acks.pop(number, None)
            self._buffer = [item for item in self._buffer if item[0] != number]
        if values is None:
            raise Disconnected("the connection was lost before the server answered")
        return first_value(values)

    def _send(self, event: str, args: tuple[Any, ...], number: int | None) -> None:
        if event in RESERVED_EVENTS:
            raise ValueError(f"{event!r} is a reserved event name")
        item = self._link.options.parser.encode(Event([event, *args], self.name, number))
        if self._phase is SocketPhase.CONNECTED and self._link.connection is not None:
            self._link.connection.send(item)
        elif self._phase is SocketPhase.IDLE:
            raise Disconnected("not connected")
        elif len(self._buffer) >= self._link.options.max_buffered_events:
            raise Disconnected("too many events wait for the connection")
        else:
            self._buffer.append((number, item))

    # --- what the link calls ---

    @property
    def waiting(self) -> int:
        """How many events wait to be handled."""
        return self._reader.waiting

    async def credentials(self) -> dict[str, Any] | None:
        """The payload to join with."""
        auth = self.auth() if callable(self.auth) else self.auth
        if inspect.isawaitable(auth):
            auth = await auth
        if self._pid is None:
            return None if auth is None else dict(auth)
        offset = {} if self._offset is None else {"offset": self._offset}
        return {"pid": self._pid} | offset | dict(auth or {})

    def receive(self, connection: ClientConnection, packet: Packet | Rejected) -> None:
        """Take a packet of this namespace."""
        match packet:
            case Event():
                if self.active:
                    self._arrive(connection, packet)
            case Ack(id=number, data=values):
                answer = self._acks.pop(number, None)
                if answer is not None and not answer.done():
                    answer.set_result(values)
            case Connect(data=data):
                self._enter(connection, data or {})
            case ConnectError(data=error):
                self.fail(Refused(str(error.get("message", "")), error.get("data")))
            case Disconnect():
                self._leave(DisconnectReason.SERVER_DISCONNECT)
                self._finish(Disconnected(DisconnectReason.SERVER_DISCONNECT.value))
                self._link.release()
            case Rejected(packet=Ack(id=number), error=error):
                answer = self._acks.pop(number, None)
                if answer is not None and not answer.done():
                    answer.set_exception(error)
            case Rejected(packet=Event(data=[name, *_]), error=error):
                log.warning("an event %r of the server cannot be taken: %s", name, error)

    def lose(self, reason: DisconnectReason, *, final: bool) -> None:
        """The connection is gone; for good, if `final`."""
        error = Unreachable(f"the connection was lost: {reason}")
        if self._phase is not SocketPhase.CONNECTED:
            self.miss(error, final=final)
            return
        self._leave(reason)
        if final:
            self._finish(error)
        else:
            self._phase = SocketPhase.RECONNECTING
            self._joined = asyncio.get_running_loop().create_future()
            self._tell_watchers()

    def miss(self, error: Unreachable, *, final: bool) -> None:
        """An attempt to connect failed; the last one, if `final`."""
        self._notify("connect_error", error)
        if final or self._phase is SocketPhase.CONNECTING:
            self._finish(error)

    def fail(self, error: Exception) -> None:
        """It is not let in, so it tries no more."""
        if self.active:
            self._notify("connect_error", error)
            self._finish(error)
            self._link.release()

    # --- steps of these ---

    def _enter(self, connection: ClientConnection, data: Mapping[str, Any]) -> None:
        if not self.active:  # we thought better of it before the server answered
            connection.send(connection.namespaces.leave(self.name))
            return
        self.id, pid = data["sid"], data.get("pid")
        self.recovered = pid is not None and pid == self._pid
        if not self.recovered:
            self._offset = None  # which the server that we were at before gave us
        self._pid = pid if isinstance(pid, str) else None
        self._phase = SocketPhase.CONNECTED
        for _, item in self._buffer:
            connection.send(item)
        self._buffer.clear()
        self._settle(None)
        self._tell_watchers()
        self._notify("connect")

    def _leave(self, reason: DisconnectReason) -> None:
        """It was connected and is not any more."""
        self.id = None
        self._fail_acks()
        self._notify("disconnect", reason.value)

    def _finish(self, error: Exception) -> None:
        """It is not wanted any more, or cannot be had."""
        self._phase = SocketPhase.IDLE
        self._buffer.clear()
        self._fail_acks()
        self._settle(error)
        self._tell_watchers()

    def _tell_watchers(self) -> None:
        for watcher in self.watchers:
            try:
                watcher()
            except Exception:
                log.exception("a watcher of %r failed", self)

    def _settle(self, error: Exception | None) -> None:
        if not self._joined.done():
            self._joined.set_result(error)

    def _fail_acks(self) -> None:
        for answer in self._acks.values():
            if not answer.done():
                answer.set_result(None)
        self._acks.clear()

    def _notify(self, event: str, *args: Any) -> None:
        for handler in self.handlers.lifecycle[event]:
            self._reader.put(QueuedEvent(event, handler, args))

    def _arrive(self, connection: ClientConnection, packet: Event) -> None:
        name, *args = packet.data
        if self._pid is not None and packet.id is None and isinstance(packet.data[-1], str):
            self._offset = packet.data[-1]
            if args and position_of(self._offset) is not None:  # no argument, but where the event stands
                args.pop()
        handler = self.handlers.events.get(name)
        if handler is None:
            log.debug("no handler for %r", name)
            return
        finish = None if packet.id is None else partial(self._acknowledge, connection, self.id, packet.id)
        self._reader.put(QueuedEvent(name, handler, tuple(args), finish))
        if self._reader.waiting >= self._link.options.max_pending_events:
            self._link.throttle()

    def _acknowledge(self, connection: ClientConnection, sid: str | None, number: int, value: Any) -> None:
        """Answer an event with what its handler returned, unless the one it was sent to, `sid`, is gone: the
        number means nothing to the server any more."""
        values = ack_values(value)
        if values is not None:
            item = self._link.options.parser.encode(Ack(values, number, self.name))
            if self.id == sid:
                connection.send(item)
