#!/usr/bin/env bash
# daphne 4.2.3 closes a websocket with 1000 or a code of applications (3000 to 4999), and with a plain int alone; empty
# bytes it does not send.
#
# ASGI has `code` of `websocket.close` as an int. daphne raises in the application's `send` for 1001, 1008, 1009 and 1011,
# and for a member of an IntEnum whatever its value; an application that does not expect that leaves the websocket open.
# For `{"type": "websocket.send", "bytes": b""}` it raises nothing, and sends nothing.
#
# Seen: 1000 and 4009 close; IntEnum 1000, 1001 and 1009 raise; of b"" and b"x" one message arrives.
# Parley: protocol/server/http/asgi.py, `websocket_close` and `websocket_send`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check daphne==4.2.3 websockets==17.4
cat >"$folder/closing.py" <<'PYTHON'
from enum import IntEnum


class Code(IntEnum):
    NORMAL = 1000


async def app(scope, receive, send):
    if scope["type"] != "websocket":
        raise ValueError("websockets only")
    code = {b"enum": Code.NORMAL}.get(scope["query_string"]) or int(scope["query_string"])
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "bytes": b""})
    await send({"type": "websocket.send", "bytes": b"x"})
    try:
        await send({"type": "websocket.close", "code": code})
    except Exception:
        await send({"type": "websocket.send", "text": "raised"})
        await send({"type": "websocket.close"})
PYTHON
cat >"$folder/ask.py" <<'PYTHON'
import asyncio
import sys

import websockets


async def messages(port: str, query: str) -> list[str | bytes]:
    for _ in range(200):
        try:
            async with websockets.connect(f"ws://127.0.0.1:{port}/?{query}", proxy=None) as socket:
                return [message async for message in socket]
        except OSError:
            await asyncio.sleep(0.05)
        except websockets.ConnectionClosed:
            return []
    raise SystemExit("daphne does not answer")


async def main(port: str) -> int:
    seen = {query: await messages(port, query) for query in ("1000", "4009", "enum", "1001", "1009")}
    for query, found in seen.items():
        print(f"{query}: {found}")
    raised = [query for query, found in seen.items() if "raised" in found]
    empty = any(b"" in found for found in seen.values())
    return 0 if raised == ["enum", "1001", "1009"] and not empty else 1


sys.exit(asyncio.run(main(sys.argv[1])))
PYTHON
port=$("$folder/venv/bin/python" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
(cd "$folder" && exec venv/bin/python -m daphne --verbosity 0 --bind 127.0.0.1 --port "$port" closing:app) &
daphne=$!
trap 'kill "$daphne"; rm -rf "$folder"' EXIT
"$folder/venv/bin/python" "$folder/ask.py" "$port"
