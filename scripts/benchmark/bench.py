"""Measures Parley beside Node's socket.io and python-socketio. `scripts/bench` builds what this needs and starts it.

Each measure has a fresh server process, pinned to one core with the load generator on another; `across` has two of them
on that core, with a Valkey beside the load. Repetitions are interleaved, server by server, so that a change of the
machine's mood hits all of them.
"""

import argparse
import json
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import growth
import machine
import report
from machine import pinned

from app.embedded.valkey import running_valkey
from protocol import FORM
from protocol.loading.compiled_form import VARIABLE

HERE = Path(__file__).resolve().parent
LOOPBACK = "127.0.0.1"
PORTS = range(20_000, 32_000)
START_SECONDS = 20.0
SETTLE_SECONDS = 0.3  # from the first answer of a server to its idle state
STOP_SECONDS = 5.0
LOAD_SECONDS = 120.0  # no measure takes longer
MAX_CONNECTS = 5_000

_PYTHON = [sys.executable]
_OURS, _THEIRS = HERE / "servers/parley_server.py", HERE / "servers/python_socketio_server.py"
COMPILED = "parley-compiled"
SERVERS: dict[str, list[str]] = {
    "parley": [*_PYTHON, str(_OURS), "{port}", "raw"],
    COMPILED: [*_PYTHON, str(_OURS), "{port}", "raw"],
    "parley-asgi": [*_PYTHON, str(_OURS), "{port}", "asgi"],
    report.BASELINE: ["{node}", str(HERE / "servers/node_server.js"), "{port}"],
    "python-socketio": [*_PYTHON, str(_THEIRS), "{port}"],
}
TESTS = ("fanout", "ack", "connect", "across")
GROWTH = "growth"  # of Parley alone, in both modes of the bus; only where it is asked for


@dataclass(frozen=True)
class Plan:
    """How much is measured; times in seconds."""

    clients: int
    ack_clients: int = 200
    connects: int = MAX_CONNECTS
    across_clients: int = 200
    warm: float = 0.8
    measured: float = 3.0
    hold: float = 5.0

    def tests(self) -> list[list[Any]]:
        """The load generator's arguments for each test: the name, and what follows the servers' process ids."""
        return [
            ["fanout", self.clients, self.warm, self.measured, *report.IN_FLIGHT],
            ["ack", self.ack_clients, self.warm, self.measured],
            ["connect", self.connects, self.hold],
            ["across", self.across_clients, self.warm, self.measured, *report.RATES],
        ]


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


class Failed(Exception):
    """A run that gives no figures; the message is a whole sentence."""


# --- processes ---


def free_port() -> int:
    """A port that nothing listens on, out of the range from which the system gives ports to connections: one of
    those could be taken by a client before the server has bound it.
    """
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe, suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port
    raise Failed(f"no port from {PORTS.start} to {PORTS.stop - 1} is free.")


@contextmanager
def redis_for(test: str, place: Place) -> Iterator[str]:
    """The URL of what carries events from server to server, on the load's core; empty where there is one server."""
    if test != "across":
        yield ""
        return
    port = free_port()
    forgetful = ["--port", str(port), "--bind", LOOPBACK, "--appendonly", "no"]
    with (
        tempfile.TemporaryDirectory() as folder,
        pinned(place.load_core),
        running_valkey(Path(folder), Path(folder), forgetful),
    ):
        yield f"redis://{LOOPBACK}:{port}/0"


@contextmanager
def serving(name: str, place: Place, redis: str) -> Iterator[tuple[int, int]]:
    """Run a server; yields its port and process id."""
    port = free_port()
    command = [part.format(port=port, node=place.node) for part in SERVERS[name]]
    if redis:
        command.append(redis)
    environment = {
        **os.environ,
        "NODE_PATH": str(place.build / "node_modules"),
        "NODE_ENV": "production",
        VARIABLE: "1" if name == COMPILED else "0",
    }
    with place.log.open("a") as log, pinned(place.server_core):
        log.write(f"--- {name}\n")
        log.flush()
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        await_listening(name, process, port, place)
        yield port, process.pid
    finally:
        stop(process)


def await_listening(name: str, process: subprocess.Popen[bytes], port: int, place: Place) -> None:
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


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server, by force if it does not end in time."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def measure(name: str, test: list[Any], place: Place) -> list[dict[str, Any]]:
    """Run one test against a fresh server; returns the rows that the load generator wrote."""
    kind, *rest = test
    with ExitStack() as stack:
        redis = stack.enter_context(redis_for(kind, place))
        servers = [stack.enter_context(serving(name, place, redis)) for _ in range(2 if redis else 1)]
        ports, pids = (",".join(map(str, column)) for column in zip(*servers, strict=True))
        command = [str(place.build / "loadgen"), kind, ports, pids, *map(str, rest)]
        try:
            with pinned(place.load_core):
                done = subprocess.run(
                    command, capture_output=True, text=True, timeout=LOAD_SECONDS, check=False
                )
        except subprocess.TimeoutExpired:
            raise Failed(f"{name}, {kind}: took longer than {LOAD_SECONDS:.0f} s.") from None
    if done.returncode != 0:
        reason = done.stderr.strip() or f"the load generator ended with status {done.returncode}"
        raise Failed(f"{name}, {kind}: {reason} (what the server printed is in {place.log}).")
    return [json.loads(line) for line in done.stdout.splitlines()]


# --- the run ---


def run(
    names: list[str], tests: list[list[Any]], repetitions: int, place: Place, out: Path
) -> list[dict[str, Any]]:
    """Measure everything; each row is written to `out` as soon as it is there."""
    rows = []
    place.log.write_text("")
    with out.open("w") as file:
        about = machine.describe(place.node, place.build, (place.server_core, place.load_core))
        print(report.heading(about, repetitions), flush=True)
        file.write(json.dumps({"about": about}) + "\n")
        for repetition in range(repetitions):
            first = repetition % len(
                names
            )  # who begins changes, so that nobody is always first after a pause
            for test in tests:
                for name in names[first:] + names[:first]:
                    for row in measure(name, test, place):
                        rows.append({"server": name, "repetition": repetition, **row})
                        file.write(json.dumps(rows[-1]) + "\n")
                        file.flush()
                        print(report.progress(rows[-1]), file=sys.stderr, flush=True)
    return rows


def check_writable(out: Path) -> None:
    """Find out before the run, and not after its first measure."""
    try:
        out.touch()
    except OSError as error:
        raise Failed(f"cannot write {out}: {error.strerror}.") from None


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


def cores() -> tuple[int | None, int | None]:
    """The cores of the server and of the load: far apart, because neighbours may be threads of one core."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        print("bench: only one core: server and load share it, and rates say little.", file=sys.stderr)
        return None, None
    return usable[0], usable[-1]


def positive(text: str) -> int:
    """A whole number of at least one, for argparse."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {value}")
    return value


def some_of(known: Collection[str]) -> Callable[[str], list[str]]:
    """Some of the known names, for argparse."""

    def parse(text: str) -> list[str]:
        names = text.split(",")
        if unknown := sorted(set(names) - set(known)):
            raise argparse.ArgumentTypeError(f"unknown {', '.join(unknown)}; there are {', '.join(known)}")
        return names

    return parse


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a short run that checks that everything works; its figures are rough",
    )
    parser.add_argument("--reps", type=positive, metavar="N", help="repetitions (3; with --quick 1)")
    parser.add_argument(
        "--clients", type=positive, default=1000, metavar="N", help="clients in the room (1000)"
    )
    parser.add_argument(
        "--only",
        type=some_of(SERVERS),
        default=[name for name in SERVERS if name != COMPILED or FORM == "compiled"],
        metavar="NAME,…",
        help=", ".join(SERVERS),
    )
    parser.add_argument(
        "--tests",
        type=some_of((*TESTS, GROWTH)),
        default=list(TESTS),
        metavar="NAME,…",
        help=", ".join((*TESTS, GROWTH)),
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="JSON lines (var/bench/results.jsonl)")
    parser.add_argument("--node", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--build", required=True, type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def interrupted(*_: object) -> None:
    """SIGTERM ends the run as ^C does, so that no server stays behind."""
    raise KeyboardInterrupt


def main() -> None:
    """Run, then print the tables."""
    chosen = parse()
    signal.signal(signal.SIGTERM, interrupted)
    plan = Plan(chosen.clients)
    if chosen.quick:
        plan = Plan(chosen.clients, connects=1_000, warm=0.2, measured=0.6, hold=1.0)
    repetitions = chosen.reps or (1 if chosen.quick else 3)
    out = chosen.out or chosen.build / "results.jsonl"
    try:
        check_writable(out)
        if COMPILED in chosen.only and FORM != "compiled":
            raise Failed(f"{COMPILED} needs scripts/compile first: the engine is {FORM}.")
        allow_connections(max(plan.clients, plan.connects))
        place = Place(chosen.node, chosen.build, *cores())
        if GROWTH in chosen.tests:
            clients, seconds = (400, 2.0) if chosen.quick else (4_000, 6.0)
            cores_used = place.server_core, place.load_core
            allow_connections(clients)
            print(growth.run(out, cores_used, free_port, clients=clients, seconds=seconds))
            return
        tests = [test for test in plan.tests() if test[0] in chosen.tests]
        rows = run(chosen.only, tests, repetitions, place, out)
    except Failed as failure:
        sys.exit(f"bench: {failure}")
    except KeyboardInterrupt:
        sys.exit("bench: interrupted.")
    print(report.tables(rows))
    if chosen.quick:
        print("\nThis was a quick run: it shows that all works, and its figures are rough.")
    print(f"bench: the rows are in {out}", file=sys.stderr)


if __name__ == "__main__":
    main()
