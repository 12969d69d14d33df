#!/usr/bin/env bash
# A task that waits for loop.create_connection() is cancelled (or its asyncio.timeout ends) just when the connection is
# there: its protocol's connection_made was called. asyncio then calls connection_lost, so that each connection_made has
# one. uvloop 0.23.0 ends the connection, and calls nothing, though the protocol has the transport: whoever counts
# connections by these two calls waits for this one for ever.
#
# Seen: asyncio: made, lost; uvloop: made, never lost, and its transport's is_closing() is False; the server sees the end.
# Parley: scripts/proxy.py takes the connection for lost itself where its making is cancelled; the forwarder and the client
# take only those for theirs of which create_connection has returned.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check uvloop==0.23.0
cat >"$folder/connect.py" <<'PYTHON'
import asyncio
import sys

import uvloop


class Noted(asyncio.Protocol):
    """Notes which of its methods were called, and calls a function when it is connected."""

    def __init__(self, connected=lambda: None):
        self.calls = []
        self.connected = connected

    def connection_made(self, transport):
        self.transport = transport
        self.calls.append("made")
        self.connected()

    def connection_lost(self, _error):
        self.calls.append("lost")


async def seen():
    loop = asyncio.get_running_loop()
    taken = []
    server = await loop.create_server(lambda: taken.append(Noted()) or taken[-1], "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = Noted(lambda: task.cancel())
    task = asyncio.create_task(loop.create_connection(lambda: client, "127.0.0.1", port))
    await asyncio.wait([task])
    await asyncio.sleep(0.5)
    server.close()
    return task.cancelled(), client.calls, client.transport.is_closing(), [other.calls for other in taken]


asyncios, uvloops = asyncio.run(seen()), uvloop.run(seen())
print("asyncio: cancelled, client's calls, closing, server's calls:", *asyncios)
print("uvloop:  cancelled, client's calls, closing, server's calls:", *uvloops)
both = [["made", "lost"]]
sys.exit(0 if asyncios == (True, ["made", "lost"], True, both) and uvloops == (True, ["made"], False, both) else 1)
PYTHON
"$folder/venv/bin/python" "$folder/connect.py"
