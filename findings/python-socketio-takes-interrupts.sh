#!/usr/bin/env bash
# python-socketio 5.18.1 (python-engineio 4.15.1): the first `AsyncClient` that connects in a process takes SIGINT of its
# event loop: at Ctrl-C it cancels every task of the loop, whoever made it, and stops the loop.
#
# That is so though the program handles SIGINT itself by `signal.signal`, before or after: asyncio is told of the signal
# beside Python's handler. So a server that runs in the same loop (uvicorn takes the signal by `signal.signal`, too) has its
# requests cancelled instead of ended in order. `AsyncClient(handle_sigint=False)` leaves the signal alone.
#
# Seen: the program's own handler is called in both cases; its task, which has nothing to do with the client, is cancelled
# by default, and goes on with `handle_sigint=False`.
# Parley: its scripts and tests make such clients with `handle_sigint=False`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check python-socketio==5.18.1 python-engineio==4.15.1 aiohttp==3.14.5
cat >"$folder/interrupt.py" <<'PYTHON'
import asyncio
import os
import signal
import sys

import socketio
from aiohttp import web


async def main(**options: bool) -> None:
    server = socketio.AsyncServer(async_mode="aiohttp")
    app = web.Application()
    server.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    client = socketio.AsyncClient(reconnection=False, **options)
    await client.connect(f"http://127.0.0.1:{port}")

    signal.signal(signal.SIGINT, lambda *_: print("handled", flush=True))
    unrelated = asyncio.create_task(asyncio.sleep(1))
    unrelated.add_done_callback(lambda task: print("cancelled" if task.cancelled() else "done", flush=True))
    await asyncio.sleep(0.1)
    os.kill(os.getpid(), signal.SIGINT)
    await unrelated
    await client.disconnect()
    await runner.cleanup()


try:
    asyncio.run(main(**({"handle_sigint": False} if sys.argv[1:] else {})))
except (RuntimeError, asyncio.CancelledError):
    pass  # the loop was stopped before this had ended
PYTHON
by_default=$("$folder/venv/bin/python" "$folder/interrupt.py" 2>/dev/null | head -2 | tr '\n' ' ')
left_alone=$("$folder/venv/bin/python" "$folder/interrupt.py" alone 2>/dev/null | head -2 | tr '\n' ' ')
printf 'by default: %s\nhandle_sigint=False: %s\n' "$by_default" "$left_alone"
[ "$by_default" = "handled cancelled " ] && [ "$left_alone" = "handled done " ]
