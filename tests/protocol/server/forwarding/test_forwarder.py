"""Instances that forward to each other: any of them serves a session that any of them has."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

import httpx
import orjson
import pytest

from protocol import RedisStore, Server, Socket
from tests.support.engine_clients import POLLING, Poll, PollingClient, Recorder, http_client
from tests.support.forwarding_cluster import UNKNOWN, Told, credentials, forwarding, lease_of, turn_to
from tests.support.raw_websocket import Open, Refusal, WebSocket, connect, read_answer
from tests.support.running import RAW, Running, Serve
from tests.support.waiting import until

Start: TypeAlias = Callable[..., Awaitable[Running]]

NOBODY = "AAAA" + "x" * 16  # an id whose tag no instance has
ORIGIN = "https://example.org"


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def start(serve: Serve, make_app: Callable[..., Server], redis_url: str, told: Told) -> Start:
    """Serves an instance of the cluster."""

    async def start(*, peer: dict[str, Any] | None = None, **options: Any) -> Running:
        store = RedisStore(redis_url)
        return await serve(
            make_app(store=store, forwarding=forwarding(**(peer or {})), observer=told, **options)
        )

    return start


@pytest.fixture
async def upgrade(open_websocket: Open) -> Callable[..., Awaitable[WebSocket]]:
    """Takes a session from polling to a websocket of an instance."""

    async def upgrade(client: PollingClient, running: Running, **options: Any) -> WebSocket:
        socket = await open_websocket(running, f"EIO=4&transport=websocket&sid={client.sid}", **options)
        socket.send("2probe")
        assert await socket.receive() == "3probe"
        socket.send("5")
        return socket

    return upgrade


Upgrade: TypeAlias = Callable[..., Awaitable[WebSocket]]


def server(running: Running) -> Server:
    assert isinstance(running.server, Server)
    return running.server


# --- polling ---


async def test_polling(start: Start, poll: Poll, told: Told) -> None:
    """Each request comes to another instance."""
    instances = [await start() for _ in range(3)]
    client = await poll(instances[0])
    turn_to(client, instances[1])
    await client.join()
    for number in range(6):
        turn_to(client, instances[number % 3])
        await client.send(f'2{number}["echo","€",{number}]')
        turn_to(client, instances[(number + 1) % 3])
        got = {await client.receive(), await client.receive()}
        assert got == {f'2["echo","€",{number}]', f'3{number}["€",{number}]'}
    assert {kind for kind, _ in told.forwards} == {"get", "post"}
    assert not any(failed for _, failed in told.forwards)
    assert [server(instance).sessions for instance in instances] == [1, 0, 0]


async def test_the_answer_is_the_same(start: Start, poll: Poll) -> None:
    """Status, headers and body: compressed, for a page of another origin, refused."""
    one, two = [await start(cors_origins=[ORIGIN], cors_credentials=True, cookie=None) for _ in range(2)]
    answers: list[list[Any]] = []
    for running in (one, two):
        client = await poll(one, origin=ORIGIN)
        await client.join()
        turn_to(client, running)
        found = [await client.post('42["echo","' + "x" * 5000 + '"]')]
        found.append(await client.get(**{"accept-encoding": "deflate, gzip"}))
        found.append(await client.post("4", **{"content-type": "application/octet-stream"}))
        found.append(await client.get())
        answers.append([described(response) for response in found])
    assert answers[0] == answers[1]
    assert [status for status, _, _ in answers[0]] == [200, 200, 400, 400]
    assert answers[0][1][1]["content-encoding"] == "gzip"
    assert answers[0][1][1]["access-control-allow-origin"] == ORIGIN


def described(response: httpx.Response) -> tuple[int, dict[str, str], str]:
    return response.status_code, {**response.headers, "date": ""}, response.text


async def test_a_body_that_is_too_large(start: Start, poll: Poll) -> None:
    """It is refused where it comes to, and the session stays."""
    one, two = [await start(max_payload=1000) for _ in range(2)]
    client = await poll(one)
    await client.join()
    turn_to(client, two)
    large = await client.post("4" + "x" * 1000)
    assert (large.status_code, large.content) == (413, b"")
    assert (await client.post("42" + '["echo","' + "x" * 986 + '"]')).status_code == 200
    assert len(await client.receive()) == 998


def head_of_post(client: PollingClient, running: Running, length: int) -> bytes:
    line = f"POST {running.path}?{POLLING}&sid={client.sid} HTTP/1.1"
    return f"{line}\r\nHost: a\r\nContent-Length: {length}\r\n\r\n".encode()


@pytest.mark.parametrize("some", [b"", b"42"], ids=["nothing", "some"])
async def test_a_body_that_does_not_come(start: Start, poll: Poll, some: bytes) -> None:
    """It has as long as on the instance itself."""
    one, two = [await start(ping_interval=200, ping_timeout=200) for _ in range(2)]
    client = await poll(one)
    reader, writer = await connect(two.port)
    writer.write(head_of_post(client, two, 5) + some)
    answer = await read_answer(reader)
    assert (answer.status, answer.headers["connection"]) == (408, "close")
    writer.close()
    await until(lambda: server(one).sessions == 0)


async def test_a_body_that_is_given_up(start: Start, poll: Poll, seen: Recorder) -> None:
    """Nothing of it is served, and the session ends, as on the instance itself."""
    one, two = await start(), await start()
    client = await poll(one)
    await client.join()
    _, writer = await connect(two.port)
    writer.write(head_of_post(client, two, 50) + b"42")
    (socket,) = await server(one).fetch_sockets()
    await until(lambda: socket._local.link.session._post)
    writer.close()
    await seen.wait_for("disconnect", "transport error")


async def test_a_body_in_pieces(start: Start, poll: Poll) -> None:
    """Each goes on as it comes; the connection is good for the next request."""
    one, two = await start(), await start()
    client = await poll(one)
    await client.join()
    turn_to(client, two)
    pieces = ['42["ec', 'ho","', "€" * 50_000, '"]']

    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece.encode()
            await asyncio.sleep(0)

    for _ in range(3):
        response = await client.http.post(client.url, content=body(), headers={"content-type": "text/plain"})
        assert response.text == "ok"
        assert f"4{await client.receive()}" == "".join(pieces)
    listener = server(one).websocket_protocol.hub.forwarder._listener
    assert len(listener._connections) == 1


async def test_nothing_is_kept_of_bodies_that_nobody_takes(start: Start, poll: Poll, told: Told) -> None:
    """Whoever knows a tag may send bodies for sessions that are not there: they are refused before they have come."""
    one, two = await start(), await start()
    client = await poll(one)
    client.sid = client.sid[:4] + "x" * 16
    reader, writer = await connect(two.port)
    writer.write(head_of_post(client, two, 1_000_000) + b"4" + b"x" * 100_000)
    answer = await read_answer(reader)
    assert (answer.status, orjson.loads(answer.body)) == (400, UNKNOWN)
    writer.close()
    assert told.forwards == [("post", False)]
    await until(lambda: not server(one).websocket_protocol.hub.forwarder._listener._connections)


async def test_a_post_whose_client_goes(start: Start, poll: Poll, seen: Recorder) -> None:
    """One that came whole is served all the same, once: it may be the farewell of a page that is closed."""
    one, two = await start(), await start()
    room, took = asyncio.Event(), []

    @server(one).on("slow")
    async def slow(_socket: Socket, number: int) -> None:
        await room.wait()
        took.append(number)

    for body in ('42["slow",1]', "1"):
        client = await poll(one)
        await client.join()
        _, writer = await connect(two.port)
        writer.write(head_of_post(client, two, len(body)) + body.encode())
        writer.close()
        if body == "1":
            await seen.wait_for("disconnect", "transport close")
    room.set()
    await until(lambda: took)
    assert took == [1]


async def test_a_get_that_is_given_up(start: Start, poll: Poll, seen: Recorder) -> None:
    """It is given up on the instance that has the session, too, and ends that."""
    one, two = await start(), await start()
    client = await poll(one)
    await client.join()
    turn_to(client, two)
    getting = asyncio.create_task(client.get())
    (socket,) = await server(one).fetch_sockets()
    await until(lambda: socket._local.link.writable)
    getting.cancel()
    await seen.wait_for("disconnect", "transport error")
    assert server(one).sessions == 0


async def test_connections_are_kept(start: Start, poll: Poll, redis_url: str) -> None:
    """One after the other, requests share a connection between the instances; at the same time they do not."""
    one, two = await start(), await start()
    clients = [await poll(one) for _ in range(3)]
    listener = server(one).websocket_protocol.hub.forwarder._listener
    for client in clients:
        turn_to(client, two)
        await client.join()
    assert len(listener._connections) == 1
    waiting = [asyncio.create_task(client.get()) for client in clients]
    await until(lambda: len(listener._connections) == 3)
    await server(one).emit("news")
    assert [(await response).text for response in waiting] == ['42["news"]'] * 3


# --- websockets ---


async def test_upgrade(start: Start, poll: Poll, upgrade: Upgrade, told: Told) -> None:
    one, two = await start(), await start()
    client = await poll(one)
    await client.join()
    socket = await upgrade(client, two)
    socket.send('42["echo","€"]')
    assert await socket.receive() == '42["echo","€"]'
    binary = '451-["echo",{"_placeholder":true,"num":0}]'
    socket.send(binary)
    socket.send(b"\x00" * 300_000)
    assert [await socket.receive(), await socket.receive()] == [binary, b"\x00" * 300_000]
    (known,) = await server(one).fetch_sockets()
    assert known.transport == "websocket"
    assert told.forwards == [("websocket", False)]


async def test_a_websocket_is_opened_as_elsewhere(start: Start, poll: Poll, upgrade: Upgrade) -> None:
    """With the subprotocol that the client offers, its origin allowed by a function, and binary as text."""

    async def allow(origin: str | None) -> bool:
        return origin == ORIGIN

    one, two = [await start(cors_origins=allow) for _ in range(2)]
    client = await poll(one, origin=ORIGIN)
    await client.join()
    client.sid += "&b64=1"
    socket = await upgrade(client, two, headers=["Sec-WebSocket-Protocol: v1, v2", f"Origin: {ORIGIN}"])
    assert socket.answer.headers["sec-websocket-protocol"] == "v1"
    assert socket.answer.headers["access-control-allow-origin"] == ORIGIN
    for packet in ("bAAEC", "b", b"\0\1\2"):
        socket.send('451-["echo",{"_placeholder":true,"num":0}]')
        socket.send(packet)
        assert await socket.receive() == '451-["echo",{"_placeholder":true,"num":0}]'
        assert await socket.receive() == ("b" if packet == "b" else "bAAEC")


@pytest.mark.parametrize("header", ["Sec-WebSocket-Protocol: v1,,v2", f"Origin: {ORIGIN}"])
async def test_a_websocket_is_refused_as_elsewhere(
    start: Start, poll: Poll, open_websocket: Open, header: str
) -> None:
    """For an offer of a subprotocol that is malformed, and where the function for origins fails."""

    def allow(origin: str | None) -> bool:
        if origin is not None:
            raise RuntimeError("no database")
        return False

    one, two = [await start(cors_origins=allow) for _ in range(2)]
    client = await poll(one)
    for running in (one, two):
        with pytest.raises(Refusal) as refusal:
            await open_websocket(running, f"EIO=4&transport=websocket&sid={client.sid}", headers=[header])
        assert refusal.value.answer.status == 400
    turn_to(client, two)
    await client.join()


async def test_the_client_goes(start: Start, poll: Poll, upgrade: Upgrade, seen: Recorder) -> None:
    one, two = await start(), await start()
    for goodbye in (True, False):
        client = await poll(one)
        await client.join()
        socket = await upgrade(client, two)
        (known,) = await server(one).fetch_sockets()
        await until(lambda known=known: known.transport == "websocket")
        if goodbye:
            socket.send_frame(8, b"\x03\xe8")
        else:
            socket.writer.transport.abort()
        await seen.wait_for("disconnect", "transport close")
        assert server(one).sessions == 0
        seen.entries.clear()


@pytest.mark.parametrize(
    ("message", "code"),
    [('42["leave"]', 1000), ("9", 1002), ('42["echo","' + "x" * 2000 + '"]', 1009)],
    ids=["disconnected", "no packet", "too large"],
)
async def test_close_codes(start: Start, poll: Poll, upgrade: Upgrade, message: str, code: int) -> None:
    """They are those of the instance that has the session."""
    one, two = [await start(max_payload=1000) for _ in range(2)]

    @server(one).on("leave")
    async def leave(socket: Socket) -> None:
        await socket.disconnect(close=True)

    client = await poll(one)
    await client.join()
    socket = await upgrade(client, two)
    socket.send(message)
    assert (await socket.until_close()).code == code
    await until(lambda: server(one).sessions == 0)


async def test_a_second_websocket(start: Start, poll: Poll, upgrade: Upgrade, open_websocket: Open) -> None:
    """It is taken and closed, as on the instance itself."""
    one, two = await start(), await start()
    client = await poll(one)
    first = await upgrade(client, two)
    second = await open_websocket(two, f"EIO=4&transport=websocket&sid={client.sid}")
    assert (await second.until_close()).code == 1000
    first.send("40")
    assert str(await first.receive()).startswith("40{")


async def test_a_client_that_does_not_read(
    start: Start, poll: Poll, upgrade: Upgrade, seen: Recorder
) -> None:
    """The instance that has the session sees it through the tunnel, which holds little, and both let go of it."""
    times = {"ping_interval": 400, "ping_timeout": 400, "max_buffered": 200_000}
    one, two = [await start(**times) for _ in range(2)]
    client = await poll(one)
    await client.join()
    await upgrade(client, two, receive_buffer=4096)
    (known,) = await server(one).fetch_sockets()
    await until(lambda: known.transport == "websocket")
    while known.connected:
        await server(one).emit("fill", "x" * 50_000)
        await asyncio.sleep(0)
        assert known._local.link.transport.buffered < 500_000
    await seen.wait_for("disconnect", "too slow")
    # With the plain shell, the connection itself is left to the server in front.
    state = two.uvicorn.server_state
    await until(lambda: not (state.connections if two.shell == RAW else state.tasks))


async def test_a_client_that_sends_too_fast(start: Start, poll: Poll, upgrade: Upgrade) -> None:
    """It waits, and loses nothing."""
    one, two = [await start(max_pending_events=2) for _ in range(2)]
    room = asyncio.Event()
    took = []

    @server(one).on("slow")
    async def slow(socket: Socket, number: int, _filling: str) -> int:
        await room.wait()
        took.append(number)
        return number

    client = await poll(one)
    await client.join()
    socket = await upgrade(client, two)
    for number in range(200):
        socket.send(f'42["slow",{number},"{"x" * 50_000}"]')
    (known,) = await server(one).fetch_sockets()
    await until(lambda: known._local.link.paused)
    room.set()
    await until(lambda: len(took) == 200)
    assert took == list(range(200))


# --- what there is nobody for ---


async def test_sessions_that_nobody_has(start: Start, told: Told) -> None:
    """An unknown tag, one's own and another's with an id that is not there; nothing of it is forwarded twice."""
    one, two = await start(), await start()
    tags = [running.server.websocket_protocol.hub.tag for running in (one, two)]
    async with http_client() as http:
        for sid in (NOBODY, f"{tags[0]}{'x' * 16}", f"{tags[1]}{'x' * 16}", f"{tags[1]}x", "€" * 20):
            for method in ("GET", "POST", "PUT"):
                response = await http.request(method, one.url(f"{POLLING}&sid={sid}"), content="4")
                assert (response.status_code, response.json()) == (400, UNKNOWN)
            with pytest.raises(Refusal) as refused:
                await WebSocket.open(one, f"EIO=4&transport=websocket&sid={'e' if '€' in sid else sid}")
            assert refused.value.answer.status in (400, 403)
    assert told.forwards == [("get", False), ("post", False), ("websocket", True)]


async def test_an_instance_that_has_stopped(start: Start, poll: Poll, redis_url: str) -> None:
    """Its lease is over at once, and whoever knows its address finds nobody there."""
    one, two, three = await start(), await start(), await start()
    client = await poll(one)
    turn_to(client, two)
    await client.join()
    await one.stop()
    store = RedisStore(redis_url)
    assert await store.get(lease_of(client.sid)) is None
    await store.close()
    for running in (two, three):
        turn_to(client, running)
        assert (await client.get()).json() == UNKNOWN


async def test_an_instance_that_stops_lets_gets_go(start: Start, poll: Poll) -> None:
    """Those that it has forwarded: the clients of others go on elsewhere and notice nothing."""
    one, two, three = await start(), await start(), await start()
    client = await poll(one)
    await client.join()
    turn_to(client, two)
    getting = asyncio.create_task(client.get())
    (socket,) = await server(one).fetch_sockets()
    await until(lambda: socket._local.link.writable)
    await two.stop()
    response = await getting
    assert (response.status_code, response.text, response.headers["connection"]) == (200, "6", "close")
    turn_to(client, three)
    await client.send('2["echo"]')
    assert await client.receive() == '2["echo"]'


async def test_an_instance_that_stops_sends_clients_elsewhere(start: Start, poll: Poll) -> None:
    """As soon as it takes no new sessions: each answer is the last of its connection, and no GET waits any more."""
    one, two = [await start(cors_origins="*") for _ in range(2)]
    begun, room = asyncio.Event(), asyncio.Event()

    @server(two).on("slow")
    async def slow(_socket: Socket) -> None:
        begun.set()
        await room.wait()

    own, client = await poll(two), await poll(one)
    await client.join()
    await own.join()
    await own.send('2["slow"]')
    await begun.wait()
    stopping = asyncio.create_task(server(two).stop())
    await until(lambda: not two.server.websocket_protocol.hub.accepting)
    turn_to(client, two)
    for response in (await client.get(), await client.post('42["echo"]'), await client.get()):
        assert (response.status_code, response.headers["connection"]) == (200, "close")
        assert response.headers["access-control-allow-origin"] == "*"
        assert response.text == ("ok" if response.request.method == "POST" else "6")
    turn_to(client, one)
    assert await client.receive() == '2["echo"]'
    room.set()
    await stopping
    turn_to(client, two)
    assert (await client.get()).json() == UNKNOWN


async def test_an_instance_that_stops_ends_tunnels(
    start: Start, poll: Poll, upgrade: Upgrade, seen: Recorder
) -> None:
    """What was sent before still comes through; then the session is closed, and the client is to reconnect."""
    one, two = await start(), await start()
    client = await poll(one)
    await client.join()
    socket = await upgrade(client, two)
    socket.send('42["echo","last"]')
    assert await socket.receive() == '42["echo","last"]'
    await two.stop()
    await socket.until_end()
    await seen.wait_for("disconnect", "transport close")


# --- the private listener ---


@pytest.fixture
async def private(start: Start, redis_url: str) -> tuple[Running, str, str]:
    """An instance, where it takes what others forward, and the tag of its sessions."""
    running = await start()
    tag = running.server.websocket_protocol.hub.tag
    store = RedisStore(redis_url)
    address = await store.get(lease_of(tag))
    await store.close()
    return running, f"http://{address}", tag


async def test_without_the_secret_nothing_is_answered(private: tuple[Running, str, str], poll: Poll) -> None:
    running, url, _ = private
    client = await poll(running)
    query = f"{POLLING}&sid={client.sid}"
    async with http_client() as http:
        for path in (f"/socket.io/?{query}", f"/socket.io/?{POLLING}", "/", "/health/live"):
            for method in ("GET", "POST", "OPTIONS", "DELETE"):
                for headers in ({}, credentials("another"), {next(iter(credentials())): "\xff"}):
                    raw = {name: value.encode("latin-1") for name, value in headers.items()}
                    response = await http.request(method, url + path, headers=raw)
                    assert (response.status_code, response.content) == (403, b"")
    elsewhere = Running(running.server, running.shell)
    elsewhere.port = int(url.rpartition(":")[2])
    for given in ({}, credentials("another")):
        lines = [f"{name}: {value}" for name, value in given.items()]
        for wanted in ("", f"&sid={client.sid}"):
            with pytest.raises(Refusal) as refused:
                await WebSocket.open(elsewhere, f"EIO=4&transport=websocket{wanted}", headers=lines)
            assert refused.value.answer.status == 403


@pytest.mark.parametrize("given", [[], ["parley-forwarded: no"]], ids=["without", "another"])
async def test_without_the_secret_no_body_is_waited_for(
    private: tuple[Running, str, str], given: list[str]
) -> None:
    """It is refused with the end of its head: no length, chunk or trailer of it is parsed."""
    _, url, _ = private
    reader, writer = await connect(int(url.rpartition(":")[2]))
    head = ["POST /socket.io/ HTTP/1.1", "Host: chat", *given, "Transfer-Encoding: chunked"]
    writer.write("\r\n".join(head).encode() + b"\r\n\r\nno size, and no end")
    assert (await read_answer(reader)).status == 403
    assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize(
    "hosts", [[], ["Host: a", "Host: a"], ["Host: a/b"]], ids=["none", "two", "malformed"]
)
async def test_another_instance_names_one_host(private: tuple[Running, str, str], hosts: list[str]) -> None:
    _, url, _ = private
    given = [f"{name}: {value}" for name, value in credentials().items()]
    reader, writer = await connect(int(url.rpartition(":")[2]))
    writer.write("\r\n".join(["GET / HTTP/1.1", *hosts, *given]).encode() + b"\r\n\r\n")
    assert (await read_answer(reader)).status == 400
    writer.close()


async def test_another_instance_passes_a_body_on_in_small_pieces(
    private: tuple[Running, str, str], poll: Poll
) -> None:
    """As a slow client sends it."""
    running, url, _ = private
    client = await poll(running)
    await client.join()
    packet = f'42["echo","{"x" * 5_000}"]'
    given = [f"{name}: {value}" for name, value in credentials().items()]
    target = f"/socket.io/?{POLLING}&sid={client.sid}"
    head = [f"POST {target} HTTP/1.1", "Host: chat", *given, "Transfer-Encoding: chunked"]
    reader, writer = await connect(int(url.rpartition(":")[2]))
    chunks = "".join(f"1\r\n{letter}\r\n" for letter in packet)
    writer.write(("\r\n".join(head) + f"\r\n\r\n{chunks}0\r\n\r\n").encode())
    assert (await read_answer(reader)).status == 200
    assert f"4{await client.receive()}" == packet
    writer.close()


async def test_another_instance_sends_no_more_than_it_needs(private: tuple[Running, str, str]) -> None:
    _, url, tag = private
    async with http_client(**credentials()) as http:
        query = f"{POLLING}&sid={tag}{'x' * 16}"
        assert (await http.get(f"{url}/socket.io/?{query}", headers={"x": "y" * 17_000})).status_code == 431


async def test_with_the_secret_only_sessions_are_served(
    private: tuple[Running, str, str], start: Start
) -> None:
    """None begins there, and what is for another instance is not passed on."""
    running, url, tag = private
    other = await start()
    async with http_client(**credentials()) as http:
        foreign = f"{other.server.websocket_protocol.hub.tag}{'x' * 16}"
        for query in (POLLING, f"{POLLING}&sid={foreign}", f"{POLLING}&sid={tag}{'x' * 16}"):
            response = await http.get(f"{url}/socket.io/?{query}")
            assert (response.status_code, response.json()) == (400, UNKNOWN)
    elsewhere = Running(running.server, running.shell)
    elsewhere.port = int(url.rpartition(":")[2])
    lines = [f"{name}: {value}" for name, value in credentials().items()]
    for wanted, status in (("", 403), (f"&sid={foreign}", 400)):
        with pytest.raises(Refusal) as refused:
            await WebSocket.open(elsewhere, f"EIO=4&transport=websocket{wanted}", headers=lines)
        assert refused.value.answer.status == status
    assert server(running).sessions == 0


async def test_credentials_open_nothing_at_the_public_one(start: Start, poll: Poll) -> None:
    """With them, it only does not forward what, as it seems, was forwarded."""
    one, two = await start(), await start()
    client = await poll(one, **credentials())
    await client.join()
    assert (await client.http.request("DELETE", client.url)).status_code == 400
    await client.send('2["echo"]')
    assert await client.receive() == '2["echo"]'
    turn_to(client, two)
    assert (await client.get()).json() == UNKNOWN


async def test_instances_with_different_secrets(
    start: Start, poll: Poll, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    """Clients are refused, and the log says why, without saying the secrets."""
    one, two = await start(), await start(peer={"secret": "another"})
    client = await poll(one)
    turn_to(client, two)
    with caplog.at_level("INFO"):
        assert (await client.get()).json() == UNKNOWN
        with pytest.raises(Refusal):
            await WebSocket.open(two, f"EIO=4&transport=websocket&sid={client.sid}")
    assert told.forwards == [("get", True), ("websocket", True)]
    assert "another secret" in caplog.text
    for secret in ("for tests only", *credentials().values(), *credentials("another").values()):
        assert secret not in caplog.text
        assert secret not in repr(forwarding())


async def test_a_client_reaches_no_more_than_its_session(
    start: Start, poll: Poll, open_websocket: Open
) -> None:
    """What it sends behind its request for a websocket does not become a request of the other instance's listener."""
    one, two = await start(), await start()
    client = await poll(one)
    await client.join()
    socket = await open_websocket(two, f"EIO=4&transport=websocket&sid={client.sid}")
    lines = [f"{name}: {value}\r\n" for name, value in credentials().items()]
    socket.write(f"DELETE /socket.io/ HTTP/1.1\r\n{''.join(lines)}\r\n".encode())
    assert (await socket.until_close()).code == 1002


# --- start and options ---


async def test_the_address_may_be_taken(
    start: Start, make_app: Callable[..., Server], redis_url: str, free_port: int
) -> None:
    """Then the server does not start, and can be started when it is free."""
    first = await start(peer={"port": free_port})
    io = make_app(store=RedisStore(redis_url), forwarding=forwarding(port=free_port))
    with pytest.raises(OSError, match=str(free_port)):
        await io.start()
    await first.stop()
    await io.start()
    await io.stop()


async def test_the_address_may_be_one_of_ipv6(start: Start, poll: Poll, upgrade: Upgrade, told: Told) -> None:
    one, two = await start(peer={"host": "::1"}), await start()
    client = await poll(one)
    turn_to(client, two)
    await client.join()
    socket = await upgrade(client, two)
    socket.send('42["echo"]')
    assert await socket.receive() == '42["echo"]'
    assert not any(failed for _, failed in told.forwards)


@pytest.mark.parametrize(
    "wrong", [{"host": ""}, {"host": "0.0.0.0"}, {"host": "::"}, {"lease": 0}, {"secret": ""}]
)
def test_options(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        forwarding(**wrong)
