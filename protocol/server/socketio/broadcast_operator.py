"""Recipients and delivery on a server: the chain behind `io.to("a").local.timeout(1000).emit_with_ack(...)`."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from protocol.cluster.requests import SocketDetails
from protocol.cluster.stream_records import Join, Record, Target
from protocol.errors import AckTimeout, BadValue
from protocol.server.config.event_names import check_name
from protocol.server.namespaces.local_namespace import LocalNamespace
from protocol.server.socketio.remote_socket import RemoteSocket
from protocol.server.socketio.selection import EVERYBODY, Selection
from protocol.socketio.acknowledgement import first_value

if TYPE_CHECKING:
    from protocol.server.socketio.socket import Socket


class BroadcastOperator(Selection):
    """A selection of sockets in one namespace of a server, and the time in ms to wait for their answers."""

    __slots__ = ("_is_local", "_namespace", "_timeout")

    def __init__(
        self,
        namespace: LocalNamespace,
        target: Target = EVERYBODY,
        *,
        volatile: bool = False,
        is_local: bool = False,
        timeout: int | None = None,
    ) -> None:
        """`is_local`: sockets of this instance alone. `timeout` is in ms."""
        # What `Selection.__init__` does, without the call: one is made for each emit.
        self._publisher = namespace.adapter
        self._nsp = namespace.name
        self._target = target
        self._volatile = volatile
        self._namespace = namespace
        self._is_local = is_local
        self._timeout = timeout

    def _with(self, target: Target, *, volatile: bool) -> Self:
        return type(self)(
            self._namespace, target, volatile=volatile, is_local=self._is_local, timeout=self._timeout
        )

    @property
    def local(self) -> "BroadcastOperator":
        """Only sockets of this instance."""
        return BroadcastOperator(
            self._namespace, self._target, volatile=self._volatile, is_local=True, timeout=self._timeout
        )

    def timeout(self, milliseconds: int) -> "BroadcastOperator":
        """The time that `emit_with_ack` and `fetch_sockets` wait."""
        return BroadcastOperator(
            self._namespace,
            self._target,
            volatile=self._volatile,
            is_local=self._is_local,
            timeout=milliseconds,
        )

    async def _publish(self, record: Record) -> None:
        if self._is_local:
            self._namespace.adapter.deliver_here(record)
            if isinstance(record, Join):
                await self._namespace.adapter.announced(self._nsp, record.rooms)
        else:
            await self._namespace.adapter.publish(record)

    async def emit_with_ack(self, event: str, *args: Any) -> list[Any]:
        """Send an event and return the list of the clients' answers, the first value of each.

        Raises `AckTimeout`, with the answers that arrived, if some clients did not answer in time or left before they
        answered, and `BusUnavailable`. Without a timeout it waits for `requests_timeout`; if it is `local`, without a
        limit.
        """
        if self._is_local:
            return await self._ask_here(event, *args)
        return await self._namespace.adapter.asker.ask_clients(self._broadcast(event, args), self._timeout)

    async def _ask_here(self, event: str, *args: Any) -> list[Any]:
        check_name(event)
        namespace = self._namespace
        sockets = namespace.audience(self._target)
        answers: asyncio.Queue[list[Any] | BadValue | None] = asyncio.Queue()
        number = namespace.send_with_ack(sockets, [event, *args], answers.put_nowait)
        responses: list[Any] = []
        missing = 0
        try:
            async with asyncio.timeout(None if self._timeout is None else self._timeout / 1000):
                for _ in sockets:
                    values = await answers.get()
                    if isinstance(values, list):
                        responses.append(first_value(values))
                    else:
                        missing += 1
        except TimeoutError as error:
            raise AckTimeout(responses=responses) from error
        finally:
            for socket in sockets:
                socket.client.connection.take_ack(namespace.name, number)
        if missing:
            raise AckTimeout(f"{missing} clients left before they answered, or broke a limit", responses)
        return responses

    async def fetch_sockets(self) -> Sequence["Socket | RemoteSocket"]:
        """The selected sockets on all instances: `Socket` for those of this instance, `RemoteSocket` for the others.

        Raises `AckTimeout` if a server did not answer within the timeout (default: `requests_timeout`), with the
        sockets of the others as its `responses`, and `BusUnavailable`.
        """
        namespace = self._namespace
        if self._is_local:
            return [socket.facade for socket in namespace.select(self._target)]
        seen = namespace.facade

        def remote(details: SocketDetails) -> RemoteSocket:
            return RemoteSocket(seen, details)

        return await namespace.adapter.asker.fetch_sockets(
            namespace.name, self._target, self._timeout, remote
        )
