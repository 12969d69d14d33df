"""The benchmark's application on Parley: `parley_server.py PORT raw|asgi [REDIS_URL]`.

`raw` has both protocol classes for uvicorn, as docs/server.md says; `asgi` has neither: uvicorn's HTTP, and websockets
over plain ASGI.
"""

import sys
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from protocol import Forwarding, RedisBus, RedisStore, Server, Socket

port, shell, *redis = sys.argv[1:]
shared: dict[str, Any] = {}
if redis:
    forwarding = Forwarding(host="127.0.0.1", secret="no secret")  # nosec B106 # noqa: S106 - for this machine
    shared = {"bus": RedisBus(redis[0]), "store": RedisStore(redis[0]), "forwarding": forwarding}
io = Server(**shared)


@io.on("connection")
async def join(socket: Socket) -> None:
    """A client names its room when it connects."""
    await socket.join(socket.handshake.auth["room"])


@io.on("msg")
async def broadcast(socket: Socket, data: Any) -> None:
    """To the client's room, the client included."""
    await io.to(socket.handshake.auth["room"]).emit("msg", data)


@io.on("echo")
async def echo(_: Socket, data: Any) -> Any:
    """Acknowledge with the data."""
    return data


@io.on("pass")
async def deliver(socket: Socket, data: Any) -> Any:
    """An event back to the client, and an acknowledgement."""
    await socket.emit("msg", data)
    return data


http: Any = io.http_protocol if shell == "raw" else "httptools"
ws: Any = io.websocket_protocol if shell == "raw" else "websockets-sansio"
uvicorn.run(
    Starlette(routes=[Mount("/socket.io", app=io)], lifespan=io.lifespan),
    host="127.0.0.1",
    port=int(port),
    loop="uvloop",
    http=http,
    ws=ws,
    ws_per_message_deflate=False,
    log_level="warning",
    access_log=False,
    backlog=4096,
)
