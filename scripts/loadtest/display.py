"""What people see: the progress of a run, and its report."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table

from scripts.loadtest.figures import FAULTS, Figures

EVERY = 5  # seconds from one line to the next where no terminal shows it live
LATENCIES = {
    "connect": "connect, authenticate, know the room",
    "ack": "send → acknowledged",
    "deliver": "send → delivered to a member",
    "read": "mark as read",
    "reconnect": "come back and catch up",
    "back": "connection cut → back",
    "lag": "the load behind its schedule",
}
WORDS = {"lost": "lost", "missed": "missed", "doubled": "doubled", "out_of_order": "out of order"}


class Display:
    """Shows a run as it goes: live on a terminal, a line every few seconds elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._shown = 0

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show it for the length of the block."""
        if not self._console.is_terminal:
            yield
            return
        with Live(console=self._console, refresh_per_second=4) as self._live:
            yield

    def prepare(self, what: str, done: int, of: int) -> None:
        """Say how far the accounts are."""
        if self._live is not None:
            self._live.update(f"prepares {what}: {done:,} of {of:,}")
        elif done == of:
            self._console.print(f"prepared {of:,} {what}")

    def second(self, figures: Figures) -> None:
        """Show the last second."""
        if self._live is not None:
            self._live.update(progress(figures))
            return
        self._shown += 1
        if self._shown % EVERY == 0:
            self._console.print(line(figures))


def line(figures: Figures) -> str:
    second = figures.seconds[-1]
    deliver = second.latencies["deliver"].quantile(0.99)
    return (
        f"{figures.at(second):6.0f} s  {figures.connected:,} connected  {second.counts['acked']:,} sent/s  "
        f"{second.counts['delivered']:,} delivered/s  p99 {shown(deliver)}  {figures.errors.total():,} errors"
    )


def progress(figures: Figures) -> Table:
    plan, second = figures.plan, figures.seconds[-1]
    table = Table.grid(padding=(0, 2))
    at = figures.at(second)
    time = "connecting" if at < 0 else f"{min(at, plan.duration):.0f} of {plan.duration:.0f} s"
    table.add_row("time", time)
    table.add_row("connected", f"{figures.connected:,} of {plan.clients:,}")
    table.add_row("acknowledged", f"{second.counts['acked']:,} a second")
    table.add_row("delivered", f"{second.counts['delivered']:,} a second")
    for name in ("connect", "ack", "deliver"):
        quantiles = [second.latencies[name].quantile(share) for share in (0.5, 0.99)]
        table.add_row(LATENCIES[name], " / ".join(map(shown, quantiles)) + "  (p50 / p99)")
    table.add_row("errors", f"{figures.errors.total():,}")
    return table


def report(console: Console, figures: Figures) -> None:
    """Print what came of it."""
    plan, counts, elapsed = figures.plan, figures.counts, max(figures.elapsed, 1e-9)
    console.print(
        f"\n{plan.clients:,} clients of {plan.users:,} users in {plan.rooms:,} rooms, "
        f"{plan.polling:.0%} of them polling, for {plan.duration:g} s at {', '.join(plan.urls)}"
    )
    table = Table("latency in ms", *(("p50", "p90", "p99", "max", "count")))
    for column in table.columns[1:]:
        column.justify = "right"
    for name, words in LATENCIES.items():
        found = figures.latencies[name].summary()
        table.add_row(
            words, *(shown(found[key], "") for key in ("p50", "p90", "p99", "max")), f"{found['count']:,}"
        )
    console.print(table)
    console.print(
        f"sent {counts['sent']:,} ({counts['sent'] / elapsed:,.1f}/s), acknowledged {counts['acked']:,}, "
        f"delivered {counts['delivered']:,} ({counts['delivered'] / elapsed:,.0f}/s), "
        f"came back {counts['reconnected']:,}, read after an absence {counts['caught_up']:,}"
    )
    if plan.cut:
        words = f"cut {counts['cut']:,}, back {counts['back']:,}, with their session {counts['recovered']:,}"
        console.print(words)
    console.print(", ".join(f"{WORDS[fault]} {counts[fault]:,}" for fault in FAULTS), style="bold")
    kinds = ", ".join(f"{kind} {number:,}" for kind, number in figures.errors.most_common())
    console.print(f"errors: {kinds or 'none'}")
    loads = ", ".join(f"{load:.0%}" for load in figures.load())
    console.print(f"the load generator used {loads} of a processor in each process")
    for doubt in figures.doubts():
        console.print(f"note: {doubt}", style="yellow")
    for failure in figures.failed():
        console.print(f"failed: {failure}", style="red")


def shown(milliseconds: float | None, unit: str = " ms") -> str:
    if milliseconds is None:
        return "-"
    return (f"{milliseconds:,.1f}" if milliseconds < 100 else f"{milliseconds:,.0f}") + unit
