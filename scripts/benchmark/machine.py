"""On what the benchmark runs: says what that is, and keeps processes to a core of it."""

import json
import os
import platform
import random
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

PYTHON_PACKAGES = ("uvicorn", "uvloop", "httptools", "websockets", "python-socketio")
NODE_PACKAGES = ("socket.io", "ws", "@socket.io/redis-streams-adapter", "pg")
LOOPBACK = "127.0.0.1"
PORTS = range(20_000, 32_000)


class Failed(Exception):
    """A run that gives no figures; the message is a whole sentence."""


@dataclass(frozen=True)
class Place:
    """Where things are: Node, the build folder, and the cores of the server and of the load."""

    node: str
    build: Path
    server_core: int | None
    load_core: int | None

    @property
    def log(self) -> Path:
        """What the servers print."""
        return self.build / "servers.log"


def cores() -> tuple[int | None, int | None]:
    """The cores of the server and of the load: far apart, because neighbours may be threads of one core."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        print("bench: only one core: server and load share it, and rates say little.", file=sys.stderr)
        return None, None
    return usable[0], usable[-1]


def free_port() -> int:
    """A port that nothing listens on, out of the range from which the system gives ports to connections: one of
    those could be taken by a client before the server has bound it.
    """
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe, suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port
    raise Failed(f"no port from {PORTS.start} to {PORTS.stop - 1} is free.")


def allow_connections(count: int) -> None:
    """Raise this process's limit of open files, which servers and load inherit."""
    needed = count + 500  # the load's first clients, and what a runtime opens by itself
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise Failed(
            f"{count} connections need {needed} open files, and the limit is {hard}: raise `ulimit -Hn`."
        )
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


@contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """Processes started within run on this core alone."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, before if core is None else {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _first(path: str, key: str) -> str:
    """The value of the first line `key: value` of one of Linux's files."""
    for line in Path(path).read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return "unknown"


def _node_version(node: str) -> str:
    done = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
    return done.stdout.strip().removeprefix("v")


def _node_package(build: Path, name: str) -> str:
    version: str = json.loads((build / "node_modules" / name / "package.json").read_text())["version"]
    return version


def describe(node: str, build: Path, pinned: tuple[int | None, int | None]) -> dict[str, Any]:
    """Processor, memory, cores (those of server and load) and versions; nothing that names the machine."""
    memory_kib = int(_first("/proc/meminfo", "MemTotal").split()[0])
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": _first("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "server_core": pinned[0],
        "load_core": pinned[1],
        "memory_gib": round(memory_kib / 2**20),
        "linux": ".".join(platform.release().split(".")[:2]),
        "python": platform.python_version(),
        "node": _node_version(node),
        "packages": {name: metadata.version(name) for name in PYTHON_PACKAGES}
        | {name: _node_package(build, name) for name in NODE_PACKAGES},
        "load_average": os.getloadavg()[0],
    }
