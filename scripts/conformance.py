"""The servers that the public Engine.IO v4 and Socket.IO v5 suites expect, on 127.0.0.1.

Both have pingInterval 300, pingTimeout 200 and maxPayload 1000000. `engine` echoes every Engine.IO message in
its type on `/engine.io/`. `socket`, on `/socket.io/` with connectTimeout 1000, emits `auth` on connect,
answers `message` with `message-back`, and acknowledges `message-with-ack`; its namespace `/custom` emits
`auth` on connect. `--asgi` uses the plain ASGI websocket instead of the fast one, under the ASGI server that it names.

The suites wait for one message after the other, and miss some if their websocket dispatches several in one turn: as
browsers do it, `ws` must be given `allowSynchronousEvents: false` in their `node-imports.js`.
"""

import argparse
import os
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from protocol import EngineServer, Server, Socket
from scripts.asgi_servers import SERVERS, command

TIMERS: dict[str, Any] = {
    "ping_interval": 300,
    "ping_timeout": 200,
    "max_payload": 1_000_000,
    "cors_origins": "*",
}


def engine_server() -> EngineServer:
    """Echoes every message."""
    return EngineServer(lambda session, message: session.send_message(message), path="/engine.io/", **TIMERS)


def socket_server() -> Server:
    """The events that the Socket.IO suite uses."""
    io = Server(path="/socket.io/", connect_timeout=1000, **TIMERS)

    async def greet(socket: Socket) -> None:
        await socket.emit("auth", socket.handshake.auth)

    async def echo(socket: Socket, *args: Any) -> None:
        await socket.emit("message-back", *args)

    async def acknowledge(_: Socket, *args: Any) -> tuple[Any, ...]:
        return args

    io.on("connection")(greet)
    io.on("message")(echo)
    io.on("message-with-ack")(acknowledge)
    io.of("/custom").on("connection")(greet)
    return io


def application(server: EngineServer | Server) -> Starlette:
    """A server where the suite expects it."""
    return Starlette(routes=[Mount(server.options.path.rstrip("/"), app=server)], lifespan=server.lifespan)


engine, socket = application(engine_server()), application(socket_server())


def main() -> None:
    """Serve until stopped."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("suite", choices=("engine", "socket"))
    arguments.add_argument("--port", type=int, default=3000)
    arguments.add_argument(
        "--asgi",
        nargs="?",
        const=SERVERS[0],
        choices=SERVERS,
        help="use the plain ASGI websocket instead of the fast one, under this server",
    )
    chosen = arguments.parse_args()
    if chosen.asgi:
        serving = command(chosen.asgi, f"scripts.conformance:{chosen.suite}", chosen.port)
        os.execv(serving[0], serving)  # noqa: S606  # nosec B606 - no shell is wanted
    server = engine_server() if chosen.suite == "engine" else socket_server()
    ws: Any = server.websocket_protocol
    uvicorn.run(
        application(server),
        host="127.0.0.1",
        port=chosen.port,
        ws=ws,
        ws_per_message_deflate=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
