"""scripts/storm: makes the storms that a chat must stand, and tells what came of each.

cut: half of the clients lose their connections at once and come back. restart: each of two instances restarts under
load. unread: a tenth of the clients never read. mentions: people with closed pages are mentioned, and one of two
instances is killed. The exit status is 0, or 1 where something was lost, refused, doubled or out of order, a client was
not back, or the others or the pushes were too slow, or 2 for wrong arguments.
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from secrets import token_hex
from typing import Any

import uvloop

from app.core.errors import CannotStart
from app.embedded import EmbeddedError, embedded
from app.runtime.guarded_command import leave
from scripts.cluster import UNLIMITED, raise_file_limit
from scripts.cluster import CannotStart as InstanceCannotStart
from scripts.hostility.instance import defaults
from scripts.loadtest.__main__ import NotConnected, WorkerEnded
from scripts.loadtest.accounts import CannotPrepare
from scripts.soaking.stack import temporary_folder
from scripts.storms.storms import STORMS
from scripts.storms.weather import RATIO, Weather

FAILED = 1
DEFAULTS: dict[str, dict[str, float]] = {
    "cut": {"clients": 5000, "seconds": 40, "rate": 20},
    "restart": {"clients": 1000, "seconds": 25, "rate": 40},
    "unread": {"clients": 200, "seconds": 15, "rate": 50},
    "mentions": {"clients": 10_000, "seconds": 30, "rate": 100},
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Make storms; the exit status."""
    chosen = parsed(arguments)
    signal.signal(signal.SIGTERM, leave)
    raise_file_limit()
    wrong = 0
    try:
        with temporary_folder() as folder, embedded(folder, postgres=True, valkey=True) as urls:
            environment = defaults(
                **UNLIMITED,
                DATABASE_URL=str(urls.database),
                REDIS_URL=str(urls.redis),
                JWT_SECRET=token_hex(32),
                FILE_STORAGE=str(folder / "files"),
            )
            for name in chosen.storms:
                print(f"storm: {name}", flush=True)
                damage = uvloop.run(STORMS[name](weather(name, chosen, folder, environment)))
                for line in (*damage.figures, *(f"WRONG: {line}" for line in damage.wrong)):
                    print(f"  {line}", flush=True)
                wrong += len(damage.wrong)
    except (
        CannotPrepare,
        CannotStart,
        EmbeddedError,
        InstanceCannotStart,
        NotConnected,
        OSError,
        WorkerEnded,
    ) as error:
        print(f"storm: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return FAILED if wrong else 0


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The arguments."""
    parser = argparse.ArgumentParser(prog="scripts/storm", description=__doc__)
    add = parser.add_argument
    add(
        "storms",
        nargs="*",
        metavar="STORM",
        help=f"which of {', '.join(STORMS)}, in this order (all of them)",
    )
    for name, words in (
        ("clients", "number of clients"),
        ("seconds", "seconds of load"),
        ("rate", "messages a second"),
    ):
        usual = ", ".join(f"{storm} {of[name]:g}" for storm, of in DEFAULTS.items())
        add(f"--{name}", type=float, metavar="N", help=f"{words} ({usual})")
    add("--rounds", type=int, default=3, metavar="N", help="loads of `unread` with and without, in turn (3)")
    add(
        "--ratio",
        type=float,
        default=RATIO,
        metavar="N",
        help=f"most that p99 may grow in `unread` ({RATIO})",
    )
    chosen = parser.parse_args(arguments)
    chosen.storms = chosen.storms or list(STORMS)
    for name in chosen.storms:
        if name not in STORMS:
            parser.error(f"{name} is none of {', '.join(STORMS)}")
    if any((value := getattr(chosen, name)) is not None and value <= 0 for name in DEFAULTS["cut"]):
        parser.error("--clients, --seconds and --rate are above 0")
    if not 1 <= chosen.rounds <= 100:
        parser.error("--rounds takes 1 to 100")
    return chosen


def weather(name: str, chosen: argparse.Namespace, folder: Path, settings: dict[str, str]) -> Weather:
    """What a storm is made of."""
    given: dict[str, Any] = {key: getattr(chosen, key) or value for key, value in DEFAULTS[name].items()}
    return Weather(
        clients=max(10, round(given["clients"])),
        seconds=given["seconds"],
        rate=given["rate"],
        folder=folder,
        settings=settings,
        rounds=chosen.rounds,
        ratio=chosen.ratio,
    )


if __name__ == "__main__":
    sys.exit(main())
