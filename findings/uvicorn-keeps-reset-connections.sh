#!/usr/bin/env bash
# uvicorn 0.54.0 keeps an HTTP connection that its client has reset until `timeout_keep_alive` has passed.
#
# `connection_lost` cancels the timer only where there was no error. So the protocol object, with the head of the last
# request (64 KiB with some clients), stays for as long as the connection might have lain idle: 5 s by default, and longer
# behind proxies that keep connections, where more is wanted. Whoever asks, resets and connects again makes it pile up.
#
# Seen: of 200 connections 0 objects are left after an orderly close, 200 after a reset.
# Parley: protocol/server/uvicorn_http/idle_connections.py cancels the timer however the connection ends.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check uvicorn==0.54.0 httptools==0.9.0
cat >"$folder/kept.py" <<'PYTHON'
import asyncio
import gc
import socket
import struct
import sys

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

COUNT = 200


async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


async def left_after(reset: bool) -> int:
    config = Config(app, lifespan="off", log_config=None, timeout_keep_alive=80)
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: HttpToolsProtocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    port = server.sockets[0].getsockname()[1]
    for _ in range(COUNT):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        if reset:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()
    while state.connections:
        await asyncio.sleep(0.01)
    server.close()
    gc.collect()
    return sum(isinstance(found, HttpToolsProtocol) for found in gc.get_objects())


closed, reset = asyncio.run(left_after(False)), asyncio.run(left_after(True))
print(f"of {COUNT} connections are left: {closed} that were closed, {reset} that were reset")
sys.exit(0 if closed == 0 and reset == COUNT else 1)
PYTHON
"$folder/venv/bin/python" "$folder/kept.py"
