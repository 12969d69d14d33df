"""The folders of `app` and `protocol`, and which imports which: read from the source text, imports for types included.

`python -m tests.folders` prints the table of CONTRIBUTING.md.
"""

import ast
from functools import cache
from graphlib import TopologicalSorter

from tests.support.paths import ROOT

FACADE = "protocol"  # the module `protocol/__init__.py`, which offers names of all folders of `protocol`
BELOW_FACADE = "protocol/errors.py, backoff.py"  # what stands beside it, and imports nothing
MODULES = sorted(
    path.relative_to(ROOT).as_posix() for top in ("protocol", "app") for path in (ROOT / top).rglob("*.py")
)


def name_of(module: str) -> str:
    """A file's dotted name."""
    return module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


FILES = {name_of(module): module for module in MODULES}


def folder_of(module: str) -> str:
    """The folder that a file counts to. What stands beside the façade of `protocol` is below all, the façade above."""
    folder = module.rpartition("/")[0]
    if folder != "protocol":
        return folder
    return FACADE if module == "protocol/__init__.py" else BELOW_FACADE


FOLDERS = frozenset(map(folder_of, MODULES))


def imported_by(module: str) -> set[str]:
    """The files of the project that a file imports."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / module).read_text("utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = node.module or ""
            within = [f"{package}.{alias.name}" for alias in node.names]
            names = [name if name in FILES else package for name in within]
        found |= {FILES[name] for name in names if name in FILES}
    return found


@cache
def graph() -> dict[str, set[str]]:
    """For each folder, the folders that it imports."""
    folders: dict[str, set[str]] = {}
    for module in MODULES:
        folder = folder_of(module)
        folders.setdefault(folder, set()).update(map(folder_of, imported_by(module)))
    return {folder: imports - {folder} for folder, imports in folders.items()}


def purpose(folder: str) -> str:
    """The first sentence of a folder's docstring."""
    if folder == BELOW_FACADE:
        return "Errors that cross folders, and the delays of whoever tries again."
    text = ast.get_docstring(ast.parse((ROOT / folder / "__init__.py").read_text("utf-8"))) or ""
    return text.partition("\n\n")[0].replace("\n", " ")


def table() -> list[str]:
    """The rows of the table: each folder below all that it imports."""
    folders = graph()
    rows = []
    for folder in TopologicalSorter({name: sorted(folders[name]) for name in sorted(folders)}).static_order():
        imports = ", ".join(f"`{other}`" for other in sorted(folders[folder])) or "-"
        rows.append(f"| `{folder}` | {purpose(folder)} | {imports} |")
    return rows


if __name__ == "__main__":
    print("\n".join(table()))
