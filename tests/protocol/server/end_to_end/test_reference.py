"""What clients ask for that few do: our server and the reference, asked side by side, answer the same."""

import re
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any

import msgpack
import pytest

from protocol import MSGPACK, Server
from protocol.websocket.frames import Opcode
from protocol.websocket.messages import Close
from tests.support.engine_clients import POLLING, PollingClient, Recorder, http_client, session_id
from tests.support.raw_websocket import WEBSOCKET, Open, Refusal, WebSocket
from tests.support.reference_server import Reference, reference
from tests.support.running import Running, Serve
from tests.support.waiting import until

App = Callable[..., Server]

ATTACHED = '451-["echo",{"_placeholder":true,"num":0}]'
PAGE, SUBDOMAIN, OTHER = "https://chat.example", "https://a.chat.example", "https://chat.example.evil"


@pytest.fixture(scope="module")
def theirs() -> Iterator[Reference]:
    with reference() as served:
        yield served


async def said(socket: WebSocket, count: int) -> list[Any]:
    return [await socket.receive() for _ in range(count)]


async def enter(socket: WebSocket) -> None:
    socket.send("40")
    answer = await socket.receive()
    assert isinstance(answer, str)
    assert answer.startswith("40{")


# --- binary as text ---


@pytest.mark.parametrize(
    ("query", "as_text"), [("", False), ("&b64=1", True), ("&b64=0", True), ("&b64=", False)]
)
async def test_binary_as_text(
    serve: Serve, make_app: App, theirs: Reference, open_websocket: Open, query: str, as_text: bool
) -> None:
    """It is taken in either form, and goes out as text to a client that says so in its query."""
    running = await serve(make_app())
    ours, reference = [await open_websocket(served, WEBSOCKET + query) for served in (running, theirs)]
    for socket in (ours, reference):
        await socket.receive()
        await enter(socket)
    for size in (0, 1, 2, 3, 200, 70_000):
        binary, text = bytes(size), "b" + b64encode(bytes(size)).decode()
        for packet in (text, binary):
            for socket in (ours, reference):
                socket.send(ATTACHED)
                socket.send(packet)
                assert await said(socket, 2) == [ATTACHED, text if as_text else binary]


@pytest.mark.parametrize("query", ["", "&b64=1"])
async def test_binary_as_text_after_an_upgrade(
    serve: Serve, make_app: App, theirs: Reference, open_websocket: Open, query: str
) -> None:
    """It is the websocket's own query that says so."""
    answers = []
    for served in (await serve(make_app()), theirs):
        async with http_client() as http:
            opened = await http.get(served.url(POLLING))
            socket = await open_websocket(served, f"{WEBSOCKET}&sid={session_id(opened.text)}{query}")
            socket.send("2probe")
            assert await socket.receive() == "3probe"
            socket.send("5")
            await enter(socket)
            socket.send(ATTACHED)
            socket.send("bAAEC")
            answers.append(await said(socket, 2))
    assert answers[0] == answers[1] == [ATTACHED, "bAAEC" if query else b"\0\1\2"]


# --- subprotocols ---


@pytest.mark.parametrize(
    "offers",
    [
        [],
        ["v1"],
        ["v1, v2"],
        ["v2,\tv1 , soap"],
        ["v2", "v1"],
        ["!#$%&'*+-.^_`|~0aZ"],
        [""],
        ["v1,"],
        ["v1,,v2"],
        ["v1, v1"],
        ["v 1"],
        ["v1;q=1"],
        ['"v1"'],
    ],
)
async def test_subprotocols(
    serve: Serve, make_app: App, theirs: Reference, open_websocket: Open, offers: list[str]
) -> None:
    """The first one offered is named; an offer that is none is refused."""
    answers = []
    for served in (await serve(make_app()), theirs):
        headers = [f"Sec-WebSocket-Protocol: {offer}" for offer in offers]
        try:
            answer = (await open_websocket(served, headers=headers)).answer
        except Refusal as refusal:
            answer = refusal.answer
        answers.append((answer.status, answer.headers.get("sec-websocket-protocol")))
    assert answers[0] == answers[1]


# --- the end of a session during an upgrade ---


async def until_closed(socket: WebSocket) -> AsyncIterator[Any]:
    """What still comes; our shells give different reasons in the close frame."""
    while not isinstance(message := await socket.receive(), Close):
        yield message


async def upgrade(_: PollingClient, socket: WebSocket) -> AsyncIterator[Any]:
    socket.send("5")
    async for message in until_closed(socket):
        yield message


async def fetch(client: PollingClient, _: WebSocket) -> AsyncIterator[Any]:
    for _ in range(2):
        yield (await client.get()).text.removeprefix(
            "6\x1e"
        )  # the reference still lets a GET go for the upgrade


async def fetch_and_upgrade(client: PollingClient, socket: WebSocket) -> AsyncIterator[Any]:
    yield (await client.get()).text
    async for message in upgrade(client, socket):
        yield message


async def give_up_and_fetch(client: PollingClient, socket: WebSocket) -> AsyncIterator[Any]:
    socket.send("6")
    async for message in until_closed(socket):
        yield message
    async for text in fetch(client, socket):
        yield text


async def close_and_fetch(client: PollingClient, socket: WebSocket) -> AsyncIterator[Any]:
    socket.send_frame(Opcode.CLOSE)
    await socket.until_close()
    async for text in fetch(client, socket):
        yield text


ENDS = [upgrade, fetch, fetch_and_upgrade, give_up_and_fetch, close_and_fetch]


async def upgrading(served: Running | Reference, client: PollingClient, open_websocket: Open) -> WebSocket:
    """A client that the server sends away between the answer to its probe and its upgrade; its GET was answered."""
    await client.post("40")
    assert (await client.get()).text.startswith("40{")
    socket = await open_websocket(served, f"{WEBSOCKET}&sid={client.sid}")
    socket.send("2probe")
    assert await socket.receive() == "3probe"
    assert (await client.get()).text == "6"
    assert (await client.post('42["leave"]')).text == "ok"
    return socket


async def open_polling(served: Running | Reference, stack: AsyncExitStack) -> PollingClient:
    client = await PollingClient.open(served)
    stack.push_async_callback(client.close)
    return client


@pytest.mark.parametrize("end", ENDS)
async def test_a_disconnect_during_an_upgrade(
    serve: Serve,
    make_app: App,
    seen: Recorder,
    theirs: Reference,
    open_websocket: Open,
    stack: AsyncExitStack,
    end: Callable[[PollingClient, WebSocket], AsyncIterator[Any]],
) -> None:
    """The packet that tells so reaches the client over whichever transport it turns to, and the session ends there."""
    io = make_app()
    io.on("leave")(lambda socket: socket.disconnect(True))
    answers = []
    for served in (await serve(io), theirs):
        client = await open_polling(served, stack)
        socket = await upgrading(served, client, open_websocket)
        if served is not theirs:
            await seen.wait_for("disconnect", "server namespace disconnect")
        answers.append([text async for text in end(client, socket)])
    assert answers[0] == answers[1]
    assert "41" in answers[0]
    await until(lambda: io.sessions == 0)


# --- origins ---


def allowed(origin: str | None) -> bool:
    return origin in (PAGE, "null")


async def allowed_later(origin: str | None) -> bool:
    return allowed(origin)


async def one_of(_: str | None) -> list[str]:
    return [PAGE, "null"]


ALLOW = {"allow": [PAGE, "null"]}
RULES: dict[str, tuple[Any, Any]] = {
    "every origin that asks": (True, True),
    "none": (False, False),
    "a pattern": (re.compile(r"chat\.example$"), {"pattern": r"chat\.example$"}),
    "a list": ([PAGE, re.compile(r"^https://a\.")], [PAGE, {"pattern": r"^https://a\."}]),
    "a function": (allowed, ALLOW),
    "a coroutine function": (allowed_later, ALLOW),
    "a function that says which": (one_of, ALLOW),
}


async def found_at(served: Running | Reference, open_websocket: Open, origin: str | None) -> list[Any]:
    """Status, allowed origin and credentials of every kind of answer."""
    given = {} if origin is None else {"origin": origin}
    found = []
    async with http_client(**given) as http:
        for method, query in (("GET", POLLING), ("GET", "EIO=4"), ("OPTIONS", POLLING)):
            response = await http.request(method, served.url(query))
            found.append((response.status_code, response.headers))
    answer = (
        await open_websocket(served, headers=[f"{name}: {value}" for name, value in given.items()])
    ).answer
    found.append((answer.status, answer.headers))
    names = "access-control-allow-origin", "access-control-allow-credentials"
    return [(status, *(headers.get(name) for name in names)) for status, headers in found]


@pytest.mark.parametrize("rule", RULES)
async def test_origins(serve: Serve, make_app: App, open_websocket: Open, rule: str) -> None:
    ours, theirs = RULES[rule]
    running = await serve(make_app(cors_origins=ours, cors_credentials=True))
    with reference(cors={"origin": theirs, "credentials": True}) as served:
        for origin in (PAGE, SUBDOMAIN, OTHER, "null", None):
            expected = await found_at(served, open_websocket, origin)
            # Where it allows nothing, the reference may answer a preflight with 400, and credentials mean nothing.
            statuses = (200, 400, 204, 101)
            assert await found_at(running, open_websocket, origin) == [
                (status, allowed, credentials if allowed else None)
                for status, (_, allowed, credentials) in zip(statuses, expected, strict=True)
            ]


async def fails(_: str | None) -> bool:
    raise RuntimeError("no database")


@pytest.mark.parametrize("rule", [fails, lambda _: 1, lambda _: ["*"]])
async def test_a_function_for_origins_that_fails(
    serve: Serve, make_app: App, open_websocket: Open, rule: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody gets in, and the log says why."""
    running = await serve(make_app(cors_origins=rule))
    with reference(cors={"origin": {"fail": True}}) as served:
        for place in (running, served):
            async with http_client(origin=PAGE) as http:
                for method, query in (("GET", POLLING), ("OPTIONS", POLLING)):
                    response = await http.request(method, place.url(query))
                    assert (response.status_code, response.json()["code"]) == (400, 3)
                    assert "access-control-allow-origin" not in response.headers
            with pytest.raises(Refusal) as refusal:
                await open_websocket(place, headers=[f"Origin: {PAGE}"])
            assert refusal.value.answer.status == 400
    assert [record.message for record in caplog.records if record.exc_info] == [
        "the function cors_origins failed"
    ] * 3


# --- msgpack ---

TYPE, DATE = b"\0", (1_234_567_890_123).to_bytes(8, "big")


def extensions() -> Iterator[bytes]:
    """Extension 0 with every header that notepack writes, of every length up to 40, and some that are longer."""
    contents = [bytes(length) for length in (*range(41), 255)] + [DATE, b"\xff" * 8, b"A"]
    for content in contents:
        size = len(content)
        yield b"\xc7" + size.to_bytes(1, "big") + TYPE + content
        yield b"\xc8" + size.to_bytes(2, "big") + TYPE + content
        yield b"\xc9" + size.to_bytes(4, "big") + TYPE + content
        if size == 1:
            yield b"\xd4" + TYPE + content
        if size == 8:
            yield b"\xd7" + TYPE + content


def kind(value: Any) -> list[Any]:
    """As tests/clients/reference.mjs has it."""
    if isinstance(value, datetime):
        return ["date", round(value.timestamp() * 1000)]
    return ["nothing"] if value is None else ["binary", value.hex()]


async def test_extensions_of_msgpack(open_websocket: Open, serve: Serve, make_app: App) -> None:
    """What notepack takes each for: a date, binary, or nothing."""
    io = make_app(parser=MSGPACK)
    io.on("kinds")(lambda _, values: [kind(value) for value in values])
    written = [*extensions()]
    body = b"\xdc" + len(written).to_bytes(2, "big") + b"".join(written)
    event = b"\x84\xa4type\x02\xa3nsp\xa1/\xa2id\x01\xa4data\x92\xa5kinds" + body
    answers = []
    with reference(parser={"package": "socket.io-msgpack-parser"}) as theirs:
        for served in (await serve(io), theirs):
            socket = await open_websocket(served)
            await socket.receive()
            socket.send(msgpack.packb({"type": 0, "nsp": "/"}))
            await socket.receive()
            socket.send(event)
            answer = await socket.receive()
            assert isinstance(answer, bytes)
            answers.append(msgpack.unpackb(answer)["data"])
    ours, expected = answers
    assert ours == expected
    assert {name for name, *_ in ours[0]} == {"date", "binary", "nothing"}
