"""`python -m tests.simulation --seed N --histories M`: carry out the histories of M seeds from N on.

Each seed is a history, so a seed that fails is replayed with `--seed` alone. What fails is made shorter and printed.
"""

import argparse
import gc
import multiprocessing
import sys
import time
from collections.abc import Iterator

from tests.simulation.histories import LENGTH, drawn
from tests.simulation.invariants import CHECKS, Violation, checked
from tests.simulation.shrinking import shrunk

PART = 50  # seeds for a process at a time


def parser() -> argparse.ArgumentParser:
    """The arguments."""
    found = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    found.add_argument("--seed", type=int, default=0, help="the first seed")
    found.add_argument("--histories", type=int, default=1, help="how many seeds from there on")
    found.add_argument("--length", type=int, default=LENGTH, help="steps of a history, at most")
    found.add_argument("--jobs", type=int, default=multiprocessing.cpu_count(), help="processes")
    found.add_argument("--failures", type=int, default=3, help="stop after so many")
    return found


def carry_out(part: tuple[range, int]) -> list[tuple[int, list[Violation]]]:
    """What does not hold in the histories of some seeds."""
    seeds, length = part
    found = [(seed, checked(drawn(seed, length=length))) for seed in seeds]
    gc.collect()
    return [(seed, violations) for seed, violations in found if violations]


def prepare() -> None:
    """A history leaves much that only the collector frees: let it do so after a part rather than all the time."""
    gc.freeze()
    gc.disable()


def failures(parts: list[tuple[range, int]], jobs: int) -> Iterator[tuple[int, list[Violation]]]:
    """The seeds that fail, in their order."""
    if jobs <= 1 or len(parts) == 1:
        for part in parts:
            yield from carry_out(part)
        return
    with multiprocessing.Pool(jobs, prepare) as pool:
        for found in pool.imap(carry_out, parts):
            yield from found


def show(seed: int, violations: list[Violation], length: int) -> None:
    """Tell of a failure, and of the shortest history that shows it."""
    print(f"seed {seed}, length {length}:")
    for name, text in violations[:5]:
        print(f"  {name}: {text}")
    shortest = shrunk(drawn(seed, length=length), violations[0].invariant)
    print(f"shortest history for {violations[0].invariant}:\n  {shortest}")
    print(f"  as data: {shortest!r}")


def main(arguments: list[str] | None = None) -> int:
    """1 where an invariant was broken, else 0."""
    given = parser().parse_args(arguments)
    seeds = range(given.seed, given.seed + given.histories)
    parts = [(seeds[first : first + PART], given.length) for first in range(0, len(seeds), PART)]
    began, count = time.monotonic(), 0
    for seed, violations in failures(parts, given.jobs):
        count += 1
        show(seed, violations, given.length)
        if count >= given.failures:
            break
    seconds = time.monotonic() - began
    tried = f"{len(seeds)} histories" if count < given.failures else f"up to seed {seed}"
    print(f"{tried}, {len(CHECKS)} invariants, {count} failed, {seconds:.1f} s")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
