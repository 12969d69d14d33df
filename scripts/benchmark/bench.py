"""Measures Parley beside Node's socket.io and python-socketio. `scripts/bench` builds what this needs and starts it.

Each measure has a fresh server process, pinned to one core with the load generator on another; `across` has two of them
on that core, with a Valkey beside the load. Repetitions are interleaved, server by server, so that a change of the
machine's mood hits all of them.
"""

import argparse
import json
import signal
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from protocol import FORM
from scripts.benchmark import growth, machine, report
from scripts.benchmark.chat import ChatPlan, Chats, chats
from scripts.benchmark.machine import Failed, Place, allow_connections, cores, free_port
from scripts.benchmark.measures import TESTS, Plan, Rooms, measure
from scripts.benchmark.servers import COMPILED, FLOOR, SERVERS, Candidate, tree

GROWTH = "growth"  # of Parley alone, in both modes of the bus; only where it is asked for


def run(
    candidates: Sequence[Candidate],
    tests: list[list[Any]],
    repetitions: int,
    place: Place,
    out: Path,
    chats: Chats,
) -> list[dict[str, Any]]:
    """Measure everything; each row is written to `out` as soon as it is there."""
    rows = []
    place.log.write_text("")
    with out.open("w") as file:
        about = machine.describe(place.node, place.build, (place.server_core, place.load_core))
        print(report.heading(about, repetitions), flush=True)
        file.write(json.dumps({"about": about}) + "\n")
        for repetition in range(repetitions):
            for test in tests:
                able = [each for each in candidates if each.takes(test[0])]
                first = repetition % max(1, len(able))  # so that nobody is always first after a pause
                for candidate in able[first:] + able[:first]:
                    for row in measure(candidate, test, place, chats):
                        rows.append({"server": candidate.name, "repetition": repetition, **row})
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


# --- the command line ---


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


def checkout(text: str) -> tuple[str, Path]:
    """NAME=PATH, for argparse."""
    name, equals, path = text.partition("=")
    if not name.replace("-", "").isalnum() or not equals or not path:
        raise argparse.ArgumentTypeError(f"{text!r} is not like before=/path/of/a/checkout")
    if name in SERVERS:
        raise argparse.ArgumentTypeError(f"{name} is the name of a server here")
    return name, Path(path).resolve()


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "--quick",
        action="store_true",
        help="a short run that checks that everything works; its figures are rough",
    )
    add("--reps", type=positive, metavar="N", help="repetitions (3; with --quick 1)")
    add("--clients", type=positive, default=1000, metavar="N", help="clients in the room (1000)")
    add(
        "--only",
        type=some_of(SERVERS),
        default=[name for name in SERVERS if name != COMPILED or FORM == "compiled"],
        metavar="NAME,…",
        help=", ".join(SERVERS),
    )
    add(
        "--tree",
        type=checkout,
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="measure the Parley of another checkout, too, under this name; may be repeated",
    )
    add(
        "--tests",
        type=some_of((*TESTS, GROWTH)),
        default=list(TESTS),
        metavar="NAME,…",
        help=", ".join((*TESTS, GROWTH)),
    )
    add("--out", type=Path, metavar="FILE", help="JSON lines (var/bench/results.jsonl)")
    add(
        "--rows",
        type=Path,
        metavar="FILE",
        help="measure nothing: the tables, and with --charts the charts, of such a file",
    )
    add("--charts", type=Path, metavar="FOLDER", help="draw engine.png and chat.png there")
    add("--node", required=True, help=argparse.SUPPRESS)
    add("--build", required=True, type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def chosen_candidates(chosen: argparse.Namespace) -> list[Candidate]:
    """The servers that are asked for. Raises Failed where one cannot be measured."""
    if COMPILED in chosen.only and FORM != "compiled":
        raise Failed(f"{COMPILED} needs scripts/compile first: the engine is {FORM}.")
    if FLOOR in chosen.only and not (chosen.build / FLOOR).exists():
        print("bench: the floor is left out, for it could not be compiled.", file=sys.stderr)
        chosen.only.remove(FLOOR)
    return [SERVERS[name] for name in chosen.only] + [tree(*named) for named in chosen.tree]


def interrupted(*_: object) -> None:
    """SIGTERM ends the run as ^C does, so that no server stays behind."""
    raise KeyboardInterrupt


def read_rows(file: Path) -> list[dict[str, Any]]:
    """The rows that a run has written. Raises Failed."""
    try:
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        return [row for row in rows if "server" in row]
    except (OSError, ValueError, TypeError) as error:
        raise Failed(f"cannot read the rows of {file}: {error}.") from error


def run_all(chosen: argparse.Namespace, out: Path) -> list[dict[str, Any]]:
    """Measure what is asked for; returns the rows. Raises Failed."""
    plan, chat_plan = Plan(chosen.clients), ChatPlan()
    if chosen.quick:
        rooms = Rooms(1, 100), Rooms(1, 500), Rooms(100, 10, (64,))
        plan = Plan(chosen.clients, connects=1_000, rooms=rooms, warm=0.2, measured=0.6, hold=1.0)
        chat_plan = ChatPlan(rooms=2, warm=0.5, measured=1.0)
    check_writable(out)
    candidates = chosen_candidates(chosen)
    allow_connections(plan.connections)
    place = Place(chosen.node, chosen.build, *cores())
    tests = [test for test in plan.tests() if test[0] in chosen.tests]
    if not any(each.takes(test[0]) for each in candidates for test in tests):
        raise Failed("none of these servers takes any of these tests.")
    repetitions = chosen.reps or (1 if chosen.quick else 3)
    with chats(chat_plan, place) as running:
        return run(candidates, tests, repetitions, place, out, running)


def run_growth(chosen: argparse.Namespace, out: Path) -> str:
    """Measure a growing cluster; returns the table. Raises Failed."""
    clients, seconds = (400, 2.0) if chosen.quick else (4_000, 6.0)
    check_writable(out)
    allow_connections(clients)
    return growth.run(out, cores(), free_port, clients=clients, seconds=seconds)


def show(rows: list[dict[str, Any]], charts: Path | None) -> None:
    """Print the tables, and draw the charts if there is a folder for them."""
    print(report.tables(rows))
    if charts is not None:
        from scripts.benchmark.charts import draw  # it takes a second to load

        for file in draw(rows, charts):
            print(f"bench: drew {file}", file=sys.stderr)


def main() -> None:
    """Run, then print the tables."""
    chosen = parse()
    signal.signal(signal.SIGTERM, interrupted)
    out = chosen.out or chosen.build / "results.jsonl"
    try:
        if chosen.rows is not None:
            show(read_rows(chosen.rows), chosen.charts)
            return
        if GROWTH in chosen.tests:
            print(run_growth(chosen, out))
        else:
            show(run_all(chosen, out), chosen.charts)
    except Failed as failure:
        sys.exit(f"bench: {failure}")
    except KeyboardInterrupt:
        sys.exit("bench: interrupted.")
    if chosen.quick:
        print("\nThis was a quick run: it shows that all works, and its figures are rough.")
    print(f"bench: the rows are in {out}", file=sys.stderr)


if __name__ == "__main__":
    main()
