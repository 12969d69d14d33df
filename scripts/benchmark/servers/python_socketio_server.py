"""The benchmark's application on python-socketio: `python_socketio_server.py PORT [REDIS_URL]`."""

import sys
from typing import Any

import socketio
import uvicorn

port, *redis = sys.argv[1:]
sio = socketio.AsyncServer(
    async_mode="asgi", client_manager=socketio.AsyncRedisManager(redis[0]) if redis else None
)


@sio.event
async def connect(sid: str, _environ: dict[str, Any], _auth: Any) -> None:
    """All clients are in one room."""
    await sio.enter_room(sid, "room")


@sio.event
async def msg(_sid: str, data: Any) -> None:
    """To the room, the sender included."""
    await sio.emit("msg", data, room="room")


@sio.event
async def echo(_sid: str, data: Any) -> Any:
    """Acknowledge with the data."""
    return data


uvicorn.run(
    socketio.ASGIApp(sio),
    host="127.0.0.1",
    port=int(port),
    loop="uvloop",
    http="httptools",
    ws="websockets-sansio",
    ws_per_message_deflate=False,
    log_level="warning",
    access_log=False,
    backlog=4096,
)
