"""The chart of a run: latencies, throughput and connections, over time."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scripts.loadtest.figures import FAULTS, Figures

QUANTILES = {"p50": (0.5, "-"), "p99": (0.99, "--")}
COLOURS = {
    "ack": "#7a5cc7",
    "deliver": "#0b7a75",
    "connect": "#c7813d",
    "connected": "#33658a",
    "errors": "#c0392b",
}
STYLE: Any = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "axes.axisbelow": True,
    "legend.frameon": False,
}


def draw(figures: Figures, file: Path) -> None:
    """Draw it as a PNG."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 9), dpi=130, layout="constrained")
        latency, throughput, connected = figure.subplots(3, 1, sharex=True, height_ratios=(5, 3, 2))
        draw_latencies(latency, figures)
        draw_throughput(throughput, figures)
        draw_connected(connected, figures)
        for axes in (latency, throughput, connected):
            axes.axvspan(0, figures.plan.duration, color="#888888", alpha=0.07, zorder=0)
        figure.suptitle(title(figures), fontsize=12, x=0.01, ha="left")
        figure.savefig(file)


def title(figures: Figures) -> str:
    plan, counts = figures.plan, figures.counts
    faults = ", ".join(f"{fault.replace('_', ' ')} {counts[fault]:,}" for fault in FAULTS)
    return (
        f"{plan.clients:,} clients in {plan.rooms:,} rooms, {plan.rate:g} messages a second, "
        f"{plan.polling:.0%} polling\n"
        f"{counts['acked']:,} acknowledged, {counts['delivered']:,} delivered; {faults}"
    )


def draw_latencies(axes: Axes, figures: Figures) -> None:
    for name in ("connect", "ack", "deliver"):
        for quantile, (share, line) in QUANTILES.items():
            points = [
                (figures.at(second), value)
                for second in figures.seconds
                if (value := second.latencies[name].quantile(share)) is not None
            ]
            if points:
                axes.plot(*zip(*points, strict=True), line, color=COLOURS[name], label=f"{name} {quantile}", lw=1.6,
                          marker="o", ms=2.5)  # fmt: skip
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    axes.set_ylabel("latency, ms")
    axes.legend(ncols=3, loc="upper right")


def draw_throughput(axes: Axes, figures: Figures) -> None:
    seconds = figures.seconds
    at = [figures.at(second) for second in seconds]
    delivered = [second.counts["delivered"] for second in seconds]
    axes.fill_between(at, delivered, color=COLOURS["deliver"], alpha=0.25, lw=0)
    axes.plot(at, delivered, color=COLOURS["deliver"], lw=1.6, label="delivered a second")
    axes.set_ylim(0, 1.3 * max(1, *delivered))  # with room for the legend
    axes.set_ylabel("delivered")
    sent = axes.twinx()
    sent.plot(
        at,
        [second.counts["acked"] for second in seconds],
        color=COLOURS["ack"],
        lw=1.6,
        label="acknowledged a second",
    )
    sent.set_ylim(0, 1.3 * max(1, *(second.counts["acked"] for second in seconds)))
    sent.set_ylabel("acknowledged")
    sent.grid(visible=False)
    lines = [*axes.get_lines(), *sent.get_lines()]
    axes.legend(lines, [str(line.get_label()) for line in lines], ncols=2, loc="upper right")


def draw_connected(axes: Axes, figures: Figures) -> None:
    seconds = figures.seconds
    at = [figures.at(second) for second in seconds]
    axes.plot(at, [sum(second.connected.values()) for second in seconds], color=COLOURS["connected"], lw=1.6)
    axes.set_ylim(0, figures.plan.clients * 1.1)
    axes.set_ylabel("connected")
    axes.set_xlabel("seconds from the start of the load")
    errors = [(figures.at(second), second.errors.total()) for second in seconds if second.errors.total()]
    if errors:
        twin = axes.twinx()
        twin.bar(
            [at for at, _ in errors],
            [number for _, number in errors],
            color=COLOURS["errors"],
            alpha=0.6,
            label="errors a second",
        )
        twin.set_ylabel("errors")
        twin.grid(visible=False)
        twin.legend(loc="lower right")
