"""The rules that keep the parts apart, read from the source text."""

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

import protocol
from tests import folders
from tests.support.paths import ROOT

MODULES = sorted(
    path.relative_to(ROOT) for folder in ("app", "protocol") for path in (ROOT / folder).rglob("*.py")
)
APP = [path for path in MODULES if path.parts[0] == "app"]
PROTOCOL = [path for path in MODULES if path.parts[0] == "protocol"]
PURE_FOLDERS = {"websocket", "engineio", "socketio", "cluster"}
PURE = [
    path
    for path in PROTOCOL
    if (len(path.parts) == 2 or path.parts[1] in PURE_FOLDERS) and path.as_posix() != "protocol/__init__.py"
]

IMPURE = {
    *(
        "anyio",
        "asyncio",
        "concurrent",
        "multiprocessing",
        "signal",
        "subprocess",
        "threading",
    ),  # more than one task
    *("http", "select", "selectors", "socket", "ssl", "urllib.request"),  # the network
    *("io", "logging", "os", "pathlib", "shutil", "sys", "tempfile"),  # the machine
    *("time", "random", "secrets", "uuid", "uuid_utils"),  # clock and chance
    *("httptools", "redis", "starlette", "uvicorn", "uvloop"),
}
SQL_MODULES = {
    "app/db/migrations.py",
    "app/backup/snapshot.py",  # about all tables, whatever they are
    *(
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "app/store").glob("*/[a-z]*.py")
        if path.stem not in ("search_terms", "message_rows", "direct_key")
    ),
}
BEFORE_THERE_IS_A_DATABASE = "app/embedded/postgres.py"  # it makes the one that the others connect to
REDIS_MODULES = {"protocol/server/redis/connection.py"}
SQL = re.compile(
    r"\s*(select\s.+\sfrom|select\s+\w+\(|insert\s+into|update\s+\w+\s+set|delete\s+from|with\s+\w+.*\s+as\s+\(|"
    r"create\s+(table|index|database|extension)|alter\s+table|drop\s+(table|database)|truncate\s|listen\s|notify\s)",
    re.IGNORECASE | re.DOTALL,
)
VAGUE = re.compile(r"manager|helper|utils|^base_|^_?Base[A-Z]", re.IGNORECASE)

# Tests of several parts together, by folder; all other test modules are named after the module that they test.
END_TO_END = (
    "tests/app/end_to_end",
    "tests/app/page",  # the web page, in browsers
    "tests/faults",
    "tests/fuzz",
    "tests/protocol/client/end_to_end",
    "tests/protocol/server/end_to_end",
    "tests/simulation",
)
TESTS_OF_THE_REPOSITORY = {"tests/test_architecture.py", "tests/test_docs.py"}
TESTS = sorted(
    path.relative_to(ROOT)
    for folder in ("app", "faults", "fuzz", "protocol", "scripts", "simulation", "support", ".")
    for path in (ROOT / "tests" / folder).glob("**/test_*.py" if folder != "." else "test_*.py")
)

FILES_OF_A_FOLDER = 9  # beside `__init__`
LINES_OF_A_FILE = 325  # a guide that shows when a file does two jobs; most have half of it
LINES_OF_A_FUNCTION = 60


def for_each(paths: list[Path]) -> Callable[[Callable[[Path], None]], Callable[[], None]]:
    """One test of all these files, which are too many for a test of each. It says what is wrong with which."""

    def all_of(check: Callable[[Path], None]) -> Callable[[], None]:
        def test() -> None:
            wrong = []
            for path in paths:
                try:
                    check(path)
                except AssertionError as error:
                    wrong.append(f"{path}: {error}")
            if wrong:
                pytest.fail("\n\n".join(wrong), pytrace=False)

        test.__name__, test.__doc__ = check.__name__, check.__doc__
        return test

    return all_of


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text("utf-8"))


def imports(path: Path) -> Iterator[tuple[str, str | None]]:
    """Each imported module, with the name taken from it, if one is."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield from ((node.module or "", alias.name) for alias in node.names)


def packages(path: Path) -> set[str]:
    """The top-level packages that a module imports."""
    return {module.partition(".")[0] for module, _ in imports(path)}


def texts(path: Path) -> Iterator[str]:
    """The texts in a module; of those that are put together, from the first that is written there on."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "…" for part in node.values]
            yield "".join(map(str, parts)).lstrip("… \n")
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_the_order_of_folders_is_the_table_in_contributing() -> None:
    """The table has each folder below all that it imports, which there is no order for if they import each other."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    rows = [line for line in text.splitlines() if re.match(r"\| `(app|protocol)[/`]", line)]
    assert rows == folders.table(), "python -m tests.folders prints it"


@pytest.mark.parametrize("folder", sorted(folders.FOLDERS - {folders.BELOW_FACADE}))
def test_a_folder_says_what_lives_there_and_who_imports_it(folder: str) -> None:
    text = ast.get_docstring(tree(Path(folder) / "__init__.py")) or ""
    assert "import" in text.partition("\n\n")[2] or folder == folders.FACADE
    files = [path for path in MODULES if path.parent == Path(folder) and path.name != "__init__.py"]
    assert len(files) <= FILES_OF_A_FOLDER


@for_each(PURE)
def test_pure_modules_do_no_input_or_output(path: Path) -> None:
    assert {module for module, _ in imports(path)} & IMPURE == set()
    assert packages(path) & IMPURE == set()
    asynchronous = (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await)
    assert not any(isinstance(node, asynchronous) for node in ast.walk(tree(path)))
    called = {
        node.func.id
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert called & {"open", "print", "input"} == set()
    clocks = {node.attr for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}
    assert clocks & {"now", "utcnow", "today"} == set(), "time is an argument"


@for_each(PURE)
def test_pure_modules_know_nothing_of_the_shells(path: Path) -> None:
    inside = {f"{module}.{name}" for module, name in imports(path) if module.startswith("protocol")}
    assert not {name for name in inside if name.startswith(("protocol.server", "protocol.client."))}


@for_each(PROTOCOL)
def test_protocol_knows_nothing_of_the_application(path: Path) -> None:
    assert "app" not in packages(path)


@for_each(APP)
def test_the_application_takes_from_protocol_what_it_offers(path: Path) -> None:
    taken = [(module, name) for module, name in imports(path) if module.partition(".")[0] == "protocol"]
    for module, name in taken:
        assert module == "protocol", f"{path} reaches into {module}"
        assert name in protocol.__all__


def test_what_protocol_offers_is_there() -> None:
    assert [name for name in protocol.__all__ if not hasattr(protocol, name)] == []
    assert len(set(protocol.__all__)) == len(protocol.__all__)


@for_each([path for path in MODULES if path.as_posix() not in {*SQL_MODULES, BEFORE_THERE_IS_A_DATABASE}])
def test_sql_stands_in_the_store(path: Path) -> None:
    assert [text for text in texts(path) if SQL.match(text)] == []


@pytest.mark.parametrize("module", sorted(SQL_MODULES))
def test_sql_is_recognized(module: str) -> None:
    assert any(SQL.match(text) for text in texts(Path(module)))


def test_redis_is_imported_in_as_few_modules_as_can_be() -> None:
    assert {path.as_posix() for path in MODULES if "redis" in packages(path)} == REDIS_MODULES


@for_each(MODULES)
def test_names_say_something(path: Path) -> None:
    defined = [
        node.name
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert [name for name in [path.stem, *path.parts[:-1], *defined] if VAGUE.search(name)] == []


@for_each(MODULES)
def test_files_and_functions_are_short(path: Path) -> None:
    lines = (ROOT / path).read_text("utf-8").count("\n")
    assert lines <= LINES_OF_A_FILE
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert lines_of_code(node) <= LINES_OF_A_FUNCTION, f"{node.name} is too long"


def subjects_of(folder: Path) -> set[str]:
    """What test modules of a folder of the source or of `scripts` may be named after: its modules, and the folder."""
    if not folder.is_dir():
        return set()
    return {folder.name} | {path.stem for path in folder.iterdir() if path.suffix in ("", ".py")} - {
        "__init__"
    }


def is_named_after(path: Path, names: set[str]) -> bool:
    """Whether a test module has one of the names, alone or before what of it is tested: `test_writer_refusals`."""
    subject = path.stem.removeprefix("test_")
    return any(subject == name or subject.startswith(f"{name}_") for name in names)


@for_each([path for path in TESTS if path.as_posix() not in TESTS_OF_THE_REPOSITORY])
def test_tests_mirror_the_tree(path: Path) -> None:
    """A test module is where the source has what it is named after; or in a folder of tests of several parts, and then
    not named as if it were about one."""
    if not path.as_posix().startswith(tuple(f"{folder}/" for folder in END_TO_END)):
        assert is_named_after(path, subjects_of(ROOT / path.parent.relative_to("tests")))
    elif path.parent.name == "end_to_end":
        part = path.parts[1]
        stems = {module.stem for module in MODULES if module.parts[0] == part}
        assert path.stem.removeprefix("test_") not in stems, f"there is a module of this name in {part}"


def test_a_stray_name_of_a_test_is_noticed() -> None:
    names = subjects_of(ROOT / "protocol/engineio")
    assert is_named_after(Path("test_packets.py"), names)
    assert is_named_after(Path("test_session_in_any_order.py"), names)
    assert not is_named_after(Path("test_engine.py"), names)
    assert not is_named_after(Path("test_sessions.py"), names)
    assert subjects_of(ROOT / "protocol/nowhere") == set()


def lines_of_code(function: ast.AST) -> int:
    """The lines of a function, without those of the texts in it: a statement of SQL has the length it needs."""
    texts = [
        node for node in ast.walk(function) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return height(function) - sum(height(node) - 1 for node in texts)


def height(node: ast.AST) -> int:
    return node.end_lineno - node.lineno + 1


@pytest.mark.parametrize("folder", sorted(folders.FOLDERS - {folders.BELOW_FACADE, folders.FACADE, "app"}))
def test_a_folder_names_only_those_that_import_it_and_that_it_imports(folder: str) -> None:
    """What its `__init__` says of importers and imports, by name, is so."""
    text = ast.get_docstring(tree(Path(folder) / "__init__.py")) or ""
    sentences = re.findall(r"([^.`]*(?:`[^`]*`[^.`]*)*\.)(?=\s|$)", text.partition("\n\n")[2])
    graph = folders.graph()
    importers = {other for other, imported in graph.items() if folder in imported}
    for sentence in sentences:
        named = {name.replace(".", "/") for name in re.findall(r"`((?:app|protocol)[\w.]*)`", sentence)}
        if re.search(r"(?<!may )imports? (it|this folder|them)\.", sentence):
            assert [name for name in named if not among(name, importers)] == [], "do not import it"
        elif re.match(r"\s*(It|They) imports? ", sentence):
            named -= {"protocol/errors", "protocol/backoff"}
            assert [name for name in named if not among(name, graph[folder])] == [], "are not imported"


def among(name: str, those: set[str]) -> bool:
    """Whether a folder, or one in it, is among some."""
    return any(other == name or other.startswith(f"{name}/") for other in those)
