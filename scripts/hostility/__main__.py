"""scripts/hostile: attacks an instance with default limits in every way it knows, while two ordinary clients talk.

Each attack has an instance of its own. The exit status is 0, or 1 where a target was missed or the attacks could not be
run, or 2 for wrong arguments.
"""

import argparse
import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import uvloop
from rich.console import Console

from app.config.jwt_secret import with_secret
from app.config.settings import load_settings
from app.embedded import EmbeddedError, embedded
from app.runtime.guarded_command import leave
from scripts.cluster import CannotStart, raise_file_limit
from scripts.hostility.attack import Attack
from scripts.hostility.attacker import Order
from scripts.hostility.attacks import ATTACKS
from scripts.hostility.children import Child, ChildEnded
from scripts.hostility.instance import Attacked, attacked, defaults
from scripts.hostility.ordinary import Assignment
from scripts.hostility.report import RETURNED, Measured, cells, doubts, markdown, missed, report, targets
from scripts.hostility.usage import Watch
from scripts.loadtest.accounts import CannotPrepare

FAILED = 1
QUIET = "quiet"
WARM = 2.0  # seconds that the ordinary clients talk before anything is measured
START_WITHIN = 120.0  # seconds; large pictures are made in it
END_WITHIN = 90.0  # seconds after an attack
MEMORY = Path("/dev/shm")  # noqa: S108 - it is the instance that is measured and not a disk
WIDTH = 220  # columns of the table where no terminal says


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the attacks; the exit status."""
    chosen = parsed(arguments)
    console = Console(highlight=False)
    signal.signal(signal.SIGTERM, leave)
    raise_file_limit()
    try:
        with stores() as (folder, environment):
            runs = uvloop.run(run_all(chosen, folder, environment, console))
    except (EmbeddedError, CannotStart, CannotPrepare, ChildEnded) as error:
        print(f"hostile: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return show(runs, chosen.markdown, console)


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The arguments, with the attacks that are chosen."""
    parser = argparse.ArgumentParser(prog="scripts/hostile", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="seconds of each attack (10)")
    parser.add_argument(
        "--settle", type=float, default=60.0, help="seconds to wait for memory to return to normal (60)"
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="run only these attacks; * is a wildcard; may be given several times",
    )
    parser.add_argument("--markdown", action="store_true", help="print the results as a Markdown table")
    parser.add_argument("--list", action="store_true", help="list the attacks and exit")
    chosen = parser.parse_args(arguments)
    names = chosen.only or ["*"]
    chosen.attacks = [
        attack for attack in ATTACKS.values() if any(fnmatch(attack.name, name) for name in names)
    ]
    if not chosen.attacks:
        parser.error(f"no attack is called {' or '.join(names)}; --list has them all")
    if not 0 < chosen.seconds <= 600 or not 0 <= chosen.settle <= 600:
        parser.error("--seconds and --settle take up to 600 seconds")
    if chosen.list:
        for attack in chosen.attacks:
            print(f"{attack.name:20} {attack.about}" + (" (an account)" if attack.account else ""))
        parser.exit()
    return chosen


@contextmanager
def stores() -> Iterator[tuple[Path, dict[str, str]]]:
    """A PostgreSQL and a Valkey with their data in a folder that goes with them, and an instance's environment."""
    parent = str(MEMORY) if MEMORY.is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix="parley-hostile-", dir=parent))
    folder.chmod(0o711)  # root's PostgreSQL runs as another user
    try:
        with embedded(folder, postgres=True, valkey=True) as urls:
            secret = with_secret(load_settings({"DATA_DIR": str(folder)})).jwt_secret
            assert urls.database is not None
            assert urls.redis is not None
            yield folder, defaults(DATABASE_URL=urls.database, REDIS_URL=urls.redis, JWT_SECRET=secret)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def run_all(
    chosen: argparse.Namespace, folder: Path, environment: Mapping[str, str], console: Console
) -> list[Measured]:
    """A quiet run, and each attack."""
    runs: list[Measured] = []
    for number, attack in enumerate([None, *chosen.attacks]):
        load = os.getloadavg()[0]
        async with attacked(folder / f"instance-{number}", environment) as target:
            runs.append(await run(target, attack, chosen.seconds, chosen.settle))
        row = cells(runs[-1], runs[0])
        console.print(f"load {load:.1f} · " + " · ".join(row), soft_wrap=True)
    return runs


async def run(target: Attacked, attack: Attack | None, seconds: float, settle: float) -> Measured:
    """One attack on an instance, or nothing where there is none."""
    watch = Watch(target.instance.process.pid)
    async with AsyncExitStack() as stack:
        ordinary = await stack.enter_async_context(ordinary_clients(target))
        attacker = await stack.enter_async_context(attacker_of(target, attack))
        await asyncio.sleep(WARM)
        before = watch.look()
        watching = asyncio.create_task(watch.run())
        ordinary.tell({"measure": attack.witness if attack else ""})
        outcome: dict[str, Any] = {"sent": 0, "answers": {}}
        if attacker is None:
            await asyncio.sleep(seconds)
        else:
            attacker.tell({"seconds": seconds})
            outcome = await attacker.told(seconds + END_WITHIN)
        during = watch.look()
        ordinary.tell({"stop": True})
        settling = asyncio.create_task(watch.falls_to(before.memory + RETURNED, settle))
        figures = await ordinary.told(END_WITHIN)
        after, back = await settling
        watching.cancel()
        status = target.instance.process.poll()
    return Measured(
        name=attack.name if attack else QUIET,
        about=attack.about if attack else "",
        figures=figures,
        before=before.memory,
        peak=watch.peak,
        after=after.memory,
        back=back,
        cpu=(during.cpu - before.cpu) / seconds,
        sent=outcome["sent"],
        answers=outcome["answers"],
        ended="" if status is None else f"the instance ended with status {status}",
    )


@asynccontextmanager
async def ordinary_clients(target: Attacked) -> AsyncIterator[Child]:
    """The process of the ordinary clients, once they talk."""
    port = target.instance.address[1]
    child = await Child.start("scripts.hostility.ordinary", Assignment(port, target.ordinary))
    try:
        await child.told(START_WITHIN)
        yield child
    finally:
        await child.stop()


@asynccontextmanager
async def attacker_of(target: Attacked, attack: Attack | None) -> AsyncIterator[Child | None]:
    """The process that attacks, once it is prepared."""
    if attack is None:
        yield None
        return
    child = await Child.start("scripts.hostility.attacker", Order(attack.name, target.target))
    try:
        await child.told(START_WITHIN)
        yield child
    finally:
        await child.stop()


def show(runs: Sequence[Measured], as_markdown: bool, console: Console) -> int:
    """Print what came of it; the exit status."""
    quiet = runs[0]
    if as_markdown:
        print("\n" + markdown(runs, quiet) + f"\n\n{targets()}")
    else:
        wide = console if console.is_terminal else Console(highlight=False, width=WIDTH)
        report(wide, runs, quiet)
        wide.print(targets())
    for doubt in doubts(runs):
        console.print(f"note: {doubt}", style="yellow")
    return FAILED if any(any(missed(run, quiet)) for run in runs[1:]) else 0


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        sys.exit(main())
