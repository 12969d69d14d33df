#!/usr/bin/env bash
# uvloop 0.23.0 reads one busy connection several times in one turn of the event loop; asyncio's own loop reads it once.
#
# A protocol that takes a read as its fair share of a turn, and asks for the next turn with `call_soon` before it goes on,
# gets more reads before that turn comes, unless it calls `pause_reading` at once. So a single sender holds the loop for
# many times the 256 KiB that either loop reads at most, and every other connection waits for it.
#
# Seen: asyncio 1 read a turn at most, uvloop 2 or more (32 where the sender is fast enough; libuv's own limit).
# Parley: large reads pause the connection until its turn comes (protocol/server/uvicorn_http/lingering_close.py,
# protocol/server/transports/paced_protocol.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check uvloop==0.23.0
cat >"$folder/reads.py" <<'PYTHON'
import asyncio
import socket
import sys
import threading

import uvloop

SIZE = 256 * 2**20


class Sink(asyncio.Protocol):
    """Counts reads between two turns of the loop."""

    def __init__(self, done: asyncio.Event) -> None:
        self.loop = asyncio.get_running_loop()
        self.done, self.turn, self.reads, self.most = done, None, 0, 0

    def data_received(self, data: bytes) -> None:
        self.reads += 1
        self.most = max(self.most, self.reads)
        if self.turn is None:
            self.turn = self.loop.call_soon(self.next_turn)

    def next_turn(self) -> None:
        self.turn, self.reads = None, 0

    def connection_lost(self, error: Exception | None) -> None:
        self.done.set()


def send(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        piece = bytes(2**20)
        for _ in range(SIZE // len(piece)):
            client.sendall(piece)


async def most_reads() -> int:
    done = asyncio.Event()
    sinks: list[Sink] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: sinks.append(Sink(done)) or sinks[-1], "127.0.0.1", 0)
    sender = threading.Thread(target=send, args=(server.sockets[0].getsockname()[1],))
    sender.start()
    await done.wait()
    sender.join()
    server.close()
    return sinks[0].most


own = asyncio.run(most_reads())
with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    theirs = runner.run(most_reads())
print(f"reads of one connection in one turn: asyncio {own}, uvloop {uvloop.__version__} {theirs}")
sys.exit(0 if own == 1 and theirs > 1 else 1)
PYTHON
"$folder/venv/bin/python" "$folder/reads.py"
