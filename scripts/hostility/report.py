"""What came of each attack, beside what is asked of an instance, as a table."""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct
from rich.console import Console
from rich.table import Table

from scripts.loadtest.histogram import Histogram

MOST_LATENCY = 50.0  # ms at the 99th percentile, of a message and of /health/live
MOST_SLOWER = 5.0  # times the quiet figure
MOST_GROWTH = 64.0  # MB
RETURNED = 16.0  # MB above what there was before that an allocator may keep
DOUBTFUL = 20.0  # ms at the 99th percentile that the measuring process may itself be late
COLUMNS = (
    "attack",
    "message p50 / p99 / max, ms",
    "health p50 / p99 / max, ms",
    "lost",
    "memory before / most / after, MB",
    "CPU",
    "what the attacker got",
    "missed",
)
ANSWERS_SHOWN = 5


class Measured(Struct, frozen=True):
    """One run. Memory is in MB, `cpu` in cores; `back` is after how many seconds the memory was, None for never."""

    name: str
    about: str
    figures: dict[str, Any]
    before: float
    peak: float
    after: float
    back: float | None
    cpu: float
    sent: int = 0
    answers: dict[str, int] = {}
    ended: str = ""

    def latency(self, name: str) -> Histogram:
        """What the ordinary clients measured."""
        found = self.figures["latencies"].get(name, {})
        return Histogram({int(bucket): number for bucket, number in found.items()})

    def count(self, name: str) -> int:
        """What they counted."""
        return int(self.figures["counts"].get(name, 0))

    @property
    def lost(self) -> int:
        """Messages that did not come, or that the server never acknowledged."""
        return self.count("lost") + self.count("unfinished")


def missed(run: Measured, quiet: Measured | None) -> Iterator[str]:
    """Which targets a run has missed, in words."""
    if run.ended:
        yield run.ended
    for name, words in (("deliver", "message"), ("health", "health")):
        p99 = run.latency(name).quantile(0.99)
        if p99 is None or p99 > MOST_LATENCY:
            yield f"{words} p99"
    usual, slow = quiet and quiet.latency("deliver").quantile(0.99), run.latency("deliver").quantile(0.99)
    if usual and slow and slow > MOST_SLOWER * usual:
        yield f"{slow / usual:.0f} × quiet"
    if run.peak - run.before > MOST_GROWTH:
        yield f"+{run.peak - run.before:.0f} MB"
    if run.back is None:
        yield "memory not back"
    if run.lost:
        yield "messages lost"
    if run.count("away"):
        yield "clients cut off"
    if others := {kind: number for kind, number in run.figures["failures"].items() if number}:
        yield ", ".join(f"{kind} {number:,}" for kind, number in others.items())


def cells(run: Measured, quiet: Measured | None) -> list[str]:
    """The row of a run."""
    back = "not back" if run.back is None else f"back after {run.back:.0f} s"
    memory = f"{run.before:.0f} / {run.peak:.0f} / {run.after:.0f}, {back}"
    return [
        run.name,
        three(run.latency("deliver")),
        three(run.latency("health")),
        f"{run.lost} of {run.count('sent')}",
        memory,
        f"{run.cpu:.0%}",
        attacker(run),
        "; ".join(missed(run, quiet)) or "-",
    ]


def attacker(run: Measured) -> str:
    """What was taken from the attacker, what it was answered, and what another user saw meanwhile."""
    answers = sorted(run.answers.items(), key=lambda item: -item[1])
    shown = [f"{kind}: {number:,}" for kind, number in answers[:ANSWERS_SHOWN]]
    words = ", ".join([f"sent {run.sent / 1e6:,.1f} MB", *shown]) if run.sent or shown else "-"
    if witnessed := run.count("witnessed"):
        seen = run.latency("witness")
        words += f"; the other user: {len(seen)} of {witnessed} went well, {three(seen)} ms"
    return words


def three(found: Histogram) -> str:
    return " / ".join(
        "-" if value is None else f"{value:,.1f}" if value < 100 else f"{value:,.0f}"
        for value in (found.quantile(0.5), found.quantile(0.99), found.quantile(1))
    )


def doubts(runs: Sequence[Measured]) -> Iterator[str]:
    """What to think of before believing the figures."""
    for run in runs:
        late = run.latency("lag").quantile(0.99)
        if late is not None and late > DOUBTFUL:
            yield f"{run.name}: the measuring process itself was up to {late:.0f} ms late (p99); the machine is busy"


def markdown(runs: Sequence[Measured], quiet: Measured | None) -> str:
    """The table for a document."""
    rows = [list(COLUMNS), ["---"] * len(COLUMNS), *(cells(run, quiet) for run in runs)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)


def report(console: Console, runs: Sequence[Measured], quiet: Measured | None) -> None:
    """The table for a terminal."""
    table = Table(*COLUMNS, show_lines=True)
    for run in runs:
        table.add_row(*cells(run, quiet))
    console.print(table)


def targets() -> str:
    """What is asked of an instance, in a sentence."""
    return (
        f"Asked: p99 of messages and of /health/live at most {MOST_LATENCY:g} ms, of messages at most {MOST_SLOWER:g} ×"
        f" the quiet figure; memory at most {MOST_GROWTH:g} MB more, and back to {RETURNED:g} MB more in time;"
        " nothing lost, nobody cut off."
    )
