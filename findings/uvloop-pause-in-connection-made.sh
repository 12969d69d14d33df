#!/usr/bin/env bash
# uvloop 0.23.0: a protocol that pauses reading in `connection_made` is given data all the same.
#
# asyncio documents `pause_reading` as: no data is passed to the protocol until `resume_reading`. With asyncio's own loop
# that holds from `connection_made` on. uvloop begins to read after it has called `connection_made`, and takes no notice
# of the pause that was asked for there: `data_received` is called with the first bytes.
# A server that wants to decide something before it reads must pause in a later call, or keep what comes.
# Exits with 1 if either loop behaves otherwise than this.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uvloop==0.23.0
cat >paused.py <<'PYTHON'
import asyncio
import sys

import uvloop


class Paused(asyncio.Protocol):
    calls: list[str] = []

    def connection_made(self, transport):
        transport.pause_reading()
        self.calls.append("connection_made")

    def data_received(self, data):
        self.calls.append("data_received")


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Paused, "127.0.0.1", 0)
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"hello")
    await asyncio.sleep(1)
    writer.close()
    server.close()
    print(" ".join(Paused.calls))


(uvloop.run if sys.argv[1] == "uvloop" else asyncio.run)(main())
PYTHON
of_asyncio=$(venv/bin/python paused.py asyncio)
of_uvloop=$(venv/bin/python paused.py uvloop)
printf 'asyncio: %s\nuvloop:  %s\n' "$of_asyncio" "$of_uvloop"
[ "$of_asyncio" = "connection_made" ] && [ "$of_uvloop" = "connection_made data_received" ]
