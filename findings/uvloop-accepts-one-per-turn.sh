#!/usr/bin/env bash
# uvloop 0.23.0: a listening socket gives one connection in each turn of the loop, however many wait.
#
# asyncio's own loop accepts up to `backlog` connections in one turn (asyncio/selector_events.py, _accept_connection). With
# uvloop each of 64 waiting connections takes a turn of its own. Where a turn is long, since the process serves many
# others, a crowd of clients that comes at once is let in at the pace of the turns: 5 ms of work in each turn let in 200
# a second, and the kernel's queue overflows meanwhile.
# A server must keep its turns short while connections wait, and its backlog long.
# Exits with 1 if either loop behaves otherwise than this.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uvloop==0.23.0
cat >accepting.py <<'PYTHON'
import asyncio
import socket
import sys

import uvloop

WAITING = 64


class Taken(asyncio.Protocol):
    turn = 0
    turns: list[int] = []

    def connection_made(self, transport):
        self.turns.append(Taken.turn)


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Taken, "127.0.0.1", 0, backlog=1024)
    address = server.sockets[0].getsockname()
    clients = [socket.create_connection(address) for _ in range(WAITING)]  # the kernel has them all now
    while len(Taken.turns) < WAITING:
        Taken.turn += 1
        await asyncio.sleep(0)
    for client in clients:
        client.close()
    server.close()
    print(len(set(Taken.turns)))


(uvloop if sys.argv[1] == "uvloop" else asyncio).run(main())
PYTHON
asyncio=$(venv/bin/python accepting.py asyncio)
uvloop=$(venv/bin/python accepting.py uvloop)
printf '64 waiting connections are accepted in %s turn(s) by asyncio, in %s by uvloop\n' "$asyncio" "$uvloop"
[ "$asyncio" = 1 ] && [ "$uvloop" = 64 ]
