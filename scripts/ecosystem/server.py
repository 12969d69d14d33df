"""The server that the clients, proxies and Node's servers are tried with. It prints its port once it serves.

`COMPATIBILITY_REDIS` names the Redis that it shares with others, then it forwards requests for sessions of others too.
programs/peer.mjs is the same server on Node. An ASGI server serves `app`.
"""

import os
import socket as sockets
import sys
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from protocol import Forwarding, RedisBus, RedisStore, Refused, Server, Socket

ADMITTED = "secret"
RECOVERY = 120_000  # ms
KEEP_ALIVE = 80  # seconds


def make_server(redis: str | None) -> Server:
    """A server whose events let clients try everything."""
    shared: dict[str, Any] = {}
    if redis:
        forwarding = Forwarding(host="127.0.0.1", secret=ADMITTED)
        shared = {"bus": RedisBus(redis), "store": RedisStore(redis), "forwarding": forwarding}
    io = Server(recovery=RECOVERY, recovery_for="asking", **shared)

    @io.use
    async def admit(socket: Socket) -> None:
        if socket.handshake.auth.get("token") != ADMITTED:
            raise Refused("no entry", {"code": 7})

    @io.on("who am i")
    async def who(socket: Socket) -> dict[str, Any]:
        return {"auth": socket.handshake.auth, "transport": socket.transport}

    @io.on("echo")
    async def echo(socket: Socket, *values: Any) -> tuple[Any, ...]:
        await socket.emit("echo", *values)
        return values

    @io.on("ask me")
    async def ask(socket: Socket, value: Any) -> Any:
        return await socket.emit_with_ack("ask", value, timeout=10_000)

    @io.on("enter")
    async def enter(socket: Socket, room: str) -> bool:
        await socket.join(room)
        return True

    @io.on("tell")
    async def tell(_: Socket, room: str, value: Any) -> bool:
        await io.to(room).emit("told", value)
        return True

    add_cluster_events(io)
    io.on("leave")(lambda socket: socket.disconnect(True))
    return io


def add_cluster_events(io: Server) -> None:
    """What concerns the clients of all servers."""

    @io.on("sockets")
    async def all_sockets(_: Socket) -> list[str]:
        return [socket.id for socket in await io.fetch_sockets()]

    @io.on("expel")
    async def expel(_: Socket, sid: str) -> bool:
        await io.in_(sid).disconnect_sockets(True)
        return True

    @io.on("greet others")
    async def greet(_: Socket, text: str) -> bool:
        await io.server_side_emit("greeting", text)
        return True

    @io.on_server_side("greeting")
    async def greeting(text: str) -> None:
        await io.local.emit("greeted", text)


async def ready(_: Request) -> PlainTextResponse:
    """A proxy looks here, as it does with the chat."""
    return PlainTextResponse("ready")


io = make_server(os.environ.get("COMPATIBILITY_REDIS"))
app = Starlette(
    routes=[Route("/health/ready", ready), Mount("/socket.io", app=io)],
    lifespan=io.lifespan,
)


def main(port: int) -> None:
    """Serve on the fast shell until stopped."""
    ws: Any = io.websocket_protocol
    config = uvicorn.Config(
        app,
        http=io.http_protocol,
        ws=ws,
        ws_per_message_deflate=False,
        timeout_keep_alive=KEEP_ALIVE,
        log_level="warning",
    )
    listener = sockets.socket()
    listener.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    print(listener.getsockname()[1], flush=True)
    uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    main(int(sys.argv[1]))
