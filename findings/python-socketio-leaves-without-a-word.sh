#!/usr/bin/env bash
# A python-socketio client that disconnects over polling may not say so: if one of its POSTs is under way, its writing loop ends
# with that, and the queued packets that would end the session are never sent. `disconnect()` returns as if they were. The
# server keeps the client, in its rooms and shown as present, until its ping timeout. A POST is under way for a round trip
# after each event, acknowledgement and pong. python-socketio 5.18.1 with python-engineio 4.15.1, against its own server.
#
# Seen: with POSTs that take 50 ms, a client that emits and disconnects 20 ms later is told of by "ping timeout" two
# to three seconds later, one that waits until its POST is answered by "client disconnect" at once.
# Parley: it can only wait, too. Users of this client over polling wait for the acknowledgement of what they sent last, or
# better connect by websocket; docs/troubleshooting.md. The tests wait until the client's queue is empty:
# tests/support/python_client.py.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    python-socketio==5.18.1 python-engineio==4.15.1 aiohttp==3.14.5
cat >"$folder/leaves.py" <<'PYTHON'
import asyncio
import sys
import time

import socketio
from aiohttp import web

TRIP = 0.05  # seconds that a POST takes, as over a network
WITHIN = 2.5  # seconds after which the server takes a silent client for dead: interval and timeout


@web.middleware
async def trip(request, handler):
    answer = await handler(request)
    if request.method == "POST":
        await asyncio.sleep(TRIP)
    return answer


async def told(url, heard, pause):
    """How and after how many seconds the server hears that a client has left, `pause` seconds after it emitted."""
    client = socketio.AsyncClient(reconnection=False, handle_sigint=False)
    await client.connect(url, transports=["polling"])
    await client.sleep(2 * TRIP)
    await client.emit("hello")
    await client.sleep(pause)
    left = time.monotonic()
    await client.disconnect()
    reason, at = await asyncio.wait_for(heard.get(), 3 * WITHIN)
    return reason, at - left


async def main():
    heard = asyncio.Queue()
    io = socketio.AsyncServer(async_mode="aiohttp", ping_interval=1.5, ping_timeout=1)
    io.on("disconnect", lambda sid, reason: heard.put_nowait((reason, time.monotonic())))
    io.on("hello", lambda sid: None)
    app = web.Application(middlewares=[trip])
    io.attach(app)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    during, after = await told(url, heard, TRIP * 0.4), await told(url, heard, TRIP * 4)
    await io.shutdown()
    await runner.cleanup()
    for name, (reason, seconds) in {"during a POST": during, "after it": after}.items():
        print(f"disconnected {name}: the server hears {reason!r} after {seconds:.2f} s")
    lost = during[0] == "ping timeout" and during[1] > 1
    said = after[0] == "client disconnect" and after[1] < 1
    sys.exit(not (lost and said))


asyncio.run(main())
PYTHON
"$folder/venv/bin/python" "$folder/leaves.py"
