"""An instance of the benchmark of growth: `growth_server.py PORT one|interest REDIS_URL`.

A client names its rooms when it connects. Events are sent from here, at a steady rate, since what is measured is their
way from instance to instance; each has the time at which it was due.
"""

import asyncio
import sys
import time
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from protocol import InterestBus, RedisBus, Server, Socket

port, mode, redis = sys.argv[1:]
io = Server(bus=(InterestBus if mode == "interest" else RedisBus)(redis))
PADDING = "x" * 80


@io.on("connection")
async def join(socket: Socket) -> None:
    """Each client is in its rooms."""
    await socket.join(*socket.handshake.auth["rooms"])
    await socket.emit("ready", local=True)


@io.on("send")
async def send(_: Socket, rooms: list[str], rate: float, seconds: float) -> int:
    """To one room after the other, or to all clients where there are none; returns how many events that were."""
    begun = time.monotonic()
    sends: list[asyncio.Task[None]] = []
    for number in range(round(rate * seconds)):
        due = begun + number / rate
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        target: Any = io.to(rooms[number % len(rooms)]) if rooms else io
        sends.append(asyncio.create_task(target.emit("msg", due, PADDING)))
    await asyncio.gather(*sends)
    return len(sends)


uvicorn.run(
    Starlette(routes=[Mount("/socket.io", app=io)], lifespan=io.lifespan),
    host="127.0.0.1",
    port=int(port),
    loop="uvloop",
    http="httptools",
    ws=io.websocket_protocol,  # type: ignore[arg-type] - uvicorn's own type says less
    ws_per_message_deflate=False,
    log_level="warning",
    access_log=False,
    backlog=4096,
)
