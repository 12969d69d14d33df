"""Where other instances bring what clients ask for the sessions of this one. Without the secret that the instances
share it answers nothing, and with it no more than polls and websockets of sessions that are here."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from protocol.engineio import packets as engine
from protocol.server.engineio.hub import Hub
from protocol.server.http.asgi import Receive, Scope, Send, read_body, respond
from protocol.server.transports import polling
from protocol.server.transports.websocket import WebSocketProtocol

_KEEP_ALIVE = (
    90  # seconds; longer than other instances keep a connection, so that it does not end under a request
)
_BACKLOG = 2048
_END_WITHIN = 1.0  # seconds that the last answers have
_LONGEST_LIST = 1 << 24  # bytes


class PrivateListener:
    """uvicorn's HTTP on a socket of its own. `knows` tells whether a credential is the right one."""

    def __init__(self, hub: Hub, knows: Callable[[bytes], bool]) -> None:
        self._hub = hub
        self._knows = knows
        self._server: asyncio.Server
        self._connections: set[Any] = set()

    async def start(self, host: str, port: int) -> str:
        """Listen; the address is returned as `host:port`. Raises `OSError`."""
        from uvicorn import Config
        from uvicorn.server import ServerState

        from protocol.server.private_listener.listener_http import PrivateHttpProtocol

        config = Config(
            self._serve,
            http=PrivateHttpProtocol.told(self._hub, self._knows),
            ws=WebSocketProtocol.for_hub(self._hub, private=True),
            interface="asgi3",
            lifespan="off",
            proxy_headers=False,
            server_header=False,
            date_header=False,
            access_log=False,
            log_config=None,
            timeout_keep_alive=_KEEP_ALIVE,
        )
        config.load()
        state = ServerState()
        self._connections = state.connections
        self._server = await asyncio.get_running_loop().create_server(
            lambda: config.http_protocol_class(config=config, server_state=state, app_state={}),  # type: ignore[call-arg]
            host,
            port,
            backlog=_BACKLOG,
        )
        bound = self._server.sockets[0].getsockname()[1]
        return f"[{host}]:{bound}" if ":" in host else f"{host}:{bound}"

    async def stop(self) -> None:
        """Take no more, and give the answers that are under way some time."""
        self._server.close()
        for connection in list(self._connections):
            connection.shutdown()
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_WITHIN):
                while self._connections:  # noqa: ASYNC110 - uvicorn has no event for it
                    await asyncio.sleep(0.01)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "DELETE":
            await self._let_go(receive, send)
        else:
            await polling.serve(self._hub, scope, receive, send, forwarded=True)

    async def _let_go(self, receive: Receive, send: Send) -> None:
        """Answer GETs that wait with nothing, by the ids of their sessions: the instance that they came to stops, and
        their clients shall find another one."""
        body = await read_body(receive, _LONGEST_LIST) or b""
        for sid in body.decode().split():
            link = self._hub.links.get(sid)
            if (
                link is not None
                and isinstance(link.transport, polling.PollingTransport)
                and link.session.writable
            ):
                link.send(engine.NOOP)
        await respond(send, 200, b"", ())
