"""scripts/soak: lets devices of several kinds chat while a nemesis breaks what they rely on, and checks the history.

The exit status is 0, or 1 where an invariant is broken or the run could not be made, or 2 for wrong arguments.
"""

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path

import httpx
import uvloop

from app.core.errors import CannotStart
from app.runtime.guarded_command import leave
from scripts.cluster import CannotStart as InstanceCannotStart
from scripts.cluster import raise_file_limit
from scripts.soaking.history import AnyEntry, NoHistory, read, written
from scripts.soaking.invariants.all_invariants import INVARIANTS, check
from scripts.soaking.nemesis.faults import FAULTS, possible
from scripts.soaking.planted import BadPatch, planted_faults, show_planted
from scripts.soaking.release import NoRelease, last_release
from scripts.soaking.report import problems, summary
from scripts.soaking.run import CannotRun, Plan, run
from scripts.soaking.stack import Shape

FAILED = 1
FOLDER = Path("var/soak")
LAST_RELEASE = "the last tag"


def main(arguments: Sequence[str] | None = None) -> int:
    """Make a run, or look at an earlier one; the exit status."""
    chosen = parsed(arguments)
    signal.signal(signal.SIGTERM, leave)
    raise_file_limit()
    try:
        if chosen.check is not None:
            return show(read(chosen.check), None)
        if chosen.planted is not None:
            return FAILED if show_planted(chosen.planted, planned(chosen)) else 0
        return soak(planned(chosen), chosen.folder)
    except (
        BadPatch,
        CannotRun,
        CannotStart,
        InstanceCannotStart,
        NoHistory,
        NoRelease,
        httpx.HTTPError,
        OSError,
    ) as error:
        print(f"soak: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The arguments, with the names of the faults that are chosen."""
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    today = int(time.strftime("%Y%m%d", time.gmtime()))
    add = parser.add_argument
    add("--seed", type=int, default=today, help="what decides about faults and chats (today's date)")
    add("--seconds", type=float, default=60.0, help="seconds of chat in which faults may begin (60)")
    add("--devices", type=int, default=12, help="number of devices, two for each user (12)")
    add("--pause", type=float, default=1, help="times as long as usual that devices pause, up to 100 (1)")
    add("--instances", type=int, default=3, help="number of instances (3)")
    add("--workers", type=int, default=0, help="serving processes of each instance (0: itself)")
    add(
        "--haproxy",
        action="store_true",
        help="put HAProxy, with deploy/haproxy.cfg, in front of the instances",
    )
    add("--bus", choices=("one", "interest"), default="one", help="the mode of the bus (one)")
    add("--mixed", action="store_true", help="put Node's server with its streams adapter on the same Redis")
    add("--sentinel", action="store_true", help="let a sentinel change between two Redis servers")
    add(
        "--cluster",
        action="store_true",
        help="let the chat keep its state in a Redis Cluster of three and three",
    )
    add(
        "--from",
        dest="upgraded_from",
        nargs="?",
        const=LAST_RELEASE,
        default="",
        metavar="REVISION",
        help="begin with the code of a revision, or of the last tag, and upgrade instance by instance",
    )
    add("--clocks", action="store_true", help="let the clocks of instances jump, by Debian's libfaketime")
    add(
        "--fault",
        action="append",
        default=[],
        metavar="NAME",
        help="only these faults; * is a wildcard, none is none; may be given several times",
    )
    add("--list", action="store_true", help="list faults, invariants and planted faults, and exit")
    add("--check", type=Path, metavar="FILE", help="check the history in a file, and run nothing")
    add(
        "--planted",
        nargs="*",
        metavar="NAME",
        help="plant each fault of tests/soak/planted, or those named, into a copy of the code, and see it caught",
    )
    add("--folder", type=Path, default=FOLDER, help=f"where histories are kept ({FOLDER})")
    return checked(parser, parser.parse_args(arguments))


def checked(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> argparse.Namespace:
    """The same arguments, with the names of faults and the revision; or the end, with what is wrong with them."""
    if chosen.list:
        for title, names in (("faults", FAULTS), ("invariants", INVARIANTS), ("planted", planted_faults())):
            print(f"{title}: {' '.join(names)}")
        parser.exit()
    if chosen.mixed and chosen.bus != "one":
        parser.error("Node's server has one stream: --mixed goes with --bus one alone")
    if chosen.cluster and (chosen.sentinel or chosen.mixed):
        parser.error("--cluster goes with neither --sentinel nor --mixed")
    if chosen.upgraded_from and chosen.planted is not None:
        parser.error("a fault is planted into the code as it is: --planted does not go with --from")
    patterns = chosen.fault or ["*"]
    here = possible(shape_of(chosen))
    try:
        if chosen.upgraded_from == LAST_RELEASE:
            chosen.upgraded_from = last_release()
    except NoRelease as error:
        parser.error(str(error))
    chosen.faults = tuple(name for name in here if any(fnmatch(name, pattern) for pattern in patterns))
    if not chosen.faults and patterns != ["none"]:
        parser.error(f"no fault that is possible here is called {' or '.join(patterns)}; --list has them all")
    if chosen.planted and (unknown := set(chosen.planted) - set(planted_faults())):
        parser.error(f"{' and '.join(sorted(unknown))} is not in tests/soak/planted; --list has them all")
    if not 0 < chosen.seconds <= 86_400 or not 2 <= chosen.devices <= 200 or not 1 <= chosen.instances <= 8:
        parser.error("--seconds takes up to 86400, --devices 2 to 200, --instances 1 to 8")
    if not 0.1 <= chosen.pause <= 100:
        parser.error("--pause takes 0.1 to 100")
    return chosen


def planned(chosen: argparse.Namespace) -> Plan:
    """The run that is asked for."""
    return Plan(chosen.seed, chosen.seconds, chosen.devices, chosen.faults, shape_of(chosen), chosen.pause)


def shape_of(chosen: argparse.Namespace) -> Shape:
    """The servers that are asked for."""
    return Shape(
        instances=chosen.instances,
        workers=chosen.workers,
        haproxy=chosen.haproxy,
        mixed=chosen.mixed,
        sentinel=chosen.sentinel,
        cluster=chosen.cluster,
        clocks=chosen.clocks,
        bus=chosen.bus,
        upgraded_from=chosen.upgraded_from,
    )


def soak(plan: Plan, folder: Path) -> int:
    """One run, and what came of it; the exit status."""
    print(f"soak: seed {plan.seed}, {plan.seconds:g} s, {plan.devices} devices", flush=True)
    history = uvloop.run(run(plan))
    folder = folder / f"seed-{plan.seed}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "history.jsonl").write_bytes(written(history))
    print(f"soak: the history is in {folder / 'history.jsonl'}")
    return show(history, folder)


def show(history: Sequence[AnyEntry], folder: Path | None) -> int:
    """Print what is in a history, and what it breaks; the exit status."""
    broken = check(history)
    for line in (*summary(history), *problems(history, broken, folder)):
        print(f"  {line}")
    held = len(INVARIANTS) - len(broken)
    print(f"soak: {held} of {len(INVARIANTS)} invariants hold")
    return FAILED if broken else 0


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        sys.exit(main())
