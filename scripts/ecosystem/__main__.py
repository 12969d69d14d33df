"""scripts/compatibility: runs programs of others against Parley, one row of docs/compatibility.md after the other.

The exit status is 0, or 1 where a row is not as it should be: a check failed, or one passed that is listed as a
limitation. A program that cannot be had on this machine is named, and changes nothing. 2 is for wrong arguments.
"""

import argparse
import logging
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from fnmatch import fnmatch

from app.runtime.guarded_command import leave
from scripts.ecosystem.row import Outcome, Result, Row, judge, left_out
from scripts.ecosystem.rows.all_rows import ROWS
from scripts.ecosystem.table import PAGE, seen, written
from scripts.ecosystem.workshop import WHY_LENGTH, NotAvailable, Workshop

FAILED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the rows; the exit status."""
    chosen = parsed(arguments)
    signal.signal(signal.SIGTERM, leave)
    logging.getLogger("app.embedded").setLevel(logging.ERROR)  # the account of PostgreSQL is no matter here
    workshop = Workshop()
    try:
        results = [run(row, workshop) for row in chosen.rows]
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    finally:
        workshop.close()
    if chosen.write:
        today = datetime.now(UTC).date().isoformat()
        PAGE.write_text(written(PAGE.read_text("utf-8"), ROWS, results, today), "utf-8")
    good = sum(result.good and not result.not_run for result in results)
    absent = sum(bool(result.not_run) for result in results)
    print(
        f"compatibility: {good} as they should be, {len(results) - good - absent} not, {absent} not run here"
    )
    return 0 if all(result.good for result in results) else FAILED


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The arguments, with the rows that are chosen."""
    parser = argparse.ArgumentParser(prog="scripts/compatibility", description=__doc__)
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="run only these rows, named as --list does; * is a wildcard; may be given several times",
    )
    parser.add_argument("--list", action="store_true", help="list the rows and exit")
    parser.add_argument("--write", action="store_true", help="rewrite these rows of docs/compatibility.md")
    chosen = parser.parse_args(arguments)
    names = chosen.only or ["*"]
    chosen.rows = [row for row in ROWS if any(is_named(row, name.lower()) for name in names)]
    if not chosen.rows:
        parser.error(f"no row is called {' or '.join(names)}; --list has them all")
    if chosen.list:
        for row in chosen.rows:
            print(f"{row.kind:20} {row.title}")
        parser.exit()
    return chosen


def is_named(row: Row, name: str) -> bool:
    """True if a name means a row: its own, with or without the version."""
    return fnmatch(row.title.lower(), name) or fnmatch(row.name.lower(), name)


def run(row: Row, workshop: Workshop) -> Result:
    """Run a row and print what came of it, as it comes."""
    print(f"{row.title} …", end=" ", flush=True)
    began = time.monotonic()
    try:
        result = judge(row, row.run(workshop))
    except NotAvailable as error:
        result = left_out(row, str(error))
    except Exception as error:  # noqa: BLE001 - the other rows are run all the same
        why = " ".join(f"{type(error).__name__}: {error}".split())[-WHY_LENGTH:]
        result = judge(row, Outcome(dict.fromkeys(row.expected, why)))
    print(f"{seen(result)} ({time.monotonic() - began:.0f} s)", flush=True)
    for check, why in result.failures.items():
        print(f"  {check}: {why}")
    for check in result.surprises:
        print(f"  {check}: passes now; take it out of the row's `known`")
    return result


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        sys.exit(main())
