"""The model of the network between clients and instances: bytes that take their time, and connections that break.

A direction of a connection keeps the order of its bytes, as TCP does. What may happen to it: each write takes a time of
its own; the connection is cut, which both ends learn; it vanishes, which neither learns before it looks; it stalls
for a while, and what was written comes then. A new connection may be refused.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from functools import partial
from random import Random
from typing import Any, Protocol

from tests.simulation.virtual_loop import VirtualLoop

CONNECT_WITHIN = 3.0  # seconds, by which a connection that nobody answers has failed


class Listener(Protocol):
    """An instance, as the network sees it."""

    name: str
    up: bool
    context: Context

    def accept(self, random: Random, *, polling: bool) -> asyncio.Protocol:
        """The protocol of a new connection."""
        ...


class Connection:
    """Two ends, and what is between them."""

    def __init__(self, loop: VirtualLoop, random: Random, delay: float, client: str, server: str) -> None:
        self.loop = loop
        self.random = random
        self.delay = delay
        self.client, self.server = client, server
        self.stalled = False
        self.vanished = False
        self.ends: tuple[End, End] = (End(self, 0), End(self, 1))

    def cut(self) -> None:
        """Break it; each end learns that after its own time."""
        for end in self.ends:
            self.loop.call_later(
                self._time(), end.break_off, ConnectionResetError("cut"), context=end.context
            )

    def die(self) -> None:
        """The instance is killed: its end is gone, and what it has not sent yet never comes."""
        self.ends[1].protocol = None
        self.ends[1].lost = True
        self.cut()

    def vanish(self) -> None:
        """From now on nothing that is written arrives."""
        self.vanished = True

    def stall(self, *, stalled: bool) -> None:
        """Hold what is on its way, or let it go on."""
        self.stalled = stalled
        if not stalled:
            for end in self.ends:
                self.loop.call_soon(end.deliver, context=end.context)

    @property
    def open(self) -> bool:
        """True while an end does not know that it has ended."""
        return not all(end.lost for end in self.ends)

    def arrival(self, after: float) -> float:
        """When what is written now arrives, which is not before `after`."""
        return max(after, self.loop.time() + self._time())

    def _time(self) -> float:
        return self.delay * (0.5 + self.random.random())


class End(asyncio.Transport):
    """One end of a connection, as its protocol has it."""

    def __init__(self, connection: Connection, number: int) -> None:
        super().__init__()
        self.connection = connection
        self.protocol: asyncio.Protocol | None = None
        self.context = Context()  # what its protocol runs in
        self.lost = False
        self._number = number
        self._closing = False
        self._paused = False
        self._pipe: deque[tuple[float, bytes | None]] = (
            deque()
        )  # towards this end; None: the other one has closed
        self._last = 0.0
        self._broken_by: Exception | None = None  # while the connection is stalled

    @property
    def other(self) -> "End":
        """The other end."""
        return self.connection.ends[1 - self._number]

    # --- asyncio's side ---

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What servers ask about a connection."""
        return ("127.0.0.1", 1) if name == "peername" else default

    def get_write_buffer_size(self) -> int:
        """Bytes that have not arrived, while the connection does not take them."""
        held = self.connection.stalled or self.other._paused
        return sum(len(data) for _, data in self.other._pipe if data) if held else 0

    def is_closing(self) -> bool:
        """True once it takes no more."""
        return self._closing or self.lost

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes on their way."""
        if not self.is_closing() and data:
            self.other.expect(bytes(data))

    def pause_reading(self) -> None:
        """Let nothing in."""
        self._paused = True

    def resume_reading(self) -> None:
        """Let in what came meanwhile."""
        if self._paused:
            self._paused = False
            self.connection.loop.call_soon(self.deliver, context=self.context)

    def close(self) -> None:
        """End it after what was written."""
        if not self.is_closing():
            self._closing = True
            self.other.expect(None)
            self.connection.loop.call_soon(self.lose, None, context=self.context)

    def abort(self) -> None:
        """End it at once."""
        if not self.lost and not self._closing:
            self._closing = True
            connection = self.connection
            connection.loop.call_soon(self.lose, None, context=self.context)
            if not connection.vanished:
                connection.loop.call_later(
                    connection._time(),
                    self.other.break_off,
                    ConnectionResetError("reset"),
                    context=self.other.context,
                )

    # --- the network's side ---

    def expect(self, data: bytes | None) -> None:
        """Bytes are on their way here, or the other end's goodbye."""
        if not self.connection.vanished:
            self._last = self.connection.arrival(self._last)
            self._pipe.append((self._last, data))
            self.connection.loop.call_at(self._last, self.deliver, context=self.context)

    def deliver(self) -> None:
        """Let in what has arrived."""
        now, pipe, connection = self.connection.loop.time(), self._pipe, self.connection
        if self._broken_by is not None and not connection.stalled:
            self.lose(self._broken_by)
        while pipe and pipe[0][0] <= now and not (self._paused or self.lost or connection.stalled):
            _, data = pipe.popleft()
            if connection.vanished:
                pipe.clear()
            elif data is None:
                self.lose(None)
            elif self.protocol is not None and not (self._closing and self._number):
                self.protocol.data_received(data)

    def break_off(self, error: Exception) -> None:
        """The connection is broken."""
        if self.connection.stalled:
            self._broken_by = error
        else:
            self.lose(error)

    def lose(self, error: Exception | None) -> None:
        """Tell the protocol that it is over, once."""
        if not self.lost:
            self.lost = True
            self._pipe.clear()
            protocol, self.protocol = self.protocol, None
            if protocol is not None:
                protocol.connection_lost(error)


class Network:
    """All connections of clients. Who connects gets to one of the `listeners`, as behind a load balancer."""

    def __init__(self, loop: VirtualLoop, random: Random, delay: float) -> None:
        self.listeners: list[Listener] = []
        self.connections: list[Connection] = []
        self.cut_off: set[str] = set()  # clients and instances that cannot be reached
        self.polling: set[str] = set()  # clients that begin by polling
        self._loop = loop
        self._random = random
        self._delay = delay

    async def connect(self, factory: Callable[[], asyncio.Protocol], host: str) -> asyncio.Transport:
        """Connect a client, whose name is the host that it asks for. Raises `OSError`."""
        random = Random(self._random.random())
        await asyncio.sleep(self._delay * (0.5 + random.random()))
        up = [listener for listener in self.listeners if listener.up]
        chosen = random.choice(up) if up else None
        if chosen is None:
            raise ConnectionRefusedError("nobody listens")
        if self.cut_off & {host, chosen.name}:
            await asyncio.sleep(CONNECT_WITHIN)
            raise TimeoutError("nobody answers")
        connection = Connection(self._loop, random, self._delay, host, chosen.name)
        self.connections.append(connection)
        accept = partial(chosen.accept, random, polling=host in self.polling)
        ends = connection.ends
        for end, context, make in zip(ends, (copy_context(), chosen.context), (factory, accept), strict=True):
            end.context = context
            end.protocol = context.run(make)
        for end in reversed(ends):
            assert end.protocol is not None
            end.context.run(end.protocol.connection_made, end)
        return ends[0]

    def of(self, name: str) -> list[Connection]:
        """The connections of a client or of an instance."""
        return [each for each in self.connections if each.open and name in (each.client, each.server)]
