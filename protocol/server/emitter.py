"""Sending to the clients of a cluster from a process that serves none."""

import copy
from typing import Any, Self

from protocol.cluster.stream_records import Record, ServerSideEmit
from protocol.server.bus.stream_writer import StreamWriter
from protocol.server.socketio.broadcast_batch import BroadcastBatch
from protocol.server.socketio.selection import Selection, check_server_side_name

UID = "emitter"  # of all emitters, Node's too


class Emitter:
    """Sends to the clients of a cluster from any other process, in one namespace: `/`, or that of `of`.

    The options are those of `RedisBus`, and must be what the servers have. Use it between `start` and `stop`, or in
    `async with`. What it sends is stored when the call returns; that raises `BusUnavailable` else.
    """

    def __init__(
        self,
        url: str,
        *,
        stream: str = "socket.io",
        stream_count: int = 1,
        max_len: int = 10_000,
        publish_timeout: int = 5_000,
        max_waiting: int = 10_000,
    ) -> None:
        self.name = "/"
        self._publisher = StreamWriter(
            url,
            UID,
            stream=stream,
            stream_count=stream_count,
            max_len=max_len,
            timeout=publish_timeout,
            max_waiting=max_waiting,
        )

    def of(self, name: str) -> "Emitter":
        """The same for another namespace, on the same connection."""
        other = copy.copy(self)
        other.name = name if name.startswith("/") else f"/{name}"
        return other

    # --- life ---

    async def start(self) -> None:
        """Begin; Redis is connected to when there is something to send."""
        self._publisher.start()

    async def stop(self) -> None:
        """Close the connection."""
        await self._publisher.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # --- to whom, and what ---

    @property
    def _all(self) -> Selection:
        return Selection(self)

    def to(self, *rooms: str) -> Selection:
        """Sockets in any of `rooms`."""
        return self._all.to(*rooms)

    in_ = to

    def except_(self, *rooms: str) -> Selection:
        """All sockets but those in `rooms`."""
        return self._all.except_(*rooms)

    @property
    def volatile(self) -> Selection:
        """All sockets, dropping the event for those to whom it cannot leave at once."""
        return self._all.volatile

    def batch(self) -> BroadcastBatch:
        """What is sent within `async with` leaves as one record at its end."""
        return BroadcastBatch(self)

    async def emit(self, event: str, *args: Any) -> None:
        """Send an event to everybody in the namespace."""
        await self._all.emit(event, *args)

    async def sockets_join(self, *rooms: str) -> None:
        """Make everybody enter rooms."""
        await self._all.sockets_join(*rooms)

    async def sockets_leave(self, *rooms: str) -> None:
        """Make everybody leave rooms."""
        await self._all.sockets_leave(*rooms)

    async def disconnect_sockets(self, close: bool = False) -> None:
        """Disconnect everybody; with `close`, end their sessions."""
        await self._all.disconnect_sockets(close=close)

    async def server_side_emit(self, event: str, *args: Any) -> None:
        """Send an event to the servers themselves; see `Namespace.on_server_side`."""
        check_server_side_name(event)
        await self._publisher.publish(ServerSideEmit(self.name, [event, *args]))

    async def publish(self, record: Record, *, local: bool) -> None:  # noqa: ARG002 - nobody is here
        """Store a record."""
        await self._publisher.publish(record)
