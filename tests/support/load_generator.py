"""The load generator of scripts/bench and its floor, compiled for tests."""

import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.benchmark.machine import Place
from tests.support.paths import ROOT

SOURCES = {"loadgen": "load/*.c", "floor": "servers/floor.c"}


def compiled(folder: Path) -> Place:
    """A place with both in its build folder, on any core; skips the test where nothing compiles C."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    for program, sources in SOURCES.items():
        files = map(str, (ROOT / "scripts/benchmark").glob(sources))
        flags = ["-O1", "-std=gnu11", "-Wall", "-Wextra", "-Werror"]
        subprocess.run([compiler, *flags, "-o", str(folder / program), *files], check=True, timeout=60)
    return Place("node", folder, None, None)
