#!/usr/bin/env bash
# uvicorn 0.54.0 reads a request target that names the host (`GET http://host/path`, RFC 9112 §3.2.2, which every server has
# to take) differently for HTTP and for websockets: the ASGI path of a request is `/path`, that of a websocket is the whole
# URL. So an application routes such a client's polling and not its websocket.
#
# Seen: HTTP "/path"; websockets-sansio and wsproto "http://host/path".
# Parley: protocol/websocket/server_handshake.py takes the host off, where its own websocket is used (`ws=`).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    uvicorn==0.54.0 httptools==0.9.0 websockets==16.0 wsproto==1.3.2
cat >"$folder/targets.py" <<'PYTHON'
import asyncio
import sys

import uvicorn

seen = []


async def app(scope, receive, send):
    seen.append(scope["path"])
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})
    else:
        await send({"type": "websocket.close"})


UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"


async def path_of(ws, fields):
    server = uvicorn.Server(uvicorn.Config(app, port=0, ws=ws, http="httptools", lifespan="off", log_config=None))
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    reader, writer = await asyncio.open_connection(*server.servers[0].sockets[0].getsockname())
    writer.write(b"GET http://host/path HTTP/1.1\r\nHost: host\r\n" + fields + b"\r\n")
    await reader.readuntil(b"\r\n\r\n")
    writer.close()
    server.should_exit = True
    await running
    return seen.pop()


async def main():
    found = {"HTTP": await path_of("websockets-sansio", b"")}
    for ws in ("websockets-sansio", "wsproto"):
        found[ws] = await path_of(ws, UPGRADE)
    print(found)
    return found == {"HTTP": "/path", "websockets-sansio": "http://host/path", "wsproto": "http://host/path"}


sys.exit(0 if asyncio.run(main()) else 1)
PYTHON
"$folder/venv/bin/python" "$folder/targets.py"
