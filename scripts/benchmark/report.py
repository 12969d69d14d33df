"""Turns the benchmark's rows into tables of medians."""

from statistics import median
from typing import Any, TypeAlias

BASELINE = "node"
IN_FLIGHT = (1, 8)  # broadcasts that are on their way at the same time
RATES = (25, 100, 400, 0)  # events a second from server to server; 0: as many as come through
BUSY_OTHERS = 15  # % of a core; a run beside more than that should not be quoted

Row: TypeAlias = dict[str, Any]

# Measure, what else its rows must have, title, and what an operation is.
TABLES: tuple[tuple[str, dict[str, int], str, str], ...] = (
    *(
        (
            "fanout",
            {"in_flight": count},
            "Broadcast to a room of {clients}, {in_flight} in flight",
            "deliveries",
        )
        for count in IN_FLIGHT
    ),
    ("ack", {}, "Emit with ack, {clients} clients", "acks"),
    ("polling", {}, "HTTP polling: emit with ack and an event back, {clients} clients", "round trips"),
    ("connect", {}, "{clients} connects, {in_flight} at once", "connects"),
    *(
        ("across", {"rate": rate}, f"From one server to {{clients}} clients of another, {words}", "messages")
        for rate, words in ((rate, f"{rate} a second" if rate else "{in_flight} in flight") for rate in RATES)
    ),
)


# The same of the whole chat.
CHAT_TABLES: tuple[tuple[dict[str, int], str], ...] = (
    ({"instances": 1, "rate": 0}, "Chat: messages to rooms of {room_size}, {in_flight} in flight"),
    ({"instances": 1, "rate": 45}, "Chat: messages to rooms of {room_size}, 45 a second"),
    (
        {"instances": 2, "rate": 40},
        "Chat on two instances: messages to rooms of {room_size}, 40 a second, deliveries at the other's clients",
    ),
)


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
    parts = [_rates(rows, *table) for table in TABLES]
    parts += [
        _idle(rows),
        *(_chat(rows, *table) for table in CHAT_TABLES),
        _refusals(rows),
        _disturbance(rows),
    ]
    return "\n".join(filter(None, parts))


def _of_servers(rows: list[Row], measure: str, having: dict[str, int]) -> dict[str, list[Row]]:
    """The rows of a measure by server, each in the order of repetitions, without those that were refused."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row["measure"] == measure and having.items() <= row.items() and "refused" not in row:
            found.setdefault(row["server"], []).append(row)
    return found


def _middle(rows: list[Row], field: str) -> float:
    return median(row[field] for row in rows)


def _ratio(rows: list[Row], baseline: list[Row] | None, field: str, *, less_is_better: bool) -> str:
    """How many times better than the baseline: the median of the ratios within each repetition."""
    if baseline is None:
        return "-"
    others = {row["repetition"]: row[field] for row in baseline}
    pairs = [(row[field], others[row["repetition"]]) for row in rows if row["repetition"] in others]
    ratios = [theirs / ours if less_is_better else ours / theirs for ours, theirs in pairs if ours and theirs]
    return f"{median(ratios):.2f}" if ratios else "-"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _table(title: str, columns: tuple[str, ...], lines: list[str]) -> str:
    return "\n".join(
        [f"\n### {title}\n", _line(*columns), _line("---", *["---:"] * (len(columns) - 1)), *lines]
    )


def _rates(rows: list[Row], measure: str, having: dict[str, int], title: str, operations: str) -> str:
    found = _of_servers(rows, measure, having)
    if not found:
        return ""
    columns = (
        "server", f"{operations}/s", "× Node", "CPU µs each", "× Node", "p50 ms", "p99 ms", "load's core %", "others %",
    )  # fmt: skip
    lines = [
        _line(
            server,
            f"{_middle(own, 'per_s'):,.0f}",
            _ratio(own, found.get(BASELINE), "per_s", less_is_better=False),
            f"{_middle(own, 'cpu_us'):,.2f}",
            _ratio(own, found.get(BASELINE), "cpu_us", less_is_better=True),
            f"{_middle(own, 'p50_ms'):.2f}",
            f"{_middle(own, 'p99_ms'):.2f}",
            f"{_middle(own, 'load_cpu_pct'):.0f}",
            f"{_middle(own, 'others_cpu_pct'):.0f}",
        )
        for server, own in found.items()
    ]
    first = next(iter(found.values()))[0]
    name = title.format(clients=f"{first['operations'] if measure == 'connect' else first['clients']:,.0f}",
                        in_flight=first["in_flight"])  # fmt: skip
    return _table(name, columns, lines)


def _chat(rows: list[Row], having: dict[str, int], title: str) -> str:
    found = _of_servers(rows, "chat", having)
    if not found:
        return ""
    columns = (
        "server", "messages/s", "× Node", "CPU µs each: server", "× Node", "PostgreSQL", "× Node", "Valkey",
        "ack p50 ms", "p99 ms", "delivery p50 ms", "p99 ms", "load's core %", "others %",
    )  # fmt: skip
    base = found.get(BASELINE)
    lines = [
        _line(
            server,
            f"{_middle(own, 'per_s'):,.0f}",
            _ratio(own, base, "per_s", less_is_better=False),
            f"{_middle(own, 'cpu_us'):,.0f}",
            _ratio(own, base, "cpu_us", less_is_better=True),
            f"{_middle(own, 'postgres_us'):,.0f}",
            _ratio(own, base, "postgres_us", less_is_better=True),
            f"{_middle(own, 'redis_us'):,.0f}",
            *(f"{_middle(own, name):.2f}" for name in ("ack_p50_ms", "ack_p99_ms", "p50_ms", "p99_ms")),
            f"{_middle(own, 'load_cpu_pct'):.0f}",
            f"{_middle(own, 'others_cpu_pct'):.0f}",
        )
        for server, own in found.items()
    ]
    return _table(title.format_map(next(iter(found.values()))[0]), columns, lines)


def _refusals(rows: list[Row]) -> str:
    """What has no figures above, and why."""
    lines = [f"- {_name_of(row)}: {row['refused']}" for row in rows if "refused" in row]
    return "\n".join(["\n### Refused\n", *lines]) if lines else ""


def _name_of(row: Row) -> str:
    rate = f"{row['rate']} a second" if row["rate"] else f"{row['in_flight']} in flight"
    what = f"{row['measure']} of {row['clients']:,} clients"
    return f"{row['server']}, {what}, {rate}, repetition {row['repetition'] + 1}"


def _idle(rows: list[Row]) -> str:
    found = _of_servers(rows, "idle", {})
    if not found:
        return ""
    lines = [
        _line(
            server,
            f"{_middle(own, 'kib_per_connection'):.1f}",
            _ratio(own, found.get(BASELINE), "kib_per_connection", less_is_better=True),
        )
        for server, own in found.items()
    ]
    clients = next(iter(found.values()))[0]["clients"]
    return _table(f"Memory of {clients:,} idle connections", ("server", "KiB each", "× Node"), lines)


def _disturbance(rows: list[Row]) -> str:
    timed = [row["others_cpu_pct"] for row in rows if "others_cpu_pct" in row]
    busy = sum(others > BUSY_OTHERS for others in timed)
    text = f"\nOther processes took {median(timed):.0f} % of a core (median), {max(timed):.0f} % at most."
    if busy:
        text += f" More than {BUSY_OTHERS} % in {busy} of {len(timed)} measurements: not a quiet machine."
    return text
