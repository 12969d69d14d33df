"""On what the benchmark runs: says what that is, and keeps processes to a core of it."""

import json
import os
import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

PYTHON_PACKAGES = ("uvicorn", "uvloop", "httptools", "websockets", "python-socketio")
NODE_PACKAGES = ("socket.io", "ws", "@socket.io/redis-streams-adapter")


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
