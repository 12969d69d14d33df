#!/usr/bin/env bash
# python-socketio 5.18.1 (python-engineio 4.15.1), AsyncClient over websocket: when the server is silent for longer than pingInterval
# and pingTimeout, the task that reads puts None into the queue of packets, waits for the task that writes to end by it,
# and only then says "disconnect" and connects again. Where a packet of the application is in the queue just before None,
# the writer takes both at once, sends the packet and forgets the None. From then on the client is "connected" for as
# long as the application goes on sending: it reads no more, and its writer gives up only after some seconds without a
# packet. One that retries what is not answered, as chats do, never comes back.
#
# Seen, with a server that stops to answer after the first event, and a pingInterval and pingTimeout of 0.5 s each: a
# client that is silent says "disconnect" after a second, one that goes on emitting has not after ten.
# Parley: the soak's own devices on python-socketio end such a connection after two calls without an answer.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check python-socketio==5.18.1 python-engineio==4.15.1 aiohttp==3.14.5
cat >"$folder/silent.py" <<'PYTHON'
import asyncio
import json
import sys
import time

import socketio
from aiohttp import web

OPEN = {"sid": "s", "upgrades": [], "pingInterval": 500, "pingTimeout": 500, "maxPayload": 1_000_000}
PATIENCE = 10.0


async def serve(request):
    """Let a client in, and say nothing more; what it sends is read."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.send_str("0" + json.dumps(OPEN))
    async for message in socket:
        if message.data.startswith("40"):
            await socket.send_str('40{"sid":"a"}')
    return socket


async def noticed_after(port, *, emits):
    """Seconds from the connection to the event `disconnect`; None if it does not come."""
    client = socketio.AsyncClient(reconnection=False, handle_sigint=False)
    gone = asyncio.Event()
    client.on("disconnect", lambda _reason: gone.set())
    await client.connect(f"http://127.0.0.1:{port}", transports=["websocket"])
    began = time.monotonic()

    async def emit():
        while True:
            await client.emit("x", "y")
            await asyncio.sleep(0.2 if time.monotonic() > began + 2 else 0)  # before: in each turn of the loop

    emitting = asyncio.create_task(emit()) if emits else None
    try:
        async with asyncio.timeout(PATIENCE):
            await gone.wait()
        return round(time.monotonic() - began, 1)
    except TimeoutError:
        return None
    finally:
        if emitting is not None:
            emitting.cancel()


async def main():
    app = web.Application()
    app.router.add_get("/socket.io/", serve)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    seen = await noticed_after(port, emits=False), await noticed_after(port, emits=True)
    print("seconds until `disconnect`: of a silent client", seen[0], "of one that emits", seen[1])
    return 0 if seen[0] is not None and seen[1] is None else 1


sys.exit(asyncio.run(main()))
PYTHON
timeout 120 "$folder/venv/bin/python" "$folder/silent.py"
