"""Sending events to the clients of a cluster from a process that is not a server."""

import copy
from typing import Any, Self

from protocol.cluster.interest.routing_keys import RoutingKeys
from protocol.cluster.stream_records import ServerSideEmit
from protocol.server.bus.stream_writer import StreamWriter
from protocol.server.config.event_names import check_server_side_name
from protocol.server.routing.inbox_writer import InboxWriter
from protocol.server.socketio.broadcast_batch import BroadcastBatch
from protocol.server.socketio.selection import Selection

UID = "emitter"  # of all emitters, Node's too


class Emitter:
    """Sends events to the clients of a cluster from another process, in one namespace: `/`, or that of `of`.

        async with Emitter("redis://redis:6379/0") as emitter:
            await emitter.to("room 1").emit("news", {"text": "…"})

    The options are those of `RedisBus`, and must have the same values as on the servers. Use it between `start` and
    `stop`, or with `async with`. When a call returns, Redis has stored the event; otherwise it raises `BusUnavailable`.
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
        by_interest: bool = False,
    ) -> None:
        """`by_interest`: the servers have the `InterestBus`; they have one stream each then, and no `stream_count`."""
        self.name = "/"
        self._publisher: StreamWriter | InboxWriter
        if by_interest:
            self._publisher = InboxWriter(
                url, RoutingKeys(stream), max_len=max_len, timeout=publish_timeout, max_waiting=max_waiting
            )
            return
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
        """An emitter for another namespace, on the same connection."""
        other = copy.copy(self)
        other.name = name if name.startswith("/") else f"/{name}"
        return other

    # --- life ---

    async def start(self) -> None:
        """Start. The connection to Redis opens with the first event."""
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
        return Selection(self._publisher, self.name)

    def to(self, *rooms: str) -> Selection:
        """Sockets in any of `rooms`."""
        return self._all.to(*rooms)

    in_ = to

    def except_(self, *rooms: str) -> Selection:
        """All sockets except those in `rooms`."""
        return self._all.except_(*rooms)

    @property
    def volatile(self) -> Selection:
        """All sockets; drops the event for clients that cannot take it at once."""
        return self._all.volatile

    def batch(self, *, kept: bool = False) -> BroadcastBatch:
        """Collects what is sent within `async with`, and sends it as one record at the end of the block.

        A record that is `kept` is not waited for, and survives a Redis that is unavailable: see `BroadcastBatch`.
        """
        return BroadcastBatch(self._publisher, self.name, kept=kept)

    async def emit(self, event: str, *args: Any) -> None:
        """Send an event to all clients in the namespace. Raises `BusUnavailable`."""
        await self._all.emit(event, *args)

    async def sockets_join(self, *rooms: str) -> None:
        """Make all sockets join rooms."""
        await self._all.sockets_join(*rooms)

    async def sockets_leave(self, *rooms: str) -> None:
        """Make all sockets leave rooms."""
        await self._all.sockets_leave(*rooms)

    async def disconnect_sockets(self, close: bool = False) -> None:
        """Disconnect all sockets; with `close`, end their sessions."""
        await self._all.disconnect_sockets(close=close)

    async def server_side_emit(self, event: str, *args: Any) -> None:
        """Send an event to the servers that have the namespace; see `Namespace.on_server_side`."""
        check_server_side_name(event)
        await self._publisher.publish(ServerSideEmit(self.name, [event, *args]))
