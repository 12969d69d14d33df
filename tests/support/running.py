"""A server of the tests: uvicorn in this event loop, on a port of its own, with one of the two websocket shells."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from protocol import EngineServer, Server
from tests.support.closing import stop_listening
from tests.support.waiting import until

RAW, ASGI = SHELLS = ("raw", "asgi")


class Running:
    """A served server. `uvicorn` is stopped in order by `stop`, and as a signal would do it by its `shutdown`."""

    def __init__(self, server: Server | EngineServer, shell: str) -> None:
        self.server = server
        self.shell = shell
        self.path = server.options.path
        self.uvicorn: uvicorn.Server
        self.port = 0

    async def start(self, port: int = 0, app: Starlette | None = None) -> "Running":
        """Serve the server, or an application around it."""
        ws: Any = self.server.websocket_protocol if self.shell == RAW else "websockets-sansio"
        config = uvicorn.Config(
            app
            or Starlette(
                routes=[Mount(self.path.rstrip("/"), app=self.server)], lifespan=self.server.lifespan
            ),
            host="127.0.0.1",
            port=port,
            http=self.server.http_protocol,
            ws=ws,
            ws_per_message_deflate=False,
            lifespan="on",
            log_config=None,
            access_log=False,
        )
        config.load()
        self.uvicorn = uvicorn.Server(config)
        self.uvicorn.lifespan = config.lifespan_class(config)
        await self.uvicorn.startup()
        self.port = self.uvicorn.servers[0].sockets[0].getsockname()[1]
        return self

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def url(self, query: str) -> str:
        return f"{self.origin}{self.path}?{query}"

    async def stop(self) -> None:
        """End the sessions, then the connections; at once, where `uvicorn.shutdown` would wait a while."""
        for server in self.uvicorn.servers:
            await stop_listening(server)
        await self.uvicorn.lifespan.shutdown()
        for connection in list(self.uvicorn.server_state.connections):
            connection.shutdown()
        await until(lambda: not self.uvicorn.server_state.connections)
        await until(lambda: not self.uvicorn.server_state.tasks)


Serve: TypeAlias = Callable[..., Awaitable[Running]]
