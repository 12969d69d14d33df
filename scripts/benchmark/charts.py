"""Charts of a run's rows, as PNGs: what the engine costs, and what a message of the chat costs and takes."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scripts.benchmark.report import BASELINE, Case, Row, cases

COLUMNS = 3
LEAST = 3  # as many bars have room, so that two are not thicker
DPI = 130
COLOURS = {BASELINE: "#c7813d", "python-socketio": "#8c8c8c", "floor": "#c9c9c9"}
PARLEY = (
    "#0b7a75",
    "#33658a",
    "#7a5cc7",
    "#5c9ead",
    "#2e4057",
)  # ours, and those of other checkouts, in turn
PARTS = {"server": ("cpu_us", 1.0), "PostgreSQL": ("postgres_us", 0.6), "Valkey": ("redis_us", 0.3)}
TIMES = {"ack": ("ack_p50_ms", "ack_p99_ms"), "delivery": ("p50_ms", "p99_ms")}
STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "x",
    "grid.alpha": 0.3,
    "axes.axisbelow": True,
    "legend.frameon": False,
}


def draw(rows: list[Row], folder: Path) -> list[Path]:
    """Draw engine.png and chat.png, those that there are rows for; the files."""
    found = cases(rows)
    engine = [case for case in found if case.measure not in ("chat", "idle")]
    chat = [case for case in found if case.measure == "chat"]
    colours = colours_of([row["server"] for row in rows])
    files = []
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        for name, some, painters in (
            ("engine", engine, [draw_cpu]),
            ("chat", chat, [draw_parts, draw_times]),
        ):
            if some:
                files.append(folder / f"{name}.png")
                draw_figure(some, painters, colours, files[-1])
    return files


def colours_of(servers: Sequence[str]) -> dict[str, str]:
    """A colour a server, in the order in which they appear."""
    ours = [name for name in dict.fromkeys(servers) if name not in COLOURS]
    return COLOURS | {name: PARLEY[place % len(PARLEY)] for place, name in enumerate(ours)}


def draw_figure(
    some: Sequence[Case],
    painters: Sequence[Callable[[Axes, Case, dict[str, str]], None]],
    colours: dict[str, str],
    file: Path,
) -> None:
    columns = min(COLUMNS, len(some))
    lines = -(-len(some) // columns) * len(painters)
    tallest = max(len(case.servers) for case in some)
    size = (4.6 * columns, lines * (1.1 + 0.3 * tallest))
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False)
    for place, case in enumerate(some):
        for level, paint in enumerate(painters):
            paint(axes[place // columns * len(painters) + level][place % columns], case, colours)
    for place in range(len(some), lines // len(painters) * columns):
        for level in range(len(painters)):
            axes[place // columns * len(painters) + level][place % columns].set_axis_off()
    figure.savefig(file)


def name_bars(axes: Axes, case: Case) -> None:
    axes.set_yticks(range(len(case.servers)), list(case.servers))
    axes.set_ylim(max(len(case.servers), LEAST) - 0.4, -0.6)
    axes.set_title(case.title, fontsize=9, loc="left", wrap=True)


def draw_cpu(axes: Axes, case: Case, colours: dict[str, str]) -> None:
    values = [case.middle(server, "cpu_us") for server in case.servers]
    bars = axes.barh(range(len(values)), values, color=[colours[server] for server in case.servers])
    axes.bar_label(bars, [short(value) for value in values], padding=3, fontsize=8)
    axes.set_xlim(0, 1.2 * max(values))
    axes.set_xlabel("CPU µs each")
    name_bars(axes, case)


def short(value: float) -> str:
    """A figure with three digits at least."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def draw_parts(axes: Axes, case: Case, colours: dict[str, str]) -> None:
    """What serves, part beside part: the deeper the colour, the nearer to the client."""
    left = [0.0] * len(case.servers)
    for part, (field, alpha) in PARTS.items():
        values = [case.middle(server, field) for server in case.servers]
        bars = axes.barh(range(len(values)), values, left=left, alpha=alpha, label=part,
                         color=[colours[server] for server in case.servers])  # fmt: skip
        large = max(left[place] + value for place, value in enumerate(values)) / 12
        axes.bar_label(bars, [f"{value:,.0f}" if value > large else "" for value in values], label_type="center",
                       fontsize=8)  # fmt: skip
        left = [so_far + value for so_far, value in zip(left, values, strict=True)]
    axes.set_xlabel(f"CPU µs a message: {', '.join(PARTS)}")
    name_bars(axes, case)


def draw_times(axes: Axes, case: Case, colours: dict[str, str]) -> None:
    """From p50 to p99: the upper line of a server is the acknowledgement, the lower one the delivery."""
    for place, server in enumerate(case.servers):
        for offset, (p50, p99) in zip((-0.18, 0.18), TIMES.values(), strict=True):
            ends = case.middle(server, p50), case.middle(server, p99)
            axes.plot(ends, [place + offset] * 2, "-", color=colours[server], lw=2)
            axes.plot(ends[:1], [place + offset], "o", color=colours[server], ms=5)
            axes.plot(ends[1:], [place + offset], "|", color=colours[server], ms=9)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    axes.xaxis.set_minor_formatter(lambda value, _: f"{value:,g}" if f"{value:e}"[0] in "25" else "")
    axes.set_xlabel("ms, p50 to p99: acknowledgement above, delivery below")
    name_bars(axes, case)
