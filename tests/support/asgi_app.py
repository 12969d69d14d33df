"""The application that the tests serve under one ASGI server after the other, each in a process of its own."""

from typing import Any

from protocol import Server, Socket

app = Server(max_payload=1000)


@app.on("echo")
async def echo(socket: Socket, *args: Any) -> tuple[Any, ...]:
    await socket.emit("echo", *args)
    return args


@app.on("leave")
async def leave(socket: Socket) -> None:
    await socket.disconnect(True)
