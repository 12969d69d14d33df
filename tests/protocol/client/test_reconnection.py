"""A client that loses its connection, and gets it back."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest

from protocol import JSON, MSGPACK, AckTimeout, Client, Disconnected, Refused, Server, Socket, Unreachable
from protocol.engineio.client_session import DisconnectReason
from tests.protocol.client.test_client import get
from tests.support.raw_servers import NewClient, NewProxy, Proxy, RawServer
from tests.support.running import Running, Serve
from tests.support.waiting import PATIENCE, until

SHORT = {"ping_interval": 100, "ping_timeout": 100}


class Story:
    """What a client was told, in order."""

    def __init__(self, client: Client) -> None:
        self.told: asyncio.Queue[Any] = asyncio.Queue()
        client.on("connect")(lambda: self.told.put_nowait("connect"))
        client.on("disconnect")(self.told.put_nowait)
        self.errors: list[Exception] = []
        client.on("connect_error")(self.errors.append)

    async def next(self) -> Any:
        return await get(self.told)


def make_io(**options: Any) -> Server:
    io = Server(**options)
    io.on("echo")(lambda socket, *args: args)
    return io


@pytest.fixture
def io() -> Server:
    return make_io()


@pytest.fixture
async def proxy(io: Server, serve: Serve, new_proxy: NewProxy) -> AsyncIterator[Proxy]:
    running = await serve(io)
    return await new_proxy(running.port)


async def test_a_connection_that_breaks(io: Server, proxy: Proxy, new_client: NewClient) -> None:
    calls = iter(range(10))
    auths: list[Any] = []
    io.on("connection")(lambda socket: auths.append(dict(socket.handshake.auth)))
    io.of("/a").on("where")(lambda socket: socket.id)
    client = new_client(proxy, auth=lambda: {"call": next(calls)})
    story = Story(client)
    await client.connect()
    inner = client.of("/a")
    await inner.connect()
    ids = {client.id, inner.id}
    assert await story.next() == "connect"
    for number in (1, 2, 3):
        proxy.cut()
        assert await story.next() in ("transport close", "transport error")
        assert await story.next() == "connect"
        assert await client.emit_with_ack("echo", number) == number
        await until(lambda: inner.connected)
        assert await inner.emit_with_ack("where") == inner.id
        ids |= {client.id, inner.id}
    assert len(ids) == 8
    await until(lambda: len(auths) == 4)
    assert auths == [{"call": number} for number in range(4)]
    assert story.errors == []


@pytest.mark.parametrize("parser", [JSON, MSGPACK], ids=["json", "msgpack"])
async def test_what_is_missed_comes_first(
    serve: Serve, new_client: NewClient, new_proxy: NewProxy, parser: Any
) -> None:
    """From a server that lets clients come back; its offsets are no arguments."""
    io = make_io(recovery=60_000, parser=parser)
    proxy = await new_proxy((await serve(io)).port)
    client = new_client(proxy, parser=parser, auth={"token": "t"})
    story = Story(client)
    client.on("news")(lambda *args: story.told.put_nowait(args))
    client.on("text")(lambda *args: story.told.put_nowait(args))
    await client.connect()
    assert not client.recovered
    assert await story.next() == "connect"
    (socket,) = io.sockets.values()
    for number in range(3):
        await io.emit("news", number, b"binary")
        assert await story.next() == (number, b"binary")
        await io.emit("text")
        assert await story.next() == ()
        proxy.cut()
        assert await story.next() in ("transport close", "transport error")
        await io.emit("news", "missed", {"n": number})
        assert await story.next() == ("missed", {"n": number})
        assert await story.next() == "connect"
        assert client.recovered
        assert client.id == socket.id
        assert io.sockets[socket.id].handshake.auth == {"token": "t"}
    await socket.emit("ask", "1-1")
    client.on("ask")(lambda *args: list(args))
    (socket,) = io.sockets.values()
    assert await socket.emit_with_ack("ask", "1-1") == ["1-1"]
    await client.disconnect()
    await client.connect()
    assert not client.recovered


async def test_what_is_emitted_meanwhile_is_sent_then(
    io: Server, proxy: Proxy, new_client: NewClient
) -> None:
    heard: list[int] = []
    io.on("note")(lambda socket, number: heard.append(number))
    client = new_client(proxy, max_buffered_events=4)
    lost = asyncio.Event()
    client.on("disconnect")(lambda reason: lost.set())
    await client.connect()
    proxy.cut()
    await lost.wait()
    assert (client.connected, client.active, client.id) == (False, True, None)
    await client.emit("note", 1)
    with pytest.raises(AckTimeout):
        await client.emit_with_ack("note", -1, timeout=0)
    await client.emit("note", 2)
    await client.emit("note", 3)
    answer = asyncio.create_task(client.emit_with_ack("echo", "answer"))
    await asyncio.sleep(0)
    with pytest.raises(Disconnected, match="too many events wait"):
        await client.emit("note", 4)
    assert await answer == "answer"
    assert await client.emit_with_ack("echo", "ordered") == "ordered"
    assert heard == [1, 2, 3]


async def test_acks_fail_when_the_connection_is_lost(io: Server, proxy: Proxy, new_client: NewClient) -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def wait(socket: Socket) -> None:
        arrived.set()
        await go_on.wait()

    io.on("wait")(wait)
    client = new_client(proxy)
    await client.connect()
    answer = asyncio.create_task(client.emit_with_ack("wait"))
    await arrived.wait()
    proxy.cut()
    with pytest.raises(Disconnected, match="lost before the server answered"):
        await answer
    go_on.set()


async def test_an_ack_for_a_socket_that_is_gone_is_not_sent(
    io: Server, proxy: Proxy, new_client: NewClient
) -> None:
    """The new socket's own event has the same ack id."""
    answers: asyncio.Queue[Any] = asyncio.Queue()

    async def ask(socket: Socket) -> None:
        try:
            answers.put_nowait(await socket.emit_with_ack("question", timeout=20_000))
        except Disconnected:
            answers.put_nowait("disconnected")

    io.on("ask")(ask)
    client = new_client(proxy)
    begun, go_on = asyncio.Event(), asyncio.Event()
    asked = iter(["first", "second"])

    async def question() -> str:
        begun.set()
        await go_on.wait()
        return next(asked)

    client.on("question")(question)
    await client.connect()
    before = client.id
    await client.emit("ask")
    await begun.wait()
    proxy.cut()
    assert await get(answers) == "disconnected"
    await until(lambda: client.connected and client.id != before)
    await client.emit("ask")
    go_on.set()
    assert await get(answers) == "second"


async def test_a_server_that_is_restarted(shell: str, free_port: int, new_client: NewClient) -> None:
    running = await Running(make_io(), shell).start(free_port)
    client = new_client(running)
    story = Story(client)
    await client.connect()
    assert await story.next() == "connect"
    await running.stop()
    assert await story.next() == "transport close"
    await until(lambda: len(story.errors) > 3)
    assert {type(error) for error in story.errors} == {Unreachable}
    running = await Running(make_io(), shell).start(free_port)
    try:
        assert await story.next() == "connect"
        assert await client.emit_with_ack("echo", 1) == 1
        await client.disconnect()
        assert await story.next() == "io client disconnect"
    finally:
        await running.stop()


async def test_a_server_that_falls_silent(serve: Serve, new_client: NewClient, new_proxy: NewProxy) -> None:
    running = await serve(make_io(**SHORT))
    proxy = await new_proxy(running.port)
    client = new_client(proxy)
    story = Story(client)
    await client.connect()
    assert await story.next() == "connect"
    proxy.silent = True
    assert await story.next() == "ping timeout"
    await until(lambda: proxy.accepted > 1)
    proxy.silent = False
    proxy.cut()  # whose bytes were swallowed
    assert await story.next() == "connect"
    assert await client.emit_with_ack("echo", 1) == 1


async def test_a_server_that_pings_is_not_silent(raw_server: RawServer, new_client: NewClient) -> None:
    client = new_client(raw_server)
    reasons: list[str] = []
    client.on("disconnect")(reasons.append)
    joining = asyncio.create_task(client.connect())
    peer = await raw_server.accept()
    await peer.open('0{"sid":"engine","upgrades":[],"pingInterval":300,"pingTimeout":300,"maxPayload":1}')
    await joining
    begun = asyncio.get_running_loop().time()
    while asyncio.get_running_loop().time() < begun + 1.3:  # two deadlines of the client
        peer.send("2")
        assert await peer.receive() == "3"
        await asyncio.sleep(0.05)
    assert client.connected
    assert reasons == []


async def test_a_process_that_stood_still(raw_server: RawServer, new_client: NewClient) -> None:
    """What the server sent meanwhile counts."""
    client = new_client(raw_server)
    reasons: list[str] = []
    client.on("disconnect")(reasons.append)
    joining = asyncio.create_task(client.connect())
    peer = await raw_server.accept()
    await peer.open('0{"sid":"engine","upgrades":[],"pingInterval":250,"pingTimeout":250,"maxPayload":1}')
    await joining
    peer.send("2")
    time.sleep(1.6)  # noqa: ASYNC251 - on purpose
    assert await peer.receive() == "3"
    assert client.connected
    assert reasons == []


async def test_an_attempt_has_a_limit(raw_server: RawServer, new_client: NewClient) -> None:
    client = new_client(raw_server, connect_timeout=2_000)
    story = Story(client)
    joining = asyncio.create_task(client.connect())
    peer = await raw_server.accept()
    await peer.open()
    await joining
    peer.writer.transport.abort()
    silent = await raw_server.accept()
    assert await silent.receive() is None
    assert [str(error) for error in story.errors] == ["no connection within 2000 ms"]
    again = await raw_server.accept()
    await again.open(sid="again")
    await until(lambda: client.id == "again")


async def test_no_reconnection_if_not_wanted(proxy: Proxy, new_client: NewClient) -> None:
    client = new_client(proxy, reconnection=False)
    story = Story(client)
    await client.connect()
    assert await story.next() == "connect"
    proxy.cut()
    await story.next()
    assert not client.active
    with pytest.raises(Disconnected, match="not connected"):
        await client.emit("echo")
    await client.connect()
    assert await client.emit_with_ack("echo", 1) == 1
    assert proxy.accepted == 2


async def test_attempts_may_be_bounded(proxy: Proxy, new_client: NewClient) -> None:
    client = new_client(proxy, reconnection_attempts=3)
    story = Story(client)
    await client.connect()
    assert await story.next() == "connect"
    lost = asyncio.create_task(story.next())
    await proxy.stop()
    assert await lost in ("transport close", "transport error")
    answer = asyncio.create_task(client.emit_with_ack("echo"))
    with pytest.raises(Disconnected):
        await answer
    assert not client.active
    assert len(story.errors) == 3


async def test_no_attempts_at_all(proxy: Proxy, new_client: NewClient) -> None:
    client = new_client(proxy, reconnection_attempts=0)
    story = Story(client)
    await client.connect()
    assert await story.next() == "connect"
    proxy.cut()
    await story.next()
    assert not client.active
    assert story.errors == []


async def test_refused_when_it_comes_back(io: Server, proxy: Proxy, new_client: NewClient) -> None:
    banned: set[str] = set()

    async def check(socket: Socket) -> None:
        if socket.handshake.auth["name"] in banned:
            raise Refused("banned")

    io.use(check)
    client = new_client(proxy, auth={"name": "a"})
    story = Story(client)
    await client.connect()
    assert await story.next() == "connect"
    banned.add("a")
    proxy.cut()
    await until(lambda: story.errors)
    assert isinstance(story.errors[0], Refused)
    assert not client.active
    await until(lambda: not io.sessions)


async def test_disconnecting_ends_the_attempts(proxy: Proxy, new_client: NewClient) -> None:
    client = new_client(proxy, reconnection_delay=10_000, reconnection_delay_max=10_000)
    story = Story(client)
    await client.connect()
    assert await story.next() == "connect"
    proxy.cut()
    await story.next()
    answer = asyncio.create_task(client.emit_with_ack("echo"))
    joining = asyncio.create_task(client.connect())
    await asyncio.sleep(0)
    await client.disconnect()
    for waiting in (answer, joining):
        with pytest.raises(Disconnected):
            await waiting
    assert story.told.empty()
    assert not client.active


async def test_connecting_while_reconnecting(proxy: Proxy, new_client: NewClient) -> None:
    client = new_client(proxy)
    lost = asyncio.Event()
    client.on("disconnect")(lambda reason: lost.set())
    await client.connect()
    proxy.cut()
    await lost.wait()
    await asyncio.gather(client.connect(), client.of("/nowhere").connect(), return_exceptions=True)
    assert client.connected
    assert not client.of("/nowhere").active
    assert proxy.accepted == 2


async def test_waiting_for_a_reconnection_has_a_limit(proxy: Proxy, new_client: NewClient) -> None:
    """Which ends the waiting and not the attempts."""
    client = new_client(proxy, connect_timeout=300, reconnection_delay=10_000, reconnection_delay_max=10_000)
    lost = asyncio.Event()
    client.on("disconnect")(lambda reason: lost.set())
    async with asyncio.timeout(PATIENCE):
        while not client.connected:  # a busy machine may need more than one attempt
            with suppress(Unreachable):
                await client.connect()
    proxy.cut()
    await lost.wait()
    with pytest.raises(Unreachable, match="did not let us in within 300 ms"):
        await client.connect()
    assert client.active


def test_reasons_are_the_words_of_socket_io_client() -> None:
    assert [str(reason) for reason in DisconnectReason] == [
        "io server disconnect",
        "io client disconnect",
        "ping timeout",
        "transport close",
        "transport error",
        "parse error",
    ]
