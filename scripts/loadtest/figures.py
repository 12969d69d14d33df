"""What all workers told, added up: over the whole run, and second by second."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from scripts.loadtest.histogram import Histogram
from scripts.loadtest.plan import THRESHOLDS, Plan

BUSY = 0.85  # of a processor: a worker that used more may have been what was slow
LATE = 50  # ms that the load may begin behind its schedule at p99, before its figures are doubtful
FAULTS = ("lost", "missed", "doubled", "out_of_order")


class Second:
    """One second of the run, from `clock` on."""

    def __init__(self, clock: float) -> None:
        self.clock = clock
        self.connected: dict[int, int] = {}  # by worker
        self.counts: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.latencies: defaultdict[str, Histogram] = defaultdict(Histogram)


class Figures:
    """All that is known of a run so far."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.seconds: list[Second] = []
        self.counts: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.latencies: defaultdict[str, Histogram] = defaultdict(Histogram)
        self.cpu: dict[int, float] = {}  # seconds of each worker
        self.cpu_before: dict[int, float] = {}
        self.start: float | None = None  # of the load, when all were connected
        self.elapsed = 0.0  # of the load

    @property
    def connected(self) -> int:
        """How many clients are, by the last that was told."""
        return sum(self.seconds[-1].connected.values()) if self.seconds else 0

    def at(self, second: Second) -> float:
        """When a second was, counted from the start of the load: below 0 while clients connect."""
        return second.clock - (self.seconds[-1].clock + 1 if self.start is None else self.start)

    def begin_second(self, clock: float) -> None:
        """What is told from now on belongs to another second."""
        second = Second(clock)
        if self.seconds:
            second.connected.update(self.seconds[-1].connected)
        self.seconds.append(second)

    def add(self, worker: int, tick: dict[str, Any]) -> None:
        """Take what a worker tells."""
        if not self.seconds:
            self.begin_second(0)
        second = self.seconds[-1]
        second.connected[worker] = tick["connected"]
        self.cpu[worker] = tick["cpu"]
        for whole in (second, self):
            whole.counts.update(tick["counts"])
            whole.errors.update(tick["errors"])
            for name, buckets in tick["latencies"].items():
                whole.latencies[name].merge(Histogram({int(key): value for key, value in buckets.items()}))

    def begin_load(self, start: float) -> None:
        """All are connected; what the workers used until here is not the load's."""
        self.start = start
        self.cpu_before = dict(self.cpu)

    def settle(
        self, results: Iterable[dict[str, int]], acked: list[tuple[str, str, int]], logs: "Logs"
    ) -> None:
        """Count what each client is missing, and what the rooms' logs are."""
        for result in results:
            self.counts.update(result)
        for fault in FAULTS:
            self.counts.setdefault(fault, 0)
        self.counts["lost"] += sum(number not in logs.get((room, key), []) for room, key, number in acked)
        self.counts["doubled"] += sum(len(numbers) - 1 for numbers in logs.values())
        self.counts["errors"] = self.errors.total()

    def load(self) -> list[float]:
        """The share of a processor that each worker used during the load."""
        return [
            (used - self.cpu_before.get(worker, 0.0)) / self.elapsed if self.elapsed else 0.0
            for worker, used in sorted(self.cpu.items())
        ]

    def failed(self) -> list[str]:
        """A sentence for each threshold that was not kept."""
        found = []
        for name, limit in self.plan.thresholds.items():
            where, what, _ = THRESHOLDS[name]
            value = self.counts[what] if where == "counts" else self.latencies[where].quantile(0.99)
            if value is None or value > limit:
                shown = "not known" if value is None else f"{value:,.10g}"
                found.append(f"--{name.replace('_', '-')} {limit:,.10g} was not kept: it is {shown}")
        return found

    def doubts(self) -> list[str]:
        """Why the figures may be those of the load generator, not of the server."""
        found = []
        busiest = max(self.load(), default=0.0)
        if busiest > BUSY:
            found.append(
                f"a worker used {busiest:.0%} of a processor: latencies may be its own; more --processes help"
            )
        lag = self.latencies["lag"].quantile(0.99)
        if lag is not None and lag > LATE:
            found.append(
                f"the load was begun {lag:,.0f} ms behind its schedule at p99; latencies count from the schedule"
            )
        return found

    def as_json(self) -> dict[str, Any]:
        """All figures, for programs."""
        plan = self.plan
        return {
            "plan": {
                "urls": plan.urls, "clients": plan.clients, "users": plan.users, "rooms": plan.rooms,
                "roomSize": plan.room_size, "polling": plan.polling, "size": plan.size, "duration": plan.duration,
                "rate": plan.rate, "reads": plan.reads, "typing": plan.typing, "reconnects": plan.reconnects,
                "cut": plan.cut, "connectRate": plan.connect_rate,
                "processes": plan.processes,
            },
            "elapsed": self.elapsed,
            "counts": dict(self.counts),
            "errors": dict(self.errors),
            "latencies": {name: found.summary() for name, found in sorted(self.latencies.items())},
            "generator": {"load": self.load(), "doubts": self.doubts()},
            "failed": self.failed(),
            "seconds": [
                {
                    "at": round(self.at(second), 3),
                    "connected": sum(second.connected.values()),
                    "counts": dict(second.counts),
                    "errors": dict(second.errors),
                    "latencies": {name: found.summary() for name, found in second.latencies.items()},
                }
                for second in self.seconds
            ],
        }  # fmt: skip


Logs = dict[tuple[str, str], list[int]]
"""The numbers at which a room's log has a message, by room and key."""
