"""A namespace, as applications see it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from protocol.cluster.stream_records import ServerSideEmit, Target
from protocol.server.config.event_names import check_server_side_name
from protocol.server.namespaces.local_namespace import LocalNamespace
from protocol.server.namespaces.namespace_rule import NamespaceRule
from protocol.server.socketio.broadcast_batch import BroadcastBatch
from protocol.server.socketio.broadcast_operator import BroadcastOperator
from protocol.server.socketio.handler_registry import HandlerRegistry
from protocol.server.socketio.remote_socket import RemoteSocket

if TYPE_CHECKING:
    from protocol.server.socketio.socket import Socket


class Namespace(HandlerRegistry):
    """One namespace on this instance, returned by `server.of(name)`. `name` starts with a slash; `sockets` maps ids to
    the sockets of this instance. Methods that send raise `BusUnavailable`."""

    def __init__(self, local: LocalNamespace) -> None:
        super().__init__(local.handlers)
        self._local = local
        local.is_seen_as(self)

    @property
    def name(self) -> str:
        """The name; it starts with a slash."""
        return self._local.name

    @property
    def parent(self) -> "DynamicNamespace | None":
        """What `of` returned for the pattern or function that this one was made for; None for one of `of(name)`."""
        return None if self._local.rule is None else self._local.rule.facade

    @property
    def sockets(self) -> "Mapping[str, Socket]":
        """The sockets of this instance, by id."""
        return self._local.sockets

    # --- to whom ---

    def to(self, *rooms: str) -> BroadcastOperator:
        """Sockets in any of `rooms`."""
        return BroadcastOperator(self._local, Target(rooms))

    in_ = to

    def except_(self, *rooms: str) -> BroadcastOperator:
        """All sockets except those in `rooms`."""
        return BroadcastOperator(self._local, Target((), rooms))

    @property
    def volatile(self) -> BroadcastOperator:
        """All sockets; drops the event for clients that cannot take it at once."""
        return BroadcastOperator(self._local, volatile=True)

    @property
    def local(self) -> BroadcastOperator:
        """All sockets of this instance."""
        return BroadcastOperator(self._local, is_local=True)

    def timeout(self, milliseconds: int) -> BroadcastOperator:
        """All sockets; `emit_with_ack` and `fetch_sockets` wait this long."""
        return BroadcastOperator(self._local, timeout=milliseconds)

    def batch(self, *, kept: bool = False) -> BroadcastBatch:
        """Collects what is sent within `async with`, and sends it as one record at the end of the block.

        A record that is `kept` is not waited for, and survives a bus that is unavailable: see `BroadcastBatch`.
        """
        return BroadcastBatch(self._local.adapter, self.name, kept=kept)

    async def emit(self, event: str, *args: Any) -> None:
        """Send an event to all clients in the namespace, on every instance."""
        await BroadcastOperator(self._local).emit(event, *args)

    async def emit_with_ack(self, event: str, *args: Any) -> list[Any]:
        """Send an event to all clients and return their answers. See `BroadcastOperator`."""
        return await BroadcastOperator(self._local).emit_with_ack(event, *args)

    async def fetch_sockets(self) -> "Sequence[Socket | RemoteSocket]":
        """All sockets, on every instance."""
        return await BroadcastOperator(self._local).fetch_sockets()

    async def server_side_emit(self, event: str, *args: Any) -> None:
        """Send an event to the other servers that have this namespace. Raises `BusUnavailable`."""
        check_server_side_name(event)
        await self._local.adapter.bus.request(ServerSideEmit(self.name, [event, *args]))

    async def server_side_emit_with_ack(
        self,
        event: str,
        *args: Any,
        timeout: int | None = None,  # noqa: ASYNC109
    ) -> list[Any]:
        """Send an event to the other servers that have this namespace and return the answer of each.

        Raises `AckTimeout`, with the answers that arrived, if a server did not answer within `timeout` ms (None: the
        option `requests_timeout`), and `BusUnavailable`.
        """
        check_server_side_name(event)
        return await self._local.adapter.asker.ask_servers(self.name, [event, *args], timeout)

    async def sockets_join(self, *rooms: str) -> None:
        """Make all sockets join rooms."""
        await BroadcastOperator(self._local).sockets_join(*rooms)

    async def sockets_leave(self, *rooms: str) -> None:
        """Make all sockets leave rooms."""
        await BroadcastOperator(self._local).sockets_leave(*rooms)

    async def disconnect_sockets(self, close: bool = False) -> None:
        """Disconnect all sockets; with `close`, end their sessions."""
        await BroadcastOperator(self._local).disconnect_sockets(close=close)


class DynamicNamespace(HandlerRegistry):
    """Namespaces that come to be when a client asks for them, and go when their last client leaves.

    All share the handlers registered here. Whether a name may be asked for is said by a pattern, which the whole of it
    must match, or by a function of it and the client's `auth`.
    """

    def __init__(self, rule: NamespaceRule) -> None:
        super().__init__(rule.handlers)
        self._rule = rule
        rule.facade = self

    @property
    def children(self) -> Mapping[str, Namespace]:
        """The namespaces that are there now, by name."""
        return {name: local.facade for name, local in self._rule.children.items()}
