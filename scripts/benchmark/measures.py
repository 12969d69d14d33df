"""The measures: what the load generator is asked for, and whether what it found says something of the server."""

import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.embedded.valkey import running_valkey
from scripts.benchmark import report
from scripts.benchmark.chat import Chats
from scripts.benchmark.machine import LOOPBACK, Failed, Place, free_port, pinned
from scripts.benchmark.servers import CHAT, Candidate, serving

LOAD_SECONDS = 120.0  # no measure takes longer
MAX_CONNECTS = 5_000
TESTS = ("fanout", "ack", "polling", "rooms", "connect", "across", CHAT)
SATURATED = 95.0  # % of a core that who wants it always gets, or waits for
SERVER_SATURATED = 90.0


@dataclass(frozen=True)
class Rooms:
    """Rooms that events go to in turn, so many at the same time."""

    count: int
    size: int
    in_flight: tuple[int, ...] = report.IN_FLIGHT

    @property
    def clients(self) -> int:
        """All of them; each is in one room."""
        return self.count * self.size


@dataclass(frozen=True)
class Plan:
    """How much of the benchmark's own application is measured; times in seconds."""

    clients: int
    ack_clients: int = 200
    connects: int = MAX_CONNECTS
    across_clients: int = 200
    rooms: tuple[Rooms, ...] = (Rooms(1, 100), Rooms(1, 5_000), Rooms(1_000, 10, (64,)))
    warm: float = 0.8
    measured: float = 3.0
    hold: float = 5.0

    @property
    def connections(self) -> int:
        """The most that are open at the same time."""
        return max(self.clients, self.connects, *(rooms.clients for rooms in self.rooms))

    def tests(self) -> list[list[Any]]:
        """The load generator's arguments for each test: the name, and what follows the servers' process ids."""
        return [
            ["fanout", self.clients, self.clients, self.warm, self.measured, *report.IN_FLIGHT],
            ["ack", self.ack_clients, self.warm, self.measured],
            ["polling", self.ack_clients, self.warm, self.measured],
            *(
                ["rooms", rooms.clients, rooms.size, self.warm, self.measured, *rooms.in_flight]
                for rooms in self.rooms
            ),
            ["connect", self.connects, self.hold],
            ["across", self.across_clients, self.warm, self.measured, *report.RATES],
            [CHAT],
        ]


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


def put_load(name: str, place: Place, *command: object) -> str:
    """Run the load generator; returns what it wrote. Raises Failed."""
    kind, *_ = command
    try:
        with pinned(place.load_core):
            done = subprocess.run(
                [str(place.build / "loadgen"), *map(str, command)],
                capture_output=True,
                text=True,
                timeout=LOAD_SECONDS,
                check=False,
            )
    except subprocess.TimeoutExpired:
        raise Failed(f"{name}, {kind}: took longer than {LOAD_SECONDS:.0f} s.") from None
    if done.returncode != 0:
        reason = done.stderr.strip() or f"the load generator ended with status {done.returncode}"
        raise Failed(f"{name}, {kind}: {reason} (what the server printed is in {place.log}).")
    return done.stdout


def measure(candidate: Candidate, test: list[Any], place: Place, chats: Chats) -> Iterator[dict[str, Any]]:
    """Run one test against fresh servers; the rows of the load generator, with `refused` where it was the limit."""

    def load(*command: object) -> str:
        return put_load(candidate.name, place, *command)

    kind, *rest = test
    engine = _measure_engine(candidate, kind, rest, place, load)
    outputs = chats.measure(candidate, load) if kind == CHAT else engine
    for output in outputs:
        for line in output.splitlines():
            row = json.loads(line)
            yield row | refusal(row)


def _measure_engine(
    candidate: Candidate, kind: str, rest: list[Any], place: Place, load: Callable[..., str]
) -> Iterator[str]:
    with ExitStack() as stack:
        redis = stack.enter_context(redis_for(kind, place))
        servers = [
            stack.enter_context(serving(candidate, candidate.engine, place, redis=redis))
            for _ in range(2 if redis else 1)
        ]
        ports, pids = (",".join(map(str, column)) for column in zip(*servers, strict=True))
        yield load(kind, ports, pids, *rest)


def refusal(row: dict[str, Any]) -> dict[str, str]:
    """Why a row says nothing of the server, as its field `refused`; nothing where it does.

    The load was the limit where it always ran or waited for its core, while what serves neither filled its own nor
    waited for it.
    """
    if "load_cpu_pct" not in row:
        return {}
    of_load = row["load_cpu_pct"] + row["load_waited_pct"]
    of_server = row["server_cpu_pct"] + row["server_waited_pct"]
    serving = max(of_server, row["server_cpu_pct"] + row["postgres_cpu_pct"] + row["redis_cpu_pct"])
    if of_load < SATURATED or serving >= SERVER_SATURATED:
        return {}
    return {
        "refused": f"the load generator had no time left ({of_load:.0f} % of its core), and the server had "
        f"({serving:.0f} % of its own): the figures would be the load generator's."
    }
