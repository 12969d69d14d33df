"""Runs the targets of tests/fuzz with atheris, two at a time; see scripts/fuzz.

What is found worth keeping stays in var/fuzz/TARGET for the next run, and so does an input that breaks a target: it
belongs into a test of the module that it broke, once that is mended.
"""

import argparse
import importlib.util
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from subprocess import PIPE

from tests.fuzz.corpus import TARGETS

FOLDER = Path("var/fuzz")
AT_ONCE = 2
LONGEST_INPUT = 4096  # bytes
LONGEST_CHECK = 20  # seconds that one input may take, on a busy machine
MOST_MEMORY = 1500  # MB
LINES = 40  # of the output of a target that broke


def main() -> int:
    """Status 1 if a target broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"targets to run: {', '.join(TARGETS)}")
    parser.add_argument("--seconds", type=int, default=60, help="seconds for each target (default: 60)")
    parser.add_argument(
        "--seeds", action="store_true", help="generate tests/fuzz/corpus with this code's encoders"
    )
    args = parser.parse_args()
    if unknown := set(args.targets) - set(TARGETS):
        parser.error(f"no target: {', '.join(sorted(unknown))}")
    if args.seeds:
        return subprocess.run([sys.executable, "-m", "tests.fuzz.seeds"], check=False).returncode
    if importlib.util.find_spec("atheris") is None:
        print("fuzz: skipped, for atheris is there for Linux on x86-64 alone, up to Python 3.14")
        return 0
    return 0 if fuzz(args.targets or TARGETS, args.seconds) else 1


def fuzz(targets: Sequence[str], seconds: int) -> bool:
    """Runs targets, and says how each went."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    flags = {
        "max_total_time": seconds,
        "max_len": LONGEST_INPUT,
        "timeout": LONGEST_CHECK,
        "rss_limit_mb": MOST_MEMORY,
        "print_final_stats": 1,
    }
    command = [
        *(sys.executable, "-m", "tests.fuzz.drive", FOLDER, str(AT_ONCE), *targets),
        *(f"-{name}={value}" for name, value in flags.items()),
    ]
    sound = set()
    log = FOLDER / "drive.log"
    with log.open("w") as said, subprocess.Popen(command, stdout=PIPE, stderr=said, text=True) as driver:
        assert driver.stdout is not None
        for line in driver.stdout:
            target, status = line.split()
            if report(target, int(status)):
                sound.add(target)
    if driver.returncode:
        print(f"fuzz: the targets could not be run\n{tail(log)}", flush=True)
    return sound == set(targets)


def report(target: str, status: int) -> bool:
    """Says how a target went. False if it broke."""
    log = FOLDER / f"{target}.log"
    if status:
        print(f"{target}: BROKEN, its input is in {FOLDER}\n{tail(log)}", flush=True)
        return False
    said = log.read_text(errors="replace")
    count = figure(r"number_of_executed_units: (\d+)", said)
    edges = figure(r"DONE +cov: (\d+)", said)
    print(f"{target}: {count} inputs, {edges} edges", flush=True)
    return True


def tail(log: Path) -> str:
    """The end of what a process said."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-LINES:])


def figure(pattern: str, output: str) -> str:
    """A number from libFuzzer's output."""
    found = re.search(pattern, output)
    return found[1] if found else "?"


if __name__ == "__main__":
    sys.exit(main())
