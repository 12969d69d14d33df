"""The receivers of an event on a server: the chain behind `io.to("room").local.timeout(1000).emit_with_ack(...)`."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from protocol.errors import AckTimeout, BadValue
from protocol.server.socketio.remote_socket import RemoteSocket
from protocol.server.socketio.selection import Selection, check_name
from protocol.server.socketio.socket import first

if TYPE_CHECKING:
    from protocol.server.socketio.namespace import Namespace
    from protocol.server.socketio.socket import Socket


class BroadcastOperator(Selection, frozen=True):
    """A selection of sockets in one namespace of a server, and the time in ms to wait for their answers."""

    namespace: "Namespace"
    ack_timeout: int | None = None

    @property
    def local(self) -> "BroadcastOperator":
        """Only sockets of this instance."""
        return msgspec.structs.replace(self, is_local=True)

    def timeout(self, milliseconds: int) -> "BroadcastOperator":
        """The time that `emit_with_ack` and `fetch_sockets` wait."""
        return msgspec.structs.replace(self, ack_timeout=milliseconds)

    async def emit_with_ack(self, event: str, *args: Any) -> list[Any]:
        """Send an event and return the list of the clients' answers, the first value of each.

        Raises `AckTimeout`, with the answers that arrived, if some clients did not answer in time or left before they
        answered, and `BusUnavailable`. Without a timeout it waits for `requests_timeout`; if it is `local`, without a
        limit.
        """
        if self.is_local:
            return await self._ask_here(event, *args)
        return await self.namespace.asker.ask_clients(self._broadcast(event, args), self.ack_timeout)

    async def _ask_here(self, event: str, *args: Any) -> list[Any]:
        check_name(event)
        sockets = self.namespace.select(self.target)
        answers: asyncio.Queue[list[Any] | BadValue | None] = asyncio.Queue()
        number = self.namespace.send_with_ack(sockets, [event, *args], answers.put_nowait)
        responses: list[Any] = []
        missing = 0
        try:
            async with asyncio.timeout(None if self.ack_timeout is None else self.ack_timeout / 1000):
                for _ in sockets:
                    values = await answers.get()
                    if isinstance(values, list):
                        responses.append(first(values))
                    else:
                        missing += 1
        except TimeoutError as error:
            raise AckTimeout(responses=responses) from error
        finally:
            for socket in sockets:
                socket.client.connection.take_ack(self.namespace.name, number)
        if missing:
            raise AckTimeout(f"{missing} clients left before they answered, or broke a limit", responses)
        return responses

    async def fetch_sockets(self) -> Sequence["Socket | RemoteSocket"]:
        """The selected sockets on all instances: `Socket` for those of this instance, `RemoteSocket` for the others.

        Raises `AckTimeout` if a server did not answer within the timeout (default: `requests_timeout`), with the
        sockets of the others as its `responses`, and `BusUnavailable`.
        """
        if self.is_local:
            return self.namespace.select(self.target)
        return await self.namespace.asker.fetch_sockets(self.namespace, self.target, self.ack_timeout)
