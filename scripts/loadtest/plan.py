"""What is asked for: the arguments of scripts/load."""

import argparse
import os
import re
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

DEVICES = 10  # clients of one user, unless --users says otherwise
MOST_DEVICES = 50  # what MAX_SOCKETS_PER_USER allows by default
THRESHOLDS = {
    "max_connect_p99": (
        "connect",
        "p99",
        "maximum ms from the planned connect until the room's state is known",
    ),
    "max_ack_p99": ("ack", "p99", "maximum ms from the planned send until the acknowledgement"),
    "max_p99": ("deliver", "p99", "maximum ms from the planned send until a member has received it"),
    "max_lost": ("counts", "lost", "maximum number of messages that a member, or the log, never got"),
    "max_missed": (
        "counts",
        "missed",
        "maximum number of messages that only room:sync brought to a connected member",
    ),
    "max_doubled": (
        "counts",
        "doubled",
        "maximum number of messages that arrived, or are in the log, more than once",
    ),
    "max_out_of_order": (
        "counts",
        "out_of_order",
        "maximum number of messages that arrived after a later one",
    ),
    "max_errors": ("counts", "errors", "maximum number of errors of any kind"),
}


class Plan(Struct, frozen=True):
    """The load. Rates are a second, of all clients together; shares are from 0 to 1."""

    urls: tuple[str, ...]
    clients: int
    users: int
    room_size: int
    duration: float
    connect_rate: float
    rate: float
    reads: float
    typing: float
    reconnects: float
    cut: float
    polling: float
    size: int
    processes: int
    grace: float
    prefix: str
    accounts: Path
    json: Path | None
    chart: Path | None
    thresholds: dict[str, float]

    @property
    def rooms(self) -> int:
        """How many there are."""
        return -(-self.users // self.room_size)


def parse(arguments: Sequence[str] | None = None) -> Plan:
    """The plan; what cannot be meant ends the program with status 2."""
    parser = argparse.ArgumentParser(prog="scripts/load", description="Many chat clients at once.")
    add = parser.add_argument
    add(
        "urls",
        nargs="+",
        metavar="URL",
        type=url,
        help="URLs that clients connect to in turn; the first also creates the accounts",
    )
    add("--clients", type=whole, default=1000, metavar="N", help="number of connections (%(default)s)")
    add("--users", type=whole, metavar="N", help=f"number of accounts (a {DEVICES}th of the clients)")
    add("--room-size", type=whole, default=20, metavar="N", help="users in each room (%(default)s)")
    add("--duration", type=positive, default=30.0, metavar="S", help="seconds of load (%(default)s)")
    add(
        "--connect-rate", type=positive, default=200.0, metavar="N", help="connections a second (%(default)s)"
    )
    add("--rate", type=positive, default=50.0, metavar="N", help="messages a second (%(default)s)")
    add("--reads", type=rate, metavar="N", help="read marks a second (same as messages)")
    add("--typing", type=rate, metavar="N", help="typing:start events a second (half of messages)")
    add(
        "--reconnect",
        type=rate,
        metavar="N",
        help="clients a second that disconnect and reconnect (a 1000th)",
    )
    add(
        "--cut",
        type=share,
        default=0.0,
        metavar="SHARE",
        help="share of the connections that break at once, in the middle of the load (none)",
    )
    add(
        "--polling",
        type=share,
        default=0.1,
        metavar="SHARE",
        help="share of clients that poll, as 0.1 or 10%% (10%%)",
    )
    add(
        "--size",
        type=whole,
        default=100,
        metavar="BYTES",
        help="size of a message's text, at least 50 (%(default)s)",
    )
    add(
        "--processes",
        type=whole,
        default=os.cpu_count() or 1,
        metavar="N",
        help="number of client processes (%(default)s)",
    )
    add(
        "--grace",
        type=positive,
        default=15.0,
        metavar="S",
        help="seconds to wait for clients that cannot connect, and for what is in flight at the end (%(default)s)",
    )
    add(
        "--prefix",
        default="load",
        help="prefix of the account names, reused by later runs (%(default)s)",
    )
    add("--accounts", type=Path, default=Path(os.environ.get("PARLEY_LOAD_ACCOUNTS", "var/load")), metavar="FOLDER",
        help="folder for the tokens of the accounts (%(default)s)")  # fmt: skip
    add("--json", type=Path, metavar="FILE", help="write all figures to this file")
    add(
        "--chart",
        type=Path,
        metavar="FILE.png",
        help="draw latencies, throughput and connections to this file",
    )
    for name, (_, _, words) in THRESHOLDS.items():
        add(f"--{name.replace('_', '-')}", type=rate, metavar="N", help=words)
    chosen = parser.parse_args(arguments)
    users = chosen.users or max(1, -(-chosen.clients // DEVICES))
    check(parser, chosen, users)
    return Plan(
        urls=tuple(chosen.urls),
        clients=chosen.clients,
        users=users,
        room_size=chosen.room_size,
        duration=chosen.duration,
        connect_rate=chosen.connect_rate,
        rate=chosen.rate,
        reads=chosen.rate if chosen.reads is None else chosen.reads,
        typing=chosen.rate / 2 if chosen.typing is None else chosen.typing,
        reconnects=chosen.clients / 1000 if chosen.reconnect is None else chosen.reconnect,
        cut=chosen.cut,
        polling=chosen.polling,
        size=chosen.size,
        processes=min(chosen.processes, chosen.clients),
        grace=chosen.grace,
        prefix=chosen.prefix,
        accounts=chosen.accounts,
        json=chosen.json,
        chart=chosen.chart,
        thresholds={name: limit for name in THRESHOLDS if (limit := getattr(chosen, name)) is not None},
    )


def check(parser: argparse.ArgumentParser, chosen: argparse.Namespace, users: int) -> None:
    if users > chosen.clients:
        parser.error(f"--users {users} would leave some of them without a client")
    if chosen.clients > users * MOST_DEVICES:
        parser.error(
            f"--users {users} would each have more than {MOST_DEVICES} clients, which the chat refuses"
        )
    if chosen.size < 50:
        parser.error("--size must be at least 50, to hold what tells messages apart")
    if not re.fullmatch(r"[a-z0-9-]{1,16}", chosen.prefix):
        parser.error("--prefix is 1 to 16 small letters, digits and hyphens")
    if chosen.chart is not None and chosen.chart.suffix != ".png":
        parser.error("--chart must end in .png")
    for file in (chosen.json, chosen.chart):
        if file is not None and not file.absolute().parent.is_dir():
            parser.error(f"there is no folder {file.absolute().parent}")


def url(text: str) -> str:
    if not re.fullmatch(r"https?://[^/?#\s]+/?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not like http://127.0.0.1:3000")
    return text.rstrip("/")


def whole(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,6}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def rate(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 on")
    return float(text)


def positive(text: str) -> float:
    if not rate(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not above 0")
    return rate(text)


def share(text: str) -> float:
    found = rate(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    if found > 1:
        raise argparse.ArgumentTypeError(f"{text!r} is more than all")
    return found
