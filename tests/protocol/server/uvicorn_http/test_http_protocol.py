"""What `HttpProtocol` makes of a connection's bytes: each request gets one answer, however its bytes are cut, or the
connection ends with a word why."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple, TypeAlias

import orjson
import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from protocol import Observer, discard_body
from protocol.server.http.asgi import AsgiMessage, Receive, Scope, Send, read_body, respond
from protocol.server.http.beyond_asgi import when_gone
from protocol.server.uvicorn_http.http_protocol import HttpProtocol
from protocol.server.uvicorn_http.lingering_close import Discarding
from tests.support.waiting import PATIENCE, until

Cut: TypeAlias = Callable[[bytes], Iterable[bytes]]

LAST = b"GET /last HTTP/1.1\r\nHost: chat\r\nConnection: close\r\n\r\n"
LAST_SEEN = ("GET", "/last", "")
OFFER = b"Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"


class Answer(NamedTuple):
    status: int
    seen: Any
    text: str


class Served:
    """An application that answers with what it saw. `bounds` are attributes of the protocol's class."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.refused: list[int] = []
        self.read = asyncio.Event()  # of a POST to /later, before it reads its body
        self.read.set()
        self.discarded = asyncio.Event()  # that of a POST to /discarded is answered after
        self.bounds: dict[str, float] = {}
        self.cut: Cut = lambda data: [data]
        self.connections: set[Any] = set()
        self.port = 0

    async def start(self) -> asyncio.Server:
        refused, cut = self.refused, lambda data: self.cut(data)

        class Refused(Observer):
            def request_refused(self, status: int) -> None:
                refused.append(status)

        class InPieces(HttpProtocol):
            observer = Refused()

            def data_received(self, data: bytes) -> None:
                for piece in cut(data):
                    super().data_received(piece)

        state = ServerState()
        self.connections = state.connections
        config = Config(self.answer, ws="none", interface="asgi3", lifespan="off", log_config=None)
        config.load()

        def make() -> HttpProtocol:
            bounded = type("Bounded", (InPieces,), self.bounds)
            return bounded(config=config, server_state=state, app_state={})

        server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/refused":
            await respond(send, 413, b"{}", [])
            return
        if scope["path"] == "/begun":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
            await send({"type": "http.response.body", "body": b"be", "more_body": True})
        if scope["path"] == "/watched":
            self.seen.append({"watched": when_gone(scope, receive, lambda: self.seen.append({"told": True}))})
            await self.read.wait()
            when_gone(scope, receive, lambda: self.seen.append({"told again": True}))
        if scope["path"] == "/later":
            await self.read.wait()
        if scope["path"] == "/discarded":
            await self.read.wait()
            discard_body(scope)
            await self.discarded.wait()
            await respond(send, 413, b"{}", [])
            return
        body = await read_body(receive, 10_000_000)
        if body is None:
            self.seen.append({"gone": True})
            return
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        seen = {"method": scope["method"], "path": scope["path"], "body": body.decode(), "headers": headers}
        self.seen.append(seen)
        await respond(send, 200, orjson.dumps(seen), [])

    async def ask(self, *pieces: bytes) -> list[Answer]:
        """All answers, up to the end of the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        with suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
        answer = b""
        async with asyncio.timeout(PATIENCE):
            with suppress(ConnectionError):
                while piece := await reader.read(65_536):
                    answer += piece
        writer.close()
        return list(answers(answer))


def answers(data: bytes) -> Iterator[Answer]:
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        if status == 100:
            continue
        length = re.search(rb"content-length: (\d+)", head)
        assert length is not None, head
        body, data = data[: int(length[1])], data[int(length[1]) :]
        yield Answer(status, orjson.loads(body) if status == 200 else None, body.decode())


def seen(found: list[Answer]) -> list[tuple[str, str, str]]:
    assert [answer.status for answer in found] == [200] * len(found), found
    return [(answer.seen["method"], answer.seen["path"], answer.seen["body"]) for answer in found]


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    served = Served()
    server = await served.start()
    yield served
    server.close()
    for connection in list(served.connections):
        connection.transport.abort()
    await until(lambda: not served.connections)


def get(path: bytes = b"/", *lines: bytes, version: bytes = b"1.1") -> bytes:
    return b"\r\n".join([b"GET %b HTTP/%b" % (path, version), b"Host: chat", *lines]) + b"\r\n\r\n"


def post(body: bytes, fields: bytes = b"", path: bytes = b"/") -> bytes:
    head = b"POST %b HTTP/1.1\r\nHost: chat\r\n%bContent-Length: %d\r\n\r\n" % (path, fields, len(body))
    return head + body


def chunked(*chunks: bytes, fields: bytes = b"", trailers: bytes = b"") -> bytes:
    head = b"POST / HTTP/1.1\r\nHost: chat\r\n" + fields + b"Transfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(c), c) for c in chunks) + b"0\r\n" + trailers + b"\r\n"


# --- one answer each, however the bytes are cut ---

POSTED = ("POST", "/", "abc\r\n\r\n0\r\n\r\n")
BODY = b"abc\r\n\r\n0\r\n\r\n"
REQUESTS: dict[str, tuple[bytes, list[tuple[str, str, str]]]] = {
    "GET": (get(b"/a?b"), [("GET", "/a", "")]),
    "empty lines": (b"\r\n\r\n" + get(), [("GET", "/", "")]),
    "sized": (post(BODY), [POSTED]),
    "chunked": (chunked(b"abc\r\n", b"\r\n0\r\n", b"\r\n"), [POSTED]),
    "extension": (chunked(BODY).replace(b"\r\nabc", b";a=b\r\nabc", 1), [POSTED]),
    "trailers": (chunked(BODY, trailers=b"Host: other\r\nX: y\r\n"), [POSTED]),
    "no body": (post(b""), [("POST", "/", "")]),
    "pipelined": (get(b"/1") + post(BODY) + get(b"/2"), [("GET", "/1", ""), POSTED, ("GET", "/2", "")]),
    "h2c, sized": (post(BODY, OFFER), [POSTED]),
    "h2c, chunked": (chunked(b"abc\r\n\r\n", b"0\r\n\r\n", fields=OFFER), [POSTED]),
    "h2c, GET": (get(b"/a", OFFER.strip()), [("GET", "/a", "")]),
    "h2c, twice": (post(BODY, OFFER) + post(BODY, OFFER), [POSTED, POSTED]),
    "websocket, POST": (post(BODY, b"Connection: Upgrade\r\nUpgrade: websocket\r\n"), [POSTED]),
    "websocket, without a body": (
        post(b"", b"Connection: Upgrade\r\nUpgrade: websocket\r\n"),
        [("POST", "/", "")],
    ),
    "a list": (
        post(BODY, b"Connection: keep-alive, upgrade\r\nUpgrade: foo/2, websocket\r\nUpgrade: h2c\r\n"),
        [POSTED],
    ),
    "h2c, for a body that comes late": (post(BODY, OFFER + b"Expect: 100-continue\r\n"), [POSTED]),
    "a GET with a body": (
        get(b"/a", OFFER + b"Content-Length: 3") + b"abc",
        [("GET", "/a", "abc")],
    ),
}


@pytest.mark.parametrize("name", REQUESTS)
async def test_each_request_has_one_answer_however_its_bytes_are_cut(served: Served, name: str) -> None:
    data, wanted = REQUESTS[name]
    data, wanted = data + LAST, [*wanted, LAST_SEEN]
    assert seen(await served.ask(data)) == wanted
    served.cut = lambda data: [data[at : at + 1] for at in range(len(data))]
    assert seen(await served.ask(data)) == wanted
    for at in range(1, len(data)):
        served.cut = lambda data, at=at: [data[:at], data[at:]]  # type: ignore[misc]
        assert seen(await served.ask(data)) == wanted, at
    assert served.refused == []


async def test_an_offer_that_is_ignored_is_not_for_the_application(served: Served) -> None:
    (answer, _) = await served.ask(post(b"", OFFER), LAST)
    assert "upgrade" not in answer.seen["headers"]
    assert answer.seen["headers"]["host"] == "chat"


async def test_http_1_0_offers_nothing(served: Served) -> None:
    request = b"GET /a HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    assert seen(await served.ask(request)) == [("GET", "/a", "")]


async def test_an_offer_on_the_last_request_of_a_connection(served: Served) -> None:
    offer = OFFER.replace(b"Upgrade\r\n", b"Upgrade, close\r\n", 1)
    assert seen(await served.ask(post(BODY, offer) + get())) == [POSTED]


async def test_nothing_follows_a_request_that_is_the_last_one(served: Served) -> None:
    assert seen(await served.ask(LAST + get())) == [LAST_SEEN]
    assert len(served.seen) == 1


async def test_trailers_are_not_header_fields(served: Served) -> None:
    (answer, _) = await served.ask(chunked(b"abc", trailers=b"Authorization: Bearer x\r\n"), LAST)
    assert "authorization" not in answer.seen["headers"]


async def test_a_body_that_is_answered_early_is_read_and_dropped(served: Served) -> None:
    found = await served.ask(post(b"x" * 60_000, path=b"/refused") + get(b"/a") + LAST)
    assert [answer.status for answer in found] == [413, 200, 200]


@pytest.mark.parametrize("size", [7, 1_000, 50_000, 1_000_000])
async def test_a_large_body_in_chunks(served: Served, size: int) -> None:
    body = b"x" * 1_000_000
    data = chunked(*[body[at : at + size] for at in range(0, len(body), size)], trailers=b"X: y\r\n")
    assert seen(await served.ask(data + LAST)) == [("POST", "/", body.decode()), LAST_SEEN]
    assert served.refused == []


async def test_a_body_waits_until_the_application_reads_it(served: Served) -> None:
    served.read.clear()
    body = b"x" * 1_000_000
    asking = asyncio.create_task(served.ask(post(body, path=b"/later"), LAST))
    await until(lambda: served.connections)
    served.read.set()
    assert seen(await asking) == [("POST", "/later", body.decode()), LAST_SEEN]


# --- a body that nobody reads ---


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 5000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n400000\r\n"]
)
async def test_nothing_is_kept_of_a_body_that_the_application_discards(
    served: Served, framing: bytes
) -> None:
    """Nor is more of it read, until the answer has left; the connection ends with that."""
    served.read.clear()
    asking = asyncio.create_task(
        served.ask(b"POST /discarded HTTP/1.1\r\nHost: chat\r\n" + framing, b"a" * 200_000, b"a" * 2_000_000)
    )
    await until(lambda: any(connection.flow.read_paused for connection in served.connections))
    (connection,) = served.connections
    assert len(connection.cycle.body) > 65_536
    served.read.set()
    await until(lambda: not connection.cycle.body)
    assert connection._unparsed == b""
    assert connection.flow.read_paused
    served.discarded.set()
    assert [(answer.status, answer.text) for answer in await asking] == [(413, "{}")]


async def test_the_connection_of_a_body_that_came_whole_and_was_discarded_goes_on(served: Served) -> None:
    served.discarded.set()
    discarded, last = await served.ask(post(b"a" * 20_000, path=b"/discarded"), LAST)
    assert discarded.status == 413
    assert seen([last]) == [LAST_SEEN]


async def test_a_client_that_has_sent_all_may_leave_while_its_refusal_is_held(served: Served) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(get(b"/discarded"))
    await until(lambda: any(len(connection.tasks) for connection in served.connections))
    await asyncio.sleep(0)
    writer.transport.abort()
    await until(lambda: not served.connections)
    served.discarded.set()


async def test_small_bodies_and_other_servers_have_nothing_to_discard(served: Served) -> None:
    discard_body({"type": "http"})
    served.discarded.set()
    small, last = await served.ask(post(b"abc", path=b"/discarded"), LAST)
    assert small.status == 413
    assert seen([last]) == [LAST_SEEN]


# --- a client that goes away ---


async def test_who_answers_a_client_that_goes_away_is_told_at_once_and_once(served: Served) -> None:
    served.read.clear()
    _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(get(b"/watched"))
    await until(lambda: served.seen == [{"watched": True}])
    writer.transport.abort()
    await until(lambda: {"told": True} in served.seen)
    served.read.set()  # who asks later is told as well
    await until(lambda: len(served.seen) == 4)
    assert served.seen == [{"watched": True}, {"told": True}, {"told again": True}, {"gone": True}]


async def test_whoever_waits_with_an_answer_is_told_that_one_has_left(served: Served) -> None:
    """Something in front may have given it. The next request of the connection has nothing to do with that."""
    answers = await served.ask(get(b"/watched") + LAST)
    assert [answer.status for answer in answers] == [200, 200]
    await until(lambda: not served.connections)
    told = [what for what in served.seen if "path" not in what]
    assert told == [{"watched": True}, {"told again": True}]


async def test_with_a_body_that_is_not_read_the_end_is_to_be_asked_for(served: Served) -> None:
    answers = await served.ask(post(b"body", path=b"/watched") + LAST)
    assert [answer.status for answer in answers] == [200, 200]
    assert served.seen[0] == {"watched": False}


async def nothing() -> AsgiMessage:
    return {"type": "http.disconnect"}


async def test_another_server_does_not_tell_of_clients_that_go_away() -> None:
    assert not when_gone({"type": "http"}, nothing, lambda: None)


# --- behind a request that is being answered ---


async def test_what_is_behind_a_request_waits_for_its_answer(served: Served) -> None:
    served.read.clear()
    asking = asyncio.create_task(served.ask(get(b"/later") + get(b"/a") + LAST))
    await until(lambda: served.connections)
    await asyncio.sleep(0)
    assert served.seen == []
    served.read.set()
    assert [path for _, path, _ in seen(await asking)] == ["/later", "/a", "/last"]


async def test_much_behind_a_request_is_dropped_with_the_connection(served: Served) -> None:
    served.cut = lambda data: [data]
    served.read.clear()
    asking = asyncio.create_task(served.ask(get(b"/later") + get(b"/a") * 3_000))
    await until(lambda: any(len(connection.tasks) for connection in served.connections))
    served.read.set()
    assert next(answer.seen["path"] for answer in await asking) == "/later"
    assert len(served.seen) < 3_000


# --- what is refused ---

HOST = "A request must have one Host header field"
FRAMING = "The framing of the chunks, or the trailers, are too large"
MALFORMED_HOST = "The Host header field is malformed"
REFUSED: dict[str, tuple[bytes, int, str]] = {
    "no HTTP": (b"hello\r\n\r\n", 400, "Invalid HTTP request"),
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", 400, HOST),
    "two Hosts": (get(b"/", b"Host: chat"), 400, HOST),
    "an empty Host": (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, MALFORMED_HOST),
    **{
        f"Host {host.decode()}": (b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % host, 400, MALFORMED_HOST)
        for host in (b"a/b", b"a b", b"a@b", b"a:b", b"a,b:80x", b"[::1", b"a:123456", b"a?b")
    },
    "two Hosts in HTTP/1.0": (get(b"/", b"Host: chat", version=b"1.0"), 400, HOST),
    "a websocket without Host": (
        b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        400,
        HOST,
    ),
    "CONNECT": (b"CONNECT chat:80 HTTP/1.1\r\nHost: chat\r\n\r\n", 501, "This server is not a proxy"),
    "a large head": (get(b"/", b"X: " + b"y" * 1_000), 431, "The head is too large"),
    "a head without end": (
        b"GET / HTTP/1.1\r\nX: " + b"y" * 1_000,
        431,
        "The head is too large",
    ),
    "empty lines": (b"\r\n" * 600, 431, "The head is too large"),
    "many fields": (get(b"/", *[b"X: y"] * 20), 431, "The request has too many header fields"),
    "a long path": (get(b"/" + b"x" * 500), 414, "The path or the query is too long"),
    "many parameters": (get(b"/?" + b"a&" * 25), 414, "The path or the query is too long"),
    "large trailers": (
        chunked(b"abc", trailers=b"X: " + b"y" * 3_000),
        400,
        FRAMING,
    ),
    "many trailers": (
        chunked(b"abc", trailers=b"X: y\r\n" * 25),
        431,
        "The request has too many header fields",
    ),
    "a long extension": (
        chunked(b"abc").replace(b"\r\nabc", b";" + b"x" * 3_000 + b"\r\nabc"),
        400,
        FRAMING,
    ),
    "a long size": (
        chunked(b"abc").replace(b"3\r\nabc", b"0" * 3_000 + b"3\r\nabc"),
        400,
        FRAMING,
    ),
    "small chunks": (chunked(*[b"x"] * 1_000), 400, FRAMING),
}
SMALL = {"max_head": 1_000, "max_fields": 20, "max_target": 500}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_refused(served: Served, name: str) -> None:
    """In one read, in many, and behind another request."""
    served.bounds = {**SMALL}
    data, status, words = REFUSED[name]
    for cut in (lambda data: [data], lambda data: [data[at : at + 100] for at in range(0, len(data), 100)]):
        served.cut = cut
        assert [(answer.status, answer.text) for answer in await served.ask(data)] == [(status, words)]
        first, second = await served.ask(get(b"/a") + data)
        assert (first.status, second.status, second.text) == (200, status, words)
    assert served.refused == [status] * 4
    assert all(seen == {"gone": True} or seen["path"] == "/a" for seen in served.seen)


@pytest.mark.parametrize(
    "host", [b"chat", b"chat:80", b"127.0.0.1:3000", b"[::1]:80", b"a_b.example", b"chat:"]
)
async def test_hosts(served: Served, host: bytes) -> None:
    request = b"GET / HTTP/1.1\r\nHost: %b \r\nConnection: close\r\n\r\n" % host
    assert seen(await served.ask(request)) == [("GET", "/", "")]


async def test_http_1_0_needs_no_host(served: Served) -> None:
    assert seen(await served.ask(b"GET / HTTP/1.0\r\n\r\n")) == [("GET", "/", "")]


async def test_a_large_head_in_one_read(served: Served) -> None:
    """With the bounds as they are."""
    for head in (get(b"/", b"X: " + b"y" * 100_000), get(b"/", *[b"X%d: y" % n for n in range(5_000)])):
        assert [answer.status for answer in await served.ask(head)] == [431]
        # More than 64 KiB behind a request is not even looked at.
        assert [answer.status for answer in await served.ask(get(b"/a") + head)] in ([200], [200, 431])
    assert [answer.status for answer in await served.ask(get(b"/", b"X: " + b"y" * 60_000) + LAST)] == [
        200,
        200,
    ]


async def test_an_answer_that_has_begun_is_cut_short(served: Served) -> None:
    """Nothing else could tell its reader that the request was not whole."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"POST /begun HTTP/1.1\r\nHost: chat\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
    assert (await reader.readuntil(b"be")).startswith(b"HTTP/1.1 200 OK\r\n")
    writer.write(b"no size\r\n")
    with suppress(ConnectionError):  # it may be reset
        assert await reader.read() == b""
    writer.close()
    assert served.refused == [400]


async def test_a_refused_client_that_sends_on_may_read_why(served: Served) -> None:
    """The connection is not reset under the answer."""
    served.bounds = {**SMALL}
    found = await served.ask(b"GET / HTTP/1.1\r\nX: " + b"y" * 2_000, *[b"y" * 10_000] * 20)
    assert [answer.status for answer in found] == [431]


# --- deadlines ---


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [b"GET"],
        [b"\r\n"],
        [post(b"abc")[:-1]],
        [chunked(b"abc")[:-1]],
        [post(b"x" * 100, path=b"/refused")[:-1]],
        [post(b"x" * 100, path=b"/refused"), b"\r\n"],
        [get(b"/a") + b"G"],
    ],
    ids=["nothing", "a line", "an empty line", "sized", "chunked", "answered", "after it", "after an answer"],
)
async def test_what_does_not_come_whole_in_time(served: Served, pieces: list[bytes]) -> None:
    served.bounds = {"head_within": 0.05, "body_within": 0.05}
    await served.ask(*pieces)  # it ends
    await until(lambda: not served.connections)


# --- a body that its answer did not wait for ---


def unread(size: int) -> bytes:
    return b"POST /refused HTTP/1.1\r\nHost: chat\r\nContent-Length: %d\r\n\r\n" % size


def chunks(count: int, size: int = 65_536) -> bytes:
    return (b"%x\r\n" % size + b"a" * size + b"\r\n") * count


async def test_little_of_a_body_that_nobody_wanted_is_read_and_the_connection_goes_on(served: Served) -> None:
    found = await served.ask(unread(20_000) + b"x" * 10, b"x" * 19_990 + LAST)
    assert [answer.status for answer in found] == [413, 200]


@pytest.mark.parametrize("form", ["sized", "chunked"])
async def test_a_body_that_nobody_wants_ends_its_connection_after_its_answer(
    served: Served, form: str
) -> None:
    """The answer is there whole, though the client goes on sending; and it need not wait for the body's end."""
    served.bounds["late_body_within"] = 2.0
    if form == "sized":
        pieces = [unread(100_000_000), *[b"a" * 65_536] * 100]
    else:
        head = b"POST /refused HTTP/1.1\r\nHost: chat\r\nTransfer-Encoding: chunked\r\n\r\n"
        pieces = [head, *[chunks(1)] * 100]
    found = await served.ask(*pieces)
    assert [(answer.status, answer.text) for answer in found] == [(413, "{}")]
    await until(lambda: not served.connections)


async def test_the_clients_of_an_address_that_are_waited_for_are_few(served: Served) -> None:
    """Those that were told the longest ago are cut; each has been told why."""
    served.bounds["discarding"] = Discarding(most=2)  # type: ignore[assignment]
    clients = []
    for _ in range(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(unread(100_000_000))
        assert b" 413 " in await reader.readline()
        clients.append(writer)
    await until(lambda: len(served.connections) == 2)
    for writer in clients:
        writer.transport.abort()
    await until(lambda: not served.connections)


async def test_what_a_connection_keeps_while_it_waits_for_its_turn_is_one_read(served: Served) -> None:
    """However the pieces of a chunked body fall: a read that is parsed to its last byte is no reason to read on."""
    turns: list[Callable[[], object]] = []
    largest = 0

    def defer(_: HttpProtocol, work: Callable[[], object], _address: str | None) -> None:
        turns.append(work)

    served.bounds["defer"] = defer  # type: ignore[assignment]
    served.bounds["large_reads"] = Counter()  # type: ignore[assignment]
    head = b"POST /later HTTP/1.1\r\nHost: chat\r\nTransfer-Encoding: chunked\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(head)
    sending = asyncio.create_task(writer.drain())
    for _ in range(40):
        writer.write(b"40000\r\n" + b"a" * 0x40000 + b"\r\n")
        await asyncio.sleep(0.005)
        largest = max([largest, *(len(connection._unparsed) for connection in served.connections)])
        if turns:
            turns.pop(0)()
    assert 0 < largest <= 262_144
    assert len(turns) <= 1
    sending.cancel()
    writer.transport.abort()
    del reader


async def test_the_large_reads_of_an_address_that_wait_are_few(served: Served) -> None:
    turns: list[Callable[[], object]] = []
    waiting: Counter[str] = Counter()
    served.bounds["large_reads"] = waiting  # type: ignore[assignment]
    served.bounds["max_large_reads"] = 2
    served.bounds["defer"] = lambda _, work, _address: turns.append(work)  # type: ignore[assignment]
    head = b"POST / HTTP/1.1\r\nHost: chat\r\nContent-Length: 100000\r\n\r\n"
    writers = []
    for _ in range(3):
        _, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(head + b"x" * 100_000)
        writers.append(writer)
    await until(lambda: len(turns) == 2 and len(served.connections) == 2)  # and the third is cut off
    assert waiting == {"127.0.0.1": 2}
    for turn in turns[:]:
        turn()
    assert not waiting
    for writer in writers:
        writer.transport.abort()


async def test_a_new_connection_is_not_read_while_many_of_its_address_have_large_reads_waiting(
    served: Served,
) -> None:
    turns: list[Callable[[], object]] = []
    served.bounds["large_reads"] = Counter()  # type: ignore[assignment]
    served.bounds["max_parsed"] = 1
    served.bounds["defer"] = lambda _, work, _address: turns.append(work)  # type: ignore[assignment]
    head = b"POST /refused HTTP/1.1\r\nHost: chat\r\nContent-Length: 100000\r\n\r\n"
    clients = []
    for number in (1, 2):
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(head + b"x" * 100_000)
        clients.append((reader, writer))
        await until(lambda number=number: len(turns) == number)  # type: ignore[misc]
    kept = sorted(len(connection._unparsed) for connection in served.connections)
    assert kept[0] == 0 < kept[1]

    async def serve() -> None:
        while True:
            while turns:
                turns.pop(0)()
            await asyncio.sleep(0)

    serving = asyncio.create_task(serve())
    for reader, writer in clients:
        assert b" 413 " in await reader.readline()
        writer.transport.abort()
    serving.cancel()
