"""Runs the targets of tests/fuzz with atheris, two at a time; see scripts/fuzz.

What is found worth keeping stays in var/fuzz/TARGET for the next run, and so does an input that breaks a target: it
belongs into a test of the module that it broke, once that is mended.
"""

import argparse
import importlib.util
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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
    with ThreadPoolExecutor(AT_ONCE) as pool:
        sound = list(pool.map(lambda target: fuzz(target, args.seconds), args.targets or TARGETS))
    return 0 if all(sound) else 1


def fuzz(target: str, seconds: int) -> bool:
    """Runs one target, and says how it went."""
    inputs, broken = FOLDER / target, FOLDER / f"{target}-"
    flags = {
        "max_total_time": seconds,
        "max_len": LONGEST_INPUT,
        "timeout": LONGEST_CHECK,
        "rss_limit_mb": MOST_MEMORY,
        "artifact_prefix": broken,
        "print_final_stats": 1,
    }
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.fuzz.drive",
            target,
            inputs,
            *(f"-{name}={value}" for name, value in flags.items()),
        ],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if run.returncode:
        last = "\n".join(run.stderr.splitlines()[-LINES:])
        print(f"{target}: BROKEN, its input is in {broken.parent}\n{last}", flush=True)
        return False
    count = figure(r"number_of_executed_units: (\d+)", run.stderr)
    edges = figure(r"DONE +cov: (\d+)", run.stderr)
    print(f"{target}: {count} inputs, {edges} edges", flush=True)
    return True


def figure(pattern: str, output: str) -> str:
    """A number from libFuzzer's output."""
    found = re.search(pattern, output)
    return found[1] if found else "?"


if __name__ == "__main__":
    sys.exit(main())
