"""Faults planted into a copy of the code, each by a patch of tests/soak/planted: the checker must catch every one.

The head of a patch says by which invariant, and which faults of the nemesis it takes:

    Breaks: told-once
    Faults: instance-kill
"""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop
from msgspec import Struct, structs

from scripts.soaking.invariants.all_invariants import INVARIANTS, check
from scripts.soaking.run import Plan, run
from scripts.soaking.stack import temporary_folder

ROOT = Path(__file__).parents[2]
PATCHES = ROOT / "tests" / "soak" / "planted"
COPIED = ("app", "protocol", "schema.sql", "pyproject.toml")
SECONDS = 30.0  # of a run, unless the patch says otherwise


class Planted(Struct, frozen=True):
    """A patch: the invariant that it breaks, the faults that it takes, and the seconds of a run."""

    name: str
    file: Path
    breaks: str
    faults: tuple[str, ...]
    seconds: float


class BadPatch(Exception):
    """A patch does not say what it should, or does not fit to the code. The text says why."""


def planted_faults() -> dict[str, Planted]:
    """All of them, by their names. Raises BadPatch."""
    return {file.stem: read_patch(file) for file in sorted(PATCHES.glob("*.patch"))}


def read_patch(file: Path) -> Planted:
    """A patch by its head. Raises BadPatch."""
    head = file.read_text("utf-8").partition("\n--- ")[0]
    fields = dict(re.findall(r"^(\w+): (.*)$", head, re.MULTILINE))
    breaks = fields.get("Breaks", "")
    if breaks not in INVARIANTS:
        raise BadPatch(f"{file.name} breaks {breaks or 'nothing'}, which is no invariant")
    faults = tuple(fields.get("Faults", "").split())
    return Planted(file.stem, file, breaks, faults, float(fields.get("Seconds", SECONDS)))


def show_planted(names: Sequence[str], plan: Plan) -> list[str]:
    """Plant the named faults, or all, one at a time; print what becomes of each, and return those not caught."""
    missed = []
    faults = planted_faults()
    for name in names or faults:
        began = time.monotonic()
        found = caught(faults[name], plan)
        took = time.monotonic() - began
        right = faults[name].breaks in found
        print(
            f"{'caught' if right else 'MISSED'}: {name} in {took:.0f} s by {', '.join(found) or 'nothing'}",
            flush=True,
        )
        if not right:
            missed.append(name)
    return missed


def caught(planted: Planted, plan: Plan) -> list[str]:
    """The invariants that a run breaks whose servers have the fault. Raises BadPatch."""
    with temporary_folder() as folder:
        source = copy_of_code(folder, planted.file)
        shape = structs.replace(plan.shape, source=str(source))
        history = uvloop.run(
            run(structs.replace(plan, seconds=planted.seconds, faults=planted.faults, shape=shape))
        )
    return list(check(history))


def copy_of_code(folder: Path, patch: Path) -> Path:
    """A copy of the server's code, with a patch applied to it. Raises BadPatch."""
    for name in COPIED:
        place = ROOT / name
        if place.is_dir():
            ignored = shutil.ignore_patterns("node_modules", "__pycache__", "var")
            shutil.copytree(place, folder / name, ignore=ignored)
        else:
            shutil.copy(place, folder / name)
    git = shutil.which("git")
    if git is None:
        raise BadPatch("git, which applies the patches, is not installed")
    applied = subprocess.run(
        [git, "apply", "--whitespace=nowarn", str(patch)],
        cwd=folder,
        env={**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    if applied.returncode:
        raise BadPatch(f"{patch.name} does not fit to the code: {applied.stderr.strip()}")
    return folder
