"""The wheel, in an environment beside a project that has an `app` and a `protocol` of its own."""

import re
import subprocess
import sys
import sysconfig
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest

from app.client import ChatClient
from app.config.settings import Settings
from scripts.wheel import UnmovableModule, moved
from tests.folders import FILES, MODULES
from tests.support.chat.served import CONSOLE_COMMAND, Served
from tests.support.images import image
from tests.support.paths import ROOT

PROJECT = {
    "app/__init__.py": 'NAME = "shop"\n',
    "app/serve.py": """
import socket
import uvicorn
from app import NAME
from app.main import app, io
from protocol import REVISION

listening = socket.create_server(("127.0.0.1", 0))
print(NAME, REVISION, listening.getsockname()[1], flush=True)
config = uvicorn.Config(app, http=io.http_protocol, ws=io.websocket_protocol, log_level="warning")
uvicorn.Server(config).run(sockets=[listening])
""",
    "protocol/__init__.py": "REVISION = 3\n",
}

IMPORT_ALL = """
import importlib, pkgutil, sys
import parley_chat

for module in pkgutil.walk_packages(parley_chat.__path__, "parley_chat."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
        print(module.name)
assert not {"app", "protocol"} & sys.modules.keys()
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this repository, as an operator builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment that has the wheel.

    Of the environment of the tests it has the packages that the wheel depends on, but not this repository: that one is
    named in a `.pth` file, which counts for the folder that it is in alone.
    """
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    programs = folder / "bin"
    uv = Path(sysconfig.get_path("scripts"), "uv")
    options = ["--python", programs / "python", "--offline", "--no-cache", "--no-deps", "--quiet"]
    subprocess.run([uv, "pip", "install", *options, wheel], check=True)
    purelib = sysconfig.get_path("purelib", vars={"base": str(folder)})
    Path(purelib, "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return programs


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with packages of the same names, which uses the examples of the documentation."""
    examples = {"app/main.py": example("docs/server.md"), "app/talk.py": example("docs/client.md")}
    examples["app/talk.py"] += "\n\nimport sys\nasyncio.run(main(sys.argv[1]))\n"
    for name, text in {**PROJECT, **examples}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def example(page: str) -> str:
    found = re.search(r"```python\n(.+?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def test_it_has_one_package_with_all_modules(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
    assert {name for name in names if name.endswith(".py")} == {
        "parley_chat/__init__.py",
        *(f"parley_chat/{module}" for module in MODULES),
    }
    assert {name.partition("/")[0] for name in names} == {"parley_chat"}


def test_each_module_imports_its_own_package(programs: Path, tmp_path: Path) -> None:
    """Beside packages that cannot be imported."""
    for name in ("app", "protocol"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('this is the one of the project')\n")
    command = [programs / "python", "-c", IMPORT_ALL]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    expected = {f"parley_chat.{name}" for name in FILES if not name.endswith("__main__")}
    assert set(run.stdout.split()) == expected


@pytest.mark.parametrize("place", ["environment", "repository"])
async def test_the_chat_is_served(
    place: str, programs: Path, project: Path, empty_database_url: str, redis_url: str
) -> None:
    """With its schema, a worker and a thumbnail, which are processes of their own, and the page."""
    settings = Settings(
        database_url=empty_database_url,
        redis_url=redis_url,
        data_dir=project / "var",
        jwt_secret="a secret of more than 32 characters",
    )
    if place == "environment":
        served = await Served.start(
            *("--workers", "1"), settings=settings, program=[str(programs / "parley")], folder=project,
            PYTHONPATH=str(project),
        )  # fmt: skip
    else:
        served = await Served.start("--workers", "1", settings=settings, program=CONSOLE_COMMAND, folder=ROOT)
    try:
        await served.ready()
        async with httpx.AsyncClient(base_url=served.url, trust_env=False) as http:
            ada = {"username": "ada", "credential": "correct horse battery"}
            token = (await http.post("/auth/sign-up", json=ada)).json()["token"]
            http.headers["authorization"] = f"Bearer {token}"
            files = {"file": ("picture.png", image(), "image/png")}
            attachment = (await http.post("/chat/files", files=files)).json()
            assert (await http.get(attachment["thumbnailUrl"])).status_code == 200
            assert (await http.get("/")).headers["content-type"].startswith("text/html")
            assert (await http.get("/io/socket.io.js")).status_code == 200
            assert (await http.get("/client/parley.js")).status_code == 200
        async with ChatClient(served.url, token) as chat:
            room = await chat.call("room:create", {"name": "a room"})
            sent = await chat.call("message:send", {"roomId": room["id"], "content": "hello"})
            assert sent["content"] == "hello"
    finally:
        assert await served.stop() == 0
    assert served.plain == []


def test_the_engine_is_imported_beside_an_app_of_the_project(programs: Path, project: Path) -> None:
    python = str(programs / "python")
    with subprocess.Popen(
        [python, "-m", "app.serve"], cwd=project, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            name, revision, port = server.stdout.readline().split()
            assert (name, revision) == ("shop", "3")
            talk = [python, "-m", "app.talk", f"http://127.0.0.1:{port}"]
            said = subprocess.run(talk, cwd=project, capture_output=True, text=True, timeout=30, check=False)
            assert said.stdout == "{'length': 5}\nada: hello\n", said.stderr
        finally:
            server.terminate()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from app.x import y\n", "from parley_chat.app.x import y\n"),
        ("from app import x\n", "from parley_chat.app import x\n"),
        (
            "from protocol import (\n    A,\n    B,\n)\n",
            "from parley_chat.protocol import (\n    A,\n    B,\n)\n",
        ),
        ("import app.x as y\n", "import parley_chat.app.x as y\n"),
        ("import os, app.x as y\n", "import os, parley_chat.app.x as y\n"),
        (
            "é = 'é'; from app import x; from protocol import y\n",
            "é = 'é'; from parley_chat.app import x; from parley_chat.protocol import y\n",
        ),
        ("def f():\n    from app import x\n", "def f():\n    from parley_chat.app import x\n"),
        *[
            (text, text)
            for text in (
                "from application import app\n",
                "import protocols\n",
                "from .app import x\n",
                '"""See `app.x`."""\n',
                "app.x = protocol.y\n",
                'd = {"protocol": "app", "version": "app.unknown"}\n',
                "# from app import x\r\ny = 1\r\n",
            )
        ],
    ],
)
def test_imports_are_moved_and_nothing_else(source: str, expected: str) -> None:
    assert moved(source.encode(), "app/z.py", {"app", "app.x", "protocol"}).decode() == expected


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("\nimport app.x\n", r"app/z\.py:2: `import app\.x` needs an `as`"),
        ("import app\n", "`import app` needs an `as`"),
        ('run("-m", "app.x")\n', r"app/z\.py:1: a text names the module app\.x"),
        ('run(f"-m app.x {port}")\n', r"a text names the module app\.x"),
        ('getLogger("app.x.y")\n', r"a text names the module app\.x"),
        ("from\\\napp import x\n", "write its imports as"),
        ("\N{BYTE ORDER MARK}from app import x\n", "write its imports as"),
    ],
)
def test_what_would_not_hold_in_the_wheel_is_refused(source: str, complaint: str) -> None:
    with pytest.raises(UnmovableModule, match=complaint):
        moved(source.encode(), "app/z.py", {"app", "app.x", "protocol"})
