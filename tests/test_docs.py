"""The documentation cannot drift from the code: each option and method stands in it, and nothing else does."""

import asyncio
import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvicorn

from protocol import (
    Client,
    ClientOptions,
    ClientSocket,
    Emitter,
    EngineServer,
    Forwarding,
    InterestBus,
    Namespace,
    Options,
    RedisBus,
    Refused,
    RemoteSocket,
    Server,
    Socket,
    instrument,
)
from protocol.cluster.requests import HandshakeDetails
from protocol.server.config.options import EngineOptions
from protocol.server.http.handshake import Handshake
from protocol.server.socketio.broadcast_batch import BroadcastBatch
from protocol.server.socketio.broadcast_operator import BroadcastOperator
from protocol.server.socketio.namespace import DynamicNamespace
from scripts.soaking.invariants.all_invariants import INVARIANTS
from scripts.soaking.nemesis.faults import FAULTS
from tests.diagrams import diagrams
from tests.support.paths import ROOT

DOCS = ROOT / "docs"
SERVER = (DOCS / "server.md").read_text()
CLIENT = (DOCS / "client.md").read_text()


def section(title: str, page: str = SERVER) -> str:
    """The text under a heading, up to the next one."""
    return page.split(f"\n## {title}\n")[1].split("\n## ", maxsplit=1)[0]


def rows(text: str) -> list[list[str]]:
    """The cells of all tables in a text."""
    lines = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| |")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def names(text: str) -> set[str]:
    """The identifiers that the first column of a text's tables explains."""
    found = set()
    for cells in rows(text):
        for code in re.findall(r"`([^`]+)`", cells[0]):
            found.add(re.sub(r"^await ", "", code).split("(")[0].split(" ")[0])
    return found


def public(cls: type) -> set[str]:
    """The public attributes of a class and, where the instances have them, of `__init__`: what an editor offers."""
    found = {name for name in dir(cls) if not name.startswith("_")}
    for each in cls.__mro__:
        if "__init__" in vars(each) and each is not object:
            found |= set(
                re.findall(r"self\.([a-z]\w*)(?:: [^=]+)? = ", inspect.getsource(vars(each)["__init__"]))
            )
    return found


@pytest.mark.parametrize(("page", "options"), [(SERVER, Options), (CLIENT, ClientOptions)])
def test_options(page: str, options: type[msgspec.Struct]) -> None:
    table = rows(section("Options", page))
    documented = {cells[0].strip("`"): cells[1] for cells in table if cells[0] != "Option"}
    fields = {field.name: field for field in msgspec.structs.fields(options)}
    assert documented.keys() == fields.keys()
    for name, default in documented.items():
        value = fields[name].default
        plain = dict(value) if isinstance(value, Mapping) else value
        expected = "`JSON`" if name == "parser" else f"`{plain!r}`"
        assert default == expected.replace("'", '"'), name


def test_engine_options_are_the_first_table() -> None:
    first = section("Options").split("\n\n| Option")[1]
    assert names("| " + first) - {"Option"} == {field.name for field in msgspec.structs.fields(EngineOptions)}


def test_server() -> None:
    assert names(section("Server")) == public(Server) - public(Namespace)


def test_namespace() -> None:
    assert names(section("Namespace")) == public(Namespace)


def test_dynamic_namespace() -> None:
    text = section("Namespace").split("What `of` returns")[1]
    assert set(re.findall(r"`(\w+)`", text)) - {"of"} == public(DynamicNamespace)


def test_operator() -> None:
    assert names(section("BroadcastOperator")) == public(BroadcastOperator)


def test_batch() -> None:
    assert names(section("BroadcastBatch")) == public(BroadcastBatch)


def test_socket() -> None:
    assert names(section("Socket")) == public(Socket)


def test_remote_socket() -> None:
    assert names(section("RemoteSocket")) == public(RemoteSocket)
    row = next(cells for cells in rows(section("RemoteSocket")) if cells[0] == "`handshake`")
    assert set(re.findall(r"`(\w+)`", row[1])) == set(HandshakeDetails.__struct_fields__)


def test_emitter() -> None:
    text = section("Horizontal scaling").split("### Emitting from other processes")[1]
    assert names(text) == public(Emitter)
    assert signature_of("Emitter") == options_of(Emitter)


def test_client() -> None:
    assert names(section("ClientSocket", CLIENT)) == public(ClientSocket)
    assert names(section("Client", CLIENT)) - {"async"} == public(Client) - public(ClientSocket)


def test_handshake() -> None:
    row = next(cells for cells in rows(section("Socket")) if cells[0] == "`handshake`")
    fields = {name for name in dir(Handshake) if not name.startswith("_")} - {"request"}
    assert set(re.findall(r"`(\w+)`", row[1])) == fields


def signature_of(name: str) -> dict[str, Any]:
    """The options of a class as the page writes them, and their defaults."""
    given = re.search(rf"`{name}\((url, [^)]+)\)`", SERVER)
    assert given is not None
    parameters = dict(part.split("=") for part in re.sub(r"\s+", " ", given[1]).split(", ") if "=" in part)
    return {name: eval(default) for name, default in parameters.items()}


def options_of(cls: type) -> dict[str, Any]:
    signature = inspect.signature(cls)
    return {p.name: p.default for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY}


def test_redis_bus() -> None:
    assert signature_of("RedisBus") == options_of(RedisBus)
    assert signature_of("InterestBus") == options_of(InterestBus)
    table = names(section("Horizontal scaling").split("### Emitting from other processes")[0])
    assert table - {"Option"} == options_of(RedisBus).keys()


def test_forwarding() -> None:
    given = re.search(r"`Forwarding\((host, secret, [^)]+)\)`", SERVER)
    assert given is not None
    parts = [part.partition("=") for part in given[1].split(", ")]
    fields = {field.name: field.default for field in msgspec.structs.fields(Forwarding)}
    assert {name: eval(default) if default else msgspec.NODEFAULT for name, _, default in parts} == fields


def test_admin_ui() -> None:
    text = section("Admin UI")
    assert names(text) - {"Option"} == options_of(instrument).keys()
    given = re.search(r"`instrument\(io, \*, auth, ([^)]+)\)`", text)
    assert given is not None
    parts = [part.partition("=") for part in re.sub(r"\s+", " ", given[1]).split(", ")]
    defaults = {name: default for name, default in options_of(instrument).items() if name != "auth"}
    assert {name: eval(default) for name, _, default in parts} == defaults


def test_engine_server() -> None:
    text = section("Engine.IO alone")
    for name in ("websocket_protocol", "lifespan", "options"):
        assert f"`{name}`" in text
        assert name in dir(EngineServer) or name in inspect.getsource(EngineServer.__init__)


def example(page: str) -> dict[str, Any]:
    """What the example of a page defines. It imports from the wheel; tests/scripts/test_wheel.py runs it there."""
    code = re.search(r"```python\n(.+?)```", page, re.DOTALL)
    assert code is not None
    scope: dict[str, Any] = {"__name__": "example"}
    exec(code[1].replace("from parley_chat.", "from "), scope)
    return scope


def test_the_contract_has_each_invariant_in_the_order_of_the_checker() -> None:
    page = (DOCS / "reliability.md").read_text("utf-8")
    assert re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE) == list(INVARIANTS)
    assert f"{len(FAULTS)} kinds of faults" in page


@pytest.mark.parametrize(("page", "least"), [("security.md", 50), ("reliability.md", 9)])
def test_the_tests_that_a_page_names_are_there(page: str, least: int) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (DOCS / page).read_text("utf-8"))
    assert len(named) >= least
    for path, test in named:
        source = (DOCS.parent / path).read_text("utf-8")
        assert not test or re.search(rf"^ *(async )?def {test}\(", source, re.MULTILINE), f"{path}::{test}"


async def test_examples(capsys: pytest.CaptureFixture[str]) -> None:
    """The examples run, against each other, and do what their lines say."""
    server_example, client_example = example(SERVER), example(CLIENT)
    config = uvicorn.Config(
        server_example["app"],
        host="127.0.0.1",
        port=0,
        log_config=None,
        ws=server_example["io"].websocket_protocol,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        with pytest.raises(Refused, match="not authorised") as refused:
            await Client(url, auth={"token": "wrong"}).connect()
        assert refused.value.data == {"retry": False}
        await asyncio.wait_for(client_example["main"](url), 10)
        assert capsys.readouterr().out == "{'length': 5}\nada: hello\n"
    finally:
        server.should_exit = True
        await serving


def test_the_state_machines_are_drawn_from_their_tables() -> None:
    assert diagrams() in (DOCS / "architecture.md").read_text(), "python -m tests.diagrams prints them"


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_the_maps_name_files_that_are_there(page: str) -> None:
    named = set(
        re.findall(r"`((?:app|protocol|tests|scripts|deploy)/[\w./-]+)`", (DOCS.parent / page).read_text())
    )
    assert len(named) > 20
    assert [
        path
        for path in sorted(named)
        if not (DOCS.parent / path).exists() and not (DOCS.parent / f"{path}.py").exists()
    ] == []


def test_the_contents_list_every_page() -> None:
    contents = (DOCS / "README.md").read_text()
    listed = set(re.findall(r"\]\(([\w.]+\.md)\)", contents))
    assert listed == {path.name for path in DOCS.glob("*.md")} - {"README.md"}


PAGES = sorted([*DOCS.glob("*.md"), *DOCS.parent.glob("*.md")])


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_pages_and_headings_that_exist(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if re.match(r"https?:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_docstrings_name_headings_that_exist() -> None:
    """As in `docs/server.md` ("Redis URLs") and docs/protocol.md §1, "Heartbeat"."""
    root = DOCS.parent
    cited: list[tuple[str, str]] = []
    for folder in ("app", "protocol", "scripts", "tests"):
        for source in sorted((root / folder).rglob("*.py")):
            text = re.sub(r"\s+", " ", source.read_text("utf-8"))
            cited += re.findall(r"docs/(\w+\.md)`?(?: §\d, | \()\"([^\"]+)\"", text)
    assert len(cited) > 5
    for page, title in cited:
        assert re.search(rf"^#+ {re.escape(title)}$", (DOCS / page).read_text("utf-8"), re.MULTILINE), (
            page,
            title,
        )
