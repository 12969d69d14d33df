"""Which form of the engine's hottest modules runs: the one that mypyc has compiled, or Python.

`scripts/build --compiled` puts the compiled modules into the folder `protocol/_compiled`, with a list of the
sources that they were made from. They are used if that list holds: a module that was changed since, or another
interpreter, means Python for all of them, so that what runs is always what the sources say. The environment variable
PARLEY_COMPILED decides as well: `0` is Python, `1` is the compiled form or an ImportError.

This module is imported before the others of this package.
"""

import hashlib
import json
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Final

VARIABLE = "PARLEY_COMPILED"
FOLDER = Path(__file__).parents[1] / "_compiled"
LIST = "modules.json"


def sum_of(source: Path) -> str:
    """The checksum of a module's text."""
    return hashlib.sha256(source.read_bytes()).hexdigest()


class Compiled(MetaPathFinder):
    """Finds the compiled modules before Python finds their sources. `files` are by the names of modules."""

    def __init__(self, files: dict[str, Path]) -> None:
        self._files = files

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - as importlib calls it
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder.find_spec`."""
        file = self._files.get(fullname)
        if file is None:
            return None
        return spec_from_file_location(fullname, file, loader=ExtensionFileLoader(fullname, str(file)))


def reason_for_python(folder: Path, root: Path) -> str | None:
    """Why the modules in a folder cannot be used; None where they can. Sources are found from `root`."""
    try:
        listed = json.loads((folder / LIST).read_bytes())
    except FileNotFoundError:
        return "it was not compiled"
    if listed["suffix"] not in EXTENSION_SUFFIXES:
        return f"it was compiled for another interpreter ({listed['suffix']})"
    for name, checksum in listed["sources"].items():
        source = root.joinpath(*name.split(".")).with_suffix(".py")
        if not source.is_file() or sum_of(source) != checksum:
            return f"{name} was changed after it was compiled"
    return None


def choose(folder: Path, wanted: str) -> str | None:
    """Use the compiled modules of a folder if they can be; return why Python runs instead, None where it does not.

    Raises ImportError where the compiled form is `wanted`, and cannot be had.
    """
    root = Path(__file__).parents[__name__.count(".")]
    reason = f"{VARIABLE}=0" if wanted == "0" else reason_for_python(folder, root)
    if reason is None:
        suffix = json.loads((folder / LIST).read_bytes())["suffix"]
        files = {file.name.removesuffix(suffix): file for file in folder.glob(f"*{suffix}")}
        sys.meta_path.insert(0, Compiled(files))
    elif wanted == "1":
        raise ImportError(f"{VARIABLE}=1, but the compiled form of the engine cannot run: {reason}")
    return reason


_why_python = choose(FOLDER, os.environ.get(VARIABLE, ""))
FORM: Final = "compiled" if _why_python is None else f"pure Python ({_why_python})"
