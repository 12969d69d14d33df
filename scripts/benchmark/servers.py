"""The servers that are measured, and their processes: each is pinned to a core, and ends with its measure."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from protocol.loading.compiled_form import VARIABLE
from scripts.benchmark import report
from scripts.benchmark.machine import LOOPBACK, Failed, Place, free_port, pinned

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
START_SECONDS = 60.0  # a chat makes its tables
SETTLE_SECONDS = 0.3  # from the first answer of a server to its idle state
STOP_SECONDS = 5.0
COMPILED = "parley-compiled"
FLOOR = "floor"
CHAT = "chat"  # the test of the chat; all others are of the engine

_APPLICATIONS = HERE / "servers"
_PYTHON, _FORCED = {VARIABLE: "0"}, {VARIABLE: "1"}


@dataclass(frozen=True)
class Candidate:
    """What is measured under a name: how its application of each kind is started, None where it has none.

    `{port}`, `{node}`, `{build}`, `{database}` and `{redis}` in a command are filled in, and left out where they are
    empty. `lacks` are tests that its engine cannot be put to.
    """

    name: str
    engine: tuple[str, ...]
    chat: tuple[str, ...] | None = None
    folder: Path = ROOT
    environment: Mapping[str, str] = field(default_factory=dict)
    lacks: tuple[str, ...] = ()

    def takes(self, test: str) -> bool:
        """Whether it can be put to a test."""
        return self.chat is not None if test == CHAT else test not in self.lacks


def _parley(name: str, shell: str, folder: Path, python: str, environment: Mapping[str, str]) -> Candidate:
    engine = (python, str(_APPLICATIONS / "parley_server.py"), "{port}", shell, "{redis}")
    chat = (python, "-m", "app", "serve") if shell == "raw" else None
    return Candidate(name, engine, chat, folder, {**environment, "PYTHONPATH": str(folder)})


def _known() -> Iterator[Candidate]:
    node = "{node}"
    yield _parley("parley", "raw", ROOT, sys.executable, _PYTHON)
    yield _parley(COMPILED, "raw", ROOT, sys.executable, _FORCED)
    yield _parley("parley-asgi", "asgi", ROOT, sys.executable, _PYTHON)
    yield Candidate(
        report.BASELINE,
        (node, str(_APPLICATIONS / "node_server.js"), "{port}", "{redis}"),
        (node, str(_APPLICATIONS / "chat_server.js"), "{port}", "{database}", "{redis}"),
    )
    yield Candidate(
        "python-socketio",
        (sys.executable, str(_APPLICATIONS / "python_socketio_server.py"), "{port}", "{redis}"),
    )
    yield Candidate(FLOOR, ("{build}/floor", "{port}"), lacks=("polling", "across"))


SERVERS = {candidate.name: candidate for candidate in _known()}


def tree(name: str, folder: Path) -> Candidate:
    """The Parley of another checkout, which has its own packages. Raises Failed where it is none."""
    python = folder / ".venv/bin/python"
    if not (folder / "app").is_dir() or not (folder / "protocol").is_dir():
        raise Failed(f"{folder} is no checkout of Parley.")
    if not python.exists():
        raise Failed(f"{folder} has no .venv: run scripts/install --dev there.")
    return _parley(name, "raw", folder, str(python), _PYTHON)


@contextmanager
def serving(
    candidate: Candidate,
    command: Sequence[str],
    place: Place,
    environment: Mapping[str, str] | None = None,
    **urls: str,
) -> Iterator[tuple[int, int]]:
    """Run one of a candidate's applications; yields its port and process id."""
    port = free_port()
    values = {
        "port": str(port),
        "node": place.node,
        "build": str(place.build),
        "database": "",
        "redis": "",
        **urls,
    }
    filled = [part.format(**values) for part in command]
    variables = {
        **os.environ,
        "NODE_PATH": str(place.build / "node_modules"),
        "NODE_ENV": "production",
        **candidate.environment,
        **{name: value.format(**values) for name, value in (environment or {}).items()},
    }
    with place.log.open("a") as log, pinned(place.server_core):
        log.write(f"--- {candidate.name}\n")
        log.flush()
        process = subprocess.Popen(
            [part for part in filled if part],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=variables,
            cwd=candidate.folder,
        )
    try:
        _await_listening(candidate.name, process, port, place)
        yield port, process.pid
    finally:
        _stop(process)


def _await_listening(name: str, process: subprocess.Popen[bytes], port: int, place: Place) -> None:
    """Return once the server takes connections."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection((LOOPBACK, port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            time.sleep(SETTLE_SECONDS)
            return
    raise Failed(f"{name} did not start; what it printed is in {place.log}.")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a server, by force if it does not end in time."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
