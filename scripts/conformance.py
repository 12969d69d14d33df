"""The servers that the public Engine.IO v4 and Socket.IO v5 suites expect, on 127.0.0.1.

Both have pingInterval 300, pingTimeout 200 and maxPayload 1000000. `engine` echoes every Engine.IO message in
its type on `/engine.io/`. `socket`, on `/socket.io/` with connectTimeout 1000, emits `auth` on connect,
answers `message` with `message-back`, and acknowledges `message-with-ack`; its namespace `/custom` emits
`auth` on connect. `--asgi` uses the plain ASGI websocket instead of the fast one.
"""

import argparse
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from protocol import EngineServer, Server, Socket

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


def main() -> None:
    """Serve until stopped."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("suite", choices=("engine", "socket"))
    arguments.add_argument("--port", type=int, default=3000)
    arguments.add_argument(
        "--asgi", action="store_true", help="use the plain ASGI websocket instead of the fast one"
    )
    chosen = arguments.parse_args()
    server = engine_server() if chosen.suite == "engine" else socket_server()
    app = Starlette(routes=[Mount(server.options.path.rstrip("/"), app=server)], lifespan=server.lifespan)
    ws: Any = "websockets-sansio" if chosen.asgi else server.websocket_protocol
    uvicorn.run(
        app, host="127.0.0.1", port=chosen.port, ws=ws, ws_per_message_deflate=False, log_level="warning"
    )


if __name__ == "__main__":
    main()
