"""Hatchling's build hook: puts the packages of the repository into one package of the wheel, `parley_chat`.

Many projects have a package `app` of their own, so the wheel must not bring one at the top. An editable install leaves
the modules where they are. For a wheel their imports are rewritten, `from app.x import y` to
`from parley_chat.app.x import y`.

Why by rewriting: `app` and `protocol` stand side by side at the top of the repository, so a relative import cannot lead
from one to the other. An import hook or an entry in `sys.path` would bring `app` back at run time, or give each
module twice. A rewritten import is plain Python to interpreters, type checkers and debuggers. Each line keeps its
number, so that a traceback of an installed server can be read beside the repository.

Where the environment variable PARLEY_COMPILE is 1, as `scripts/build --compiled` sets it, the wheel also holds the
compiled form of the engine's hottest modules: see scripts/compile.py.
"""

import ast
import os
import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "parley_chat"
DOCUMENTATION = (
    '"""Parley: the chat is `{0}.app`, the Socket.IO server and client that it runs on `{0}.protocol`."""\n'
)
PARTS = ("app", "protocol")
PAGE = "app/web/dist"
CLIENT = "protocol/server/transports/client_bundle"
ADMIN_PAGE = "protocol/server/admin_ui/page_files"
SCHEMA = "schema.sql"
COMPILED = "protocol/_compiled"


class WheelContents(BuildHookInterface[Any]):
    """Says what the wheel holds. pyproject.toml chooses the files of the packages and the folder that they go to."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Give the build the rewritten modules, the other files and the console command. Raises UnmovableModule."""
        self._folder = TemporaryDirectory()
        prefix = f"{PACKAGE}." if version == "standard" else ""  # else it is "editable"
        for name, target in self.config["scripts"].items():
            self.metadata.core.scripts[name] = prefix + target
        if not prefix:
            return
        for folder, file in ((PAGE, "index.html"), (CLIENT, "socket.io.js"), (ADMIN_PAGE, "index.html")):
            if not Path(self.root, folder, file).is_file():
                raise FileNotFoundError(f"{folder} has no {file}: run scripts/web before a wheel is built")
        included = build_data["force_include"]  # where two files have one place in the wheel, these win
        included[SCHEMA] = f"{PACKAGE}/{SCHEMA}"
        included[PAGE] = f"{PACKAGE}/{PAGE}"
        included[CLIENT] = f"{PACKAGE}/{CLIENT}"
        included[ADMIN_PAGE] = f"{PACKAGE}/{ADMIN_PAGE}"
        for place, text in self._modules():
            path = Path(self._folder.name, place)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
            included[str(path)] = place
        if os.environ.get("PARLEY_COMPILE") == "1":
            included[str(self._compiled())] = f"{PACKAGE}/{COMPILED}"
            build_data["pure_python"] = False
            build_data["infer_tag"] = True

    def _compiled(self) -> Path:
        """The folder of the compiled modules. Raises CannotCompile."""
        from scripts.compile import compile_modules  # needs what the server needs

        folder = Path(self._folder.name, "compiled")
        compile_modules(Path(self._folder.name), f"{PACKAGE}.", folder)
        return folder

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - as hatchling calls it
        """Take the rewritten modules away: the wheel holds them."""
        self._folder.cleanup()

    def _modules(self) -> Iterator[tuple[str, bytes]]:
        """Each module's path in the wheel, and its text there."""
        yield f"{PACKAGE}/__init__.py", DOCUMENTATION.format(PACKAGE).encode()
        selected = self.build_config.builder.recurse_selected_project_files()
        files = {file.relative_path: file for file in selected if file.relative_path.endswith(".py")}
        names = {name_of(path) for path in files}
        for path, file in files.items():
            yield file.distribution_path, moved(Path(file.path).read_bytes(), path, names)


class UnmovableModule(Exception):
    """A module that names another one in a way that does not hold in the wheel."""


def name_of(path: str) -> str:
    """The dotted name of a module in the repository."""
    return ".".join(Path(path).with_suffix("").parts).removesuffix(".__init__")


def moved(source: bytes, path: str, modules: AbstractSet[str]) -> bytes:
    """A module's text, in UTF-8, with its imports of PARTS from PACKAGE, and nothing else changed.

    `modules` are the names of all modules. Raises UnmovableModule where an import would bind another name, and where a
    text outside docstrings names a module: such a name must be made of `__package__` or `__name__`.
    """
    tree = ast.parse(source)
    lines = source.split(b"\n")
    places = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and is_ours(node.module or ""):
            places.append((node.lineno, node.col_offset + len("from ")))
            node.module = f"{PACKAGE}.{node.module}"
        elif isinstance(node, ast.Import):
            for alias in filter(lambda alias: is_ours(alias.name), node.names):
                if alias.asname is None:
                    raise UnmovableModule(
                        f"{path}:{node.lineno}: `import {alias.name}` needs an `as`, or a `from`"
                    )
                places.append((alias.lineno, alias.col_offset))
                alias.name = f"{PACKAGE}.{alias.name}"
    for number, column in sorted(places, reverse=True):  # what is further on in a line comes first
        line = lines[number - 1]
        lines[number - 1] = line[:column] + PACKAGE.encode() + b"." + line[column:]
    text = b"\n".join(lines)
    if not means(text, tree):
        raise UnmovableModule(f"{path}: write its imports as `from module import name`, with single blanks")
    for number, name in named_in_texts(tree, modules):
        raise UnmovableModule(f"{path}:{number}: a text names the module {name}: use __package__ or __name__")
    return text


def is_ours(module: str) -> bool:
    return module.partition(".")[0] in PARTS


def means(text: bytes, tree: ast.Module) -> bool:
    """Whether a text is what a tree says: all imports are moved, and nothing else has changed."""
    try:
        return ast.dump(ast.parse(text)) == ast.dump(tree)
    except SyntaxError:
        return False


def named_in_texts(tree: ast.Module, modules: AbstractSet[str]) -> Iterator[tuple[int, str]]:
    """The dotted names of modules in constants, with their lines. Docstrings may speak of the repository."""
    expressions = (node.value for node in ast.walk(tree) if isinstance(node, ast.Expr))
    docstrings = {id(value) for value in expressions if isinstance(value, ast.Constant)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            for found in re.findall(rf"\b(?:{'|'.join(PARTS)})\.\w+", node.value):
                if found in modules:
                    yield node.lineno, found
