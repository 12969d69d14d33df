"""Turns the benchmark's rows into tables of medians."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any, TypeAlias

BASELINE = "node"
IN_FLIGHT = (1, 8)  # broadcasts that are on their way at the same time
RATES = (25, 100, 400, 0)  # events a second from server to server; 0: as many as come through
BUSY_OTHERS = 15  # % of a core; a run beside more than that should not be quoted

Row: TypeAlias = dict[str, Any]

CASE = ("measure", "instances", "clients", "room_size", "in_flight", "rate")  # what tells cases apart


@dataclass(frozen=True)
class Case:
    """One thing that was measured: the rows of each server, in the order of repetitions, without refused ones."""

    measure: str
    title: str
    servers: dict[str, list[Row]]

    def middle(self, server: str, field: str) -> float:
        """The median of a field."""
        return float(median(row[field] for row in self.servers[server]))

    def ratio(self, server: str, field: str, *, less_is_better: bool) -> float | None:
        """How many times better than the baseline: the median of the ratios within each repetition."""
        others = {row["repetition"]: row[field] for row in self.servers.get(BASELINE, ())}
        pairs = [
            (row[field], others[row["repetition"]])
            for row in self.servers[server]
            if row["repetition"] in others
        ]
        ratios = [
            theirs / ours if less_is_better else ours / theirs for ours, theirs in pairs if ours and theirs
        ]
        return median(ratios) if ratios else None


def _load_of(row: Row) -> str:
    return f"{row['rate']} a second" if row["rate"] else f"{row['in_flight']} in flight"


def _rooms_of(row: Row) -> str:
    count = row["clients"] // row["room_size"]
    return f"a room of {row['room_size']:,}" if count == 1 else f"{count:,} rooms of {row['room_size']:,}"


def _chat_title(row: Row) -> str:
    if row["instances"] == 1:
        return f"Chat: messages to rooms of {row['room_size']}, {_load_of(row)}"
    return f"Chat: messages to rooms of {row['room_size']} on two instances, {_load_of(row)}"


# What an operation is, and the title of a case of the measure.
MEASURES: dict[str, tuple[str, Callable[[Row], str]]] = {
    "fanout": ("deliveries", lambda row: f"Broadcast to {_rooms_of(row)}, {_load_of(row)}"),
    "rooms": ("deliveries", lambda row: f"Broadcast to {_rooms_of(row)}, {_load_of(row)}"),
    "ack": ("acks", lambda row: f"Emit with ack, {row['clients']:,} clients"),
    "polling": (
        "round trips",
        lambda row: f"HTTP polling: emit with ack and an event back, {row['clients']:,} clients",
    ),
    "connect": ("connects", lambda row: f"{row['operations']:,.0f} connects, {row['in_flight']} at once"),
    "idle": ("", lambda row: f"Memory of {row['clients']:,} idle connections"),
    "across": (
        "messages",
        lambda row: f"From one server to {row['clients']:,} clients of another, {_load_of(row)}",
    ),
    "chat": ("messages", _chat_title),
}


def cases(rows: list[Row]) -> list[Case]:
    """What was measured, in the order of MEASURES."""
    found: dict[tuple[Any, ...], Case] = {}
    for row in rows:
        if "refused" not in row:
            measure = row["measure"]
            case = Case(measure, MEASURES[measure][1](row), {})
            case = found.setdefault(tuple(row.get(name) for name in CASE), case)
            case.servers.setdefault(row["server"], []).append(row)
    return sorted(found.values(), key=lambda case: list(MEASURES).index(case.measure))


def heading(about: dict[str, Any], repetitions: int) -> str:
    """What the figures were taken on."""
    packages = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    where = "server and load unpinned"
    if about["server_core"] is not None:
        where = f"server on core {about['server_core']}, load on core {about['load_core']}"
    return (
        f"{about['date']}: {about['processor']}, {about['cores']} cores ({where}), {about['memory_gib']} GiB, "
        f"Linux {about['linux']}; Python {about['python']}, Node {about['node']}; {packages}. "
        f"Load average before the run {about['load_average']:.2f}. Medians of {repetitions}."
    )


def progress(row: Row) -> str:
    """One row, for the eyes of who waits."""
    start = f"{row['repetition'] + 1}  {row['server']:16} {row['measure']:8}"
    if row["measure"] == "idle":
        return f"{start}      {row['kib_per_connection']:10.1f} KiB a connection"
    stores = "".join(
        f"{name} {row[field]:.0f} µs  "
        for name, field in (("PostgreSQL", "postgres_us"), ("Valkey", "redis_us"))
        if row[field]
    )
    refused = "  REFUSED" if "refused" in row else ""
    return (
        f"{start} {row['in_flight'] or row['rate']:4} {row['per_s']:10,.0f}/s {row['cpu_us']:9.2f} µs  {stores}"
        f"p50 {row['p50_ms']:.2f} p99 {row['p99_ms']:.2f} ms  "
        f"load {row['load_cpu_pct']:3.0f} %  others {row['others_cpu_pct']:3.0f} %{refused}"
    )


def tables(rows: list[Row]) -> str:
    """All tables, in Markdown."""
    parts = [_table(case) for case in cases(rows)] + [_refusals(rows), _disturbance(rows)]
    return "\n".join(filter(None, parts))


@dataclass(frozen=True)
class Column:
    """A field, and with `versus` how many times better than the baseline it is."""

    title: str
    field: str
    digits: int = 2
    versus: str = ""  # "more" or "less" is better

    def titles(self) -> list[str]:
        """One, or two with the comparison."""
        return [self.title, "× Node"] if self.versus else [self.title]

    def cells(self, case: Case, server: str) -> list[str]:
        """The texts below these titles."""
        cells = [f"{case.middle(server, self.field):,.{self.digits}f}"]
        if self.versus:
            ratio = case.ratio(server, self.field, less_is_better=self.versus == "less")
            cells.append("-" if ratio is None else f"{ratio:.2f}")
        return cells


_TIMES = (Column("p50 ms", "p50_ms"), Column("p99 ms", "p99_ms"))
_MACHINE = (Column("load's core %", "load_cpu_pct", 0), Column("others %", "others_cpu_pct", 0))
_CHAT = (
    Column("CPU µs each: server", "cpu_us", 0, "less"),
    Column("PostgreSQL", "postgres_us", 0, "less"),
    Column("Valkey", "redis_us", 0),
    Column("ack p50 ms", "ack_p50_ms"),
    Column("p99 ms", "ack_p99_ms"),
    Column("delivery p50 ms", "p50_ms"),
    Column("p99 ms", "p99_ms"),
)


def _columns(measure: str) -> tuple[Column, ...]:
    if measure == "idle":
        return (Column("KiB each", "kib_per_connection", 1, "less"),)
    rate = Column(f"{MEASURES[measure][0]}/s", "per_s", 0, "more")
    if measure == "chat":
        return (rate, *_CHAT, *_MACHINE)
    return (rate, Column("CPU µs each", "cpu_us", 2, "less"), *_TIMES, *_MACHINE)


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _table(case: Case) -> str:
    columns = _columns(case.measure)
    titles = [title for column in columns for title in column.titles()]
    lines = [
        _line(server, *(cell for column in columns for cell in column.cells(case, server)))
        for server in case.servers
    ]
    head = [f"\n### {case.title}\n", _line("server", *titles), _line("---", *["---:"] * len(titles))]
    return "\n".join(head + lines)


def _refusals(rows: list[Row]) -> str:
    """What has no figures above, and why."""
    lines = [
        f"- {row['server']}, {MEASURES[row['measure']][1](row)}, repetition {row['repetition'] + 1}: {row['refused']}"
        for row in rows
        if "refused" in row
    ]
    return "\n".join(["\n### Refused\n", *lines]) if lines else ""


def _disturbance(rows: list[Row]) -> str:
    timed = [row["others_cpu_pct"] for row in rows if "others_cpu_pct" in row]
    if not timed:
        return ""
    busy = sum(others > BUSY_OTHERS for others in timed)
    text = f"\nOther processes took {median(timed):.0f} % of a core (median), {max(timed):.0f} % at most."
    if busy:
        text += f" More than {BUSY_OTHERS} % in {busy} of {len(timed)} measurements: not a quiet machine."
    return text
