"""Two servers on one Redis, for rows that need more than one."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.embedded.child_process import spawn, stop
from scripts.ecosystem.children import ENVIRONMENT, DidNotStart, ParleyServer, run_checks
from scripts.ecosystem.rows.clients import LATEST, node
from scripts.ecosystem.workshop import Workshop
from tests.support.redis_servers import RestartableValkey

CHECKS = (
    "broadcast to a room",
    "binary",
    "fetch sockets",
    "disconnect a socket",
    "server-side event",
    "recovery on the other server",
)


@contextmanager
def valkey(workshop: Workshop) -> Iterator[str]:
    """The URL of a Valkey."""
    server = RestartableValkey(workshop.new_folder("valkey"))
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


@contextmanager
def node_server(folder: Path, redis: str) -> Iterator[str]:
    """The URL of programs/peer.mjs, with the packages of a folder."""
    process = spawn(
        [*node(), folder / "peer.mjs", redis],
        environment=ENVIRONMENT,
        stdin=subprocess.PIPE,
        output=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        port = process.stdout.readline().strip()
        if not port.isdigit():
            raise DidNotStart(f"the Node server: {port.decode(errors='replace')}")
        yield f"http://127.0.0.1:{int(port)}"
    finally:
        process.stdin.close()
        stop("node", process, signal.SIGKILL)
        process.stdout.close()


def cluster_checks(workshop: Workshop, one: str, other: str) -> dict[str, str]:
    """What clients of two servers see of each other."""
    folder = workshop.npm({"socket.io-client": LATEST}, "cluster.mjs")
    return run_checks([*node(), folder / "cluster.mjs", one, other], CHECKS)


def two_parleys(workshop: Workshop, redis: str) -> dict[str, str]:
    """The checks with two servers of ours."""
    with ParleyServer(workshop, redis) as one, ParleyServer(workshop, redis) as other:
        return cluster_checks(workshop, one.url, other.url)
