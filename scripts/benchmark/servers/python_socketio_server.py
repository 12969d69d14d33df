"""The benchmark's application on python-socketio: `python_socketio_server.py PORT [REDIS_URL]`."""

import sys
from typing import Any

import socketio
import uvicorn

port, *redis = sys.argv[1:]
sio = socketio.AsyncServer(
    async_mode="asgi", client_manager=socketio.AsyncRedisManager(redis[0]) if redis else None
)


rooms: dict[str, str] = {}


@sio.event
async def connect(sid: str, _environ: dict[str, Any], auth: Any) -> None:
    """A client names its room when it connects."""
    rooms[sid] = auth["room"]
    await sio.enter_room(sid, auth["room"])


@sio.event
async def disconnect(sid: str, _reason: str) -> None:
    """Forget the client."""
    rooms.pop(sid, None)


@sio.event
async def msg(sid: str, data: Any) -> None:
    """To the client's room, the client included."""
    await sio.emit("msg", data, room=rooms[sid])


@sio.event
async def echo(_sid: str, data: Any) -> Any:
    """Acknowledge with the data."""
    return data


@sio.on("pass")
async def deliver(sid: str, data: Any) -> Any:
    """An event back to the client, and an acknowledgement."""
    await sio.emit("msg", data, to=sid)
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
