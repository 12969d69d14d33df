"""The asyncio client: the parts put together, behind the names that an application uses."""

from types import TracebackType
from typing import Any, Self

from protocol.client.options import ClientOptions
from protocol.client.reconnection import Reconnector
from protocol.client.socket import ClientSocket
from protocol.client.socket_state import AuthPayload, ClientSocketState
from protocol.websocket.client_handshake import parse_url


class Client(ClientSocket):
    """A Socket.IO client over a websocket; it is its own namespace, the main one unless told otherwise.

        async with Client("https://chat.example", auth={"token": "…"}) as client:
            client.on("news")(print)
            answer = await client.emit_with_ack("hello", {"binary": b"…"}, timeout=5000)

    `url` begins with `http`, `https`, `ws` or `wss`. `auth` is sent to join the namespace: an object, or a plain or
    coroutine function that is called for each join. The other keyword arguments are those of `ClientOptions`.

    After a lost connection the client reconnects, with growing delays, and joins its namespaces again. It does not
    after `disconnect`, after the server disconnected or refused it, or if the first `connect` fails. `connect` and
    `async with` raise `Refused`, `Unreachable` and `Disconnected`.
    """

    def __init__(
        self, url: str, *, namespace: str = "/", auth: AuthPayload | None = None, **options: Any
    ) -> None:
        checked = ClientOptions(**options)
        self._link = Reconnector(parse_url(url, checked.path), checked)
        self._namespaces: dict[str, ClientSocket] = {}
        super().__init__(self._new_state(_checked_name(namespace), auth))
        self._namespaces[self.name] = self

    def of(self, namespace: str, *, auth: AuthPayload | None = None) -> ClientSocket:
        """Another namespace over the same connection, made at the first call; `connect` joins it."""
        name = _checked_name(namespace)
        socket = self._namespaces.get(name)
        if socket is None:
            socket = self._namespaces[name] = ClientSocket(self._new_state(name, auth))
        elif auth is not None:
            socket.auth = auth
        return socket

    def _new_state(self, name: str, auth: AuthPayload | None) -> ClientSocketState:
        state = self._link.sockets[name] = ClientSocketState(name, self._link, auth)
        return state

    async def disconnect(self) -> None:
        """Leave all namespaces and close the connection; otherwise like `ClientSocket.disconnect`."""
        states = list(self._link.sockets.values())
        for state in states:
            state.quit()
        for state in states:
            await state.ended()

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.disconnect()


def _checked_name(namespace: str) -> str:
    if "," in namespace:
        raise ValueError("a namespace's name has no comma")
    return namespace if namespace.startswith("/") else f"/{namespace}"
