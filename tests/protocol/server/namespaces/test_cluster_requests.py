"""Two servers on one Redis ask each other, and each other's clients."""

import asyncio
import logging
import re
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import msgpack
import pytest
import redis

from protocol import (
    AckTimeout,
    BusUnavailable,
    Disconnected,
    Emitter,
    InterestBus,
    RedisBus,
    RemoteSocket,
    Server,
    Socket,
)
from tests.support.engine_clients import Recorder, WebSocketClient
from tests.support.redis_servers import RedisServer
from tests.support.running import RAW, Serve
from tests.support.waiting import until

App = Callable[..., Server]


class Pair:
    """Servers `one` and `two`, each with a client whose name is its data."""

    def __init__(self) -> None:
        self.servers: list[Server] = []
        self.buses: list[RedisBus | InterestBus] = []
        self.clients: list[WebSocketClient] = []

    @property
    def sockets(self) -> list[Socket]:
        return [socket for server in self.servers for socket in server.sockets.values()]

    async def remote(self) -> RemoteSocket:
        """The client of the second as the first sees it."""
        (found,) = await self.servers[0].in_("2").fetch_sockets()
        assert isinstance(found, RemoteSocket)
        return found


async def make_pair(
    serve: Serve,
    make_app: App,
    stack: AsyncExitStack,
    url: str,
    kind: type[RedisBus | InterestBus] = RedisBus,
    **options: Any,
) -> Pair:
    pair = Pair()
    for number in (1, 2):
        bus = kind(url, publish_timeout=1_000)
        io = make_app(bus=bus, **options)
        running = await serve(io)
        client = await WebSocketClient.open(running)
        stack.push_async_callback(client.close)
        sid = await client.join("/", '{"token":"€"}')
        await io.sockets[sid].join("all", str(number))
        io.sockets[sid].data["number"] = number
        pair.servers.append(io)
        pair.buses.append(bus)
        pair.clients.append(client)
    await listening(pair, "/")
    return pair


async def listening(pair: Pair, nsp: str) -> None:
    """Return once both servers hear the requests of a namespace."""
    async with asyncio.timeout(20):
        while len(await pair.buses[0].listeners(nsp)) < 2:  # noqa: ASYNC110 - Redis decides
            await asyncio.sleep(0.002)


@pytest.fixture
def shell() -> str:
    """The shells make no difference here."""
    return RAW


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> type[RedisBus | InterestBus]:
    """One stream for all, unless the test runs `in_both_modes`."""
    kind: type[RedisBus | InterestBus] = getattr(request, "param", RedisBus)
    return kind


in_both_modes = pytest.mark.parametrize("kind", [RedisBus, InterestBus], indirect=True)


@pytest.fixture
async def pair(
    serve: Serve,
    make_app: App,
    redis_url: str,
    stack: AsyncExitStack,
    kind: type[RedisBus | InterestBus],
) -> Pair:
    return await make_pair(serve, make_app, stack, redis_url, kind)


# --- sockets ---


@in_both_modes
async def test_fetch_sockets_finds_those_of_all_servers(pair: Pair) -> None:
    one, two = pair.servers
    own, other = await one.fetch_sockets()
    if isinstance(own, RemoteSocket):
        own, other = other, own
    assert own is pair.sockets[0]
    assert isinstance(other, RemoteSocket)
    theirs = pair.sockets[1]
    assert (other.id, other.rooms, other.data) == (theirs.id, theirs.rooms, {"number": 2})
    assert other.nsp is one
    assert repr(other) == f"<RemoteSocket {theirs.id} of />"
    came, meant = other.handshake, theirs.handshake
    for field in ("headers", "query", "auth", "address", "secure", "xdomain", "url", "issued"):
        assert getattr(came, field) == getattr(meant, field), field
    assert came.auth == {"token": "€"}
    assert [socket.id for socket in await one.in_("1").fetch_sockets()] == [own.id]
    assert [socket.id for socket in await two.except_("2").fetch_sockets()] == [own.id]
    assert await one.to("nowhere").fetch_sockets() == []


async def test_local_stays_local(pair: Pair) -> None:
    one = pair.servers[0]
    assert await one.local.fetch_sockets() == [pair.sockets[0]]
    asking = asyncio.create_task(one.local.emit_with_ack("ask"))
    assert await pair.clients[0].receive() == '20["ask"]'
    await pair.clients[0].send("30[1]")
    assert await asking == [1]


@in_both_modes
async def test_the_verbs_of_a_remote_socket(pair: Pair, seen: Recorder) -> None:
    remote, theirs = await pair.remote(), pair.sockets[1]
    await remote.emit("a", b"\x01")
    await remote.emit("b", volatile=True)
    client = pair.clients[1]
    expected = ['51-["a",{"_placeholder":true,"num":0}]', b"\x01", '2["b"]']
    assert [await client.receive() for _ in range(3)] == expected
    await remote.join("new", "newer")
    await remote.leave("all")
    await until(lambda: theirs.rooms == {theirs.id, "2", "new", "newer"})
    asking = asyncio.create_task(remote.emit_with_ack("ask", 1))
    assert await client.receive() == '20["ask",1]'
    await client.send("30[[2],3]")
    assert await asking == [2]
    with pytest.raises(AckTimeout) as timeout:
        await remote.emit_with_ack("ask", timeout=20)
    assert timeout.value.responses == []
    assert await client.receive() == '21["ask"]'
    await remote.disconnect()
    assert await client.receive() == "1"
    await seen.wait_for("disconnect", "server namespace disconnect")
    with pytest.raises(Disconnected):
        await remote.emit_with_ack("ask")
    await remote.emit("nobody")
    await remote.disconnect(close=True)


async def test_a_remote_socket_can_be_closed(pair: Pair) -> None:
    await (await pair.remote()).disconnect(close=True)
    assert await pair.clients[1].until_lost() == ["1"]


async def test_data_that_cannot_be_sent_is_left_out(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    pair.sockets[1].data |= {"lock": asyncio.Lock(), "bytes": b"\xff", 5: "no name"}
    assert (await pair.remote()).data == {"number": 2, "bytes": b"\xff"}
    assert f"of the data of {pair.sockets[1].id} is not sent to another server: 'lock', 5" in caplog.text


async def test_a_client_cannot_hide_the_others_of_its_server(pair: Pair) -> None:
    """By an `auth` that some can read, and this server could not write with what a record has around it."""
    for server in pair.servers:
        server.of("/custom")
    await listening(pair, "/custom")
    await pair.clients[0].join("/custom")
    await pair.clients[1].join("/custom", '{"flat":1}')
    (socket,) = pair.servers[1].of("/custom").sockets.values()
    deep: Any = []
    for _ in range(500):
        deep = [deep]
    socket.handshake.auth["deep"] = deep  # what a client sends is less deep
    one, two = (server.of("/custom") for server in pair.servers)
    assert {socket.id for socket in await one.fetch_sockets()} == {*one.sockets, *two.sockets}
    (hostile,) = await one.in_(*two.sockets).fetch_sockets()
    assert hostile.handshake.auth == {"flat": 1}


@in_both_modes
async def test_other_namespaces(pair: Pair) -> None:
    """Those that only one has, those of a pattern, and those that have gone."""
    one, two = pair.servers
    only = one.of("/only")
    assert await only.fetch_sockets() == []
    assert await only.server_side_emit_with_ack("anybody?") == []
    for server in pair.servers:
        server.of(re.compile(r"/room-\d"))
    pair.buses[1].listen("/gone")
    gone = one.of("/gone")
    await listening(pair, "/gone")
    assert await gone.fetch_sockets() == await gone.emit_with_ack("x") == []
    assert await gone.server_side_emit_with_ack("x") == [None]
    sid = await pair.clients[1].join("/room-1")
    room = one.of("/room-1")
    (found,) = await room.fetch_sockets()
    assert found.id == sid
    assert isinstance(found, RemoteSocket)
    theirs = two.of("/room-1")
    await pair.clients[1].send("1/room-1,")
    await until(lambda: not theirs.sockets)
    assert await theirs.fetch_sockets() == await room.fetch_sockets() == []
    await until(lambda: "/room-1" not in two._adapter.namespaces)


# --- servers ---


@in_both_modes
async def test_server_side_emit_reaches_the_others(pair: Pair, seen: Recorder) -> None:
    one, two = pair.servers
    for number, server in enumerate(pair.servers, 1):

        @server.on_server_side("hello")
        async def hello(*args: Any, number: int = number) -> None:
            seen(number, *args)

    await one.server_side_emit("hello", b"\x00", {"a": "€"})
    await two.server_side_emit("hello", "back")
    await seen.wait_for(2, b"\x00", {"a": "€"})
    await seen.wait_for(1, "back")
    assert [entry for entry in seen.entries if entry[0] in (1, 2)] in (
        [(2, b"\x00", {"a": "€"}), (1, "back")],
        [(1, "back"), (2, b"\x00", {"a": "€"})],
    )


@in_both_modes
async def test_servers_answer(pair: Pair) -> None:
    one, two = pair.servers
    two.on_server_side("add")(lambda a, b: a + b)
    two.of("/custom").on_server_side("where")(lambda: "custom")
    one.of("/custom")
    await listening(pair, "/custom")

    @two.on_server_side("later")
    async def later(value: bytes) -> dict[str, bytes]:
        await asyncio.sleep(0.01)
        return {"value": value}

    two.on_server_side("nothing")(lambda: None)
    assert await one.server_side_emit_with_ack("add", 1, 2) == [3]
    assert await one.server_side_emit_with_ack("later", b"\xff") == [{"value": b"\xff"}]
    assert await one.server_side_emit_with_ack("nothing") == [None]
    assert await one.of("/custom").server_side_emit_with_ack("where") == ["custom"]
    assert await asyncio.gather(*(one.server_side_emit_with_ack("add", n, n) for n in range(50))) == [
        [2 * n] for n in range(50)
    ]


async def test_a_server_that_does_not_answer_is_named(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    one, two = pair.servers

    @two.on_server_side("fail")
    async def fail() -> None:
        raise LookupError("of the handler")

    two.on_server_side("unsendable")(lambda: {1})
    for event in ("fail", "unsendable", "unknown"):
        with pytest.raises(AckTimeout, match=pair.buses[1].uid) as timeout:
            await one.server_side_emit_with_ack(event, timeout=100)
        assert timeout.value.responses == []
    assert "of the handler" in caplog.text
    assert "nobody handles 'unknown'" in caplog.text
    assert "is not answered" in caplog.text


async def test_an_event_of_servers_has_one_handler(make_app: App) -> None:
    io = make_app()
    io.on_server_side("x")(lambda: None)
    with pytest.raises(ValueError, match="handler already"):
        io.on_server_side("x")(lambda: None)


@pytest.mark.parametrize("name", ["connect", "connection", "new_namespace"])
async def test_what_servers_tell_themselves_is_not_for_others_to_say(
    pair: Pair, redis_url: str, name: str
) -> None:
    """A handler of Node's for connections would take the arguments for a socket."""
    one = pair.servers[0]
    async with Emitter(redis_url) as emitter:
        for send in (one.server_side_emit, one.server_side_emit_with_ack, emitter.server_side_emit):
            with pytest.raises(ValueError, match="reserved"):
                await send(name)
    with pytest.raises(ValueError, match="reserved"):
        one.on_server_side(name)(lambda: None)


# --- clients ---


@in_both_modes
async def test_clients_of_all_servers_answer(pair: Pair) -> None:
    one = pair.servers[0]
    asking = asyncio.create_task(one.emit_with_ack("ask", b"\x01"))
    for number, client in enumerate(pair.clients):
        assert await client.receive() == '51-0["ask",{"_placeholder":true,"num":0}]'
        assert await client.receive() == b"\x01"
        await client.send(f'30[{{"number":{number}}},"more"]')
    assert sorted((await asking), key=str) == [{"number": 0}, {"number": 1}]
    asking = asyncio.create_task(one.to("2").except_("1").emit_with_ack("only you"))
    assert await pair.clients[1].receive() == '21["only you"]'
    await pair.clients[1].send("31[]")
    assert await asking == [None]
    assert await one.to("nowhere").emit_with_ack("nobody") == []


@in_both_modes
async def test_clients_that_do_not_answer(pair: Pair) -> None:
    asking = asyncio.create_task(pair.servers[0].timeout(300).emit_with_ack("ask"))
    for client in pair.clients:
        assert await client.receive() == '20["ask"]'
    await pair.clients[1].send('30["here"]')
    with pytest.raises(AckTimeout, match="1 of 2 clients did not answer within 300 ms") as timeout:
        await asking
    assert timeout.value.responses == ["here"]
    await until(lambda: not pair.sockets[0]._local.client.connection.owes_acks)
    await pair.clients[0].send('30["late"]', '2["echo"]')
    assert await pair.clients[0].receive() == '2["echo"]'


async def test_a_client_of_another_server_that_leaves_is_not_waited_for_beyond_the_timeout(
    pair: Pair,
) -> None:
    asking = asyncio.create_task(pair.servers[0].to("2").timeout(200).emit_with_ack("ask"))
    await pair.clients[1].receive()
    await pair.clients[1].send("1")
    with pytest.raises(AckTimeout):
        await asking


async def test_clients_are_given_as_long_as_the_one_who_asks_waits(pair: Pair) -> None:
    """Nobody keeps waiting for an answer that nobody wants any more."""
    with pytest.raises(AckTimeout):
        await pair.servers[0].timeout(50).emit_with_ack("ask")
    for socket in pair.sockets:
        await until(lambda socket=socket: not socket._local.client.connection.owes_acks)


async def test_the_end_of_one_request_is_not_that_of_the_next(pair: Pair) -> None:
    """Both asked the same client in namespaces of the same name, the second of which came when the first was gone, and
    counts its acks from 0 again."""
    one, client = pair.servers[0], pair.clients[0]
    one.of(re.compile("/room"))
    await client.join("/room")
    asking = asyncio.create_task(one.of("/room").timeout(300).emit_with_ack("first"))
    assert await client.receive() == '2/room,0["first"]'
    await client.send('3/room,0["a"]')
    assert await asking == ["a"]
    await client.send("1/room")
    await until(lambda: "/room" not in one._adapter.namespaces)
    await client.join("/room")
    asking = asyncio.create_task(one.of("/room").timeout(20_000).emit_with_ack("second"))
    assert await client.receive() == '2/room,0["second"]'
    await asyncio.sleep(0.4)  # longer than the first was given
    await client.send('3/room,0["b"]')
    assert await asking == ["b"]


# --- what goes wrong ---


async def test_a_server_that_stands_still_is_named_and_its_late_answer_is_ignored(
    pair: Pair, redis_url: str
) -> None:
    one = pair.servers[0]
    with redis.Redis.from_url(redis_url) as client, client.pubsub() as silent:
        silent.subscribe("socket.io#/#", "socket.io#/#frozen#")
        assert silent.get_message(timeout=10) is not None
        assert silent.get_message(timeout=10) is not None
        with pytest.raises(AckTimeout, match="servers: frozen") as timeout:
            await one.timeout(200).fetch_sockets()
        assert {socket.id for socket in timeout.value.responses} == {socket.id for socket in pair.sockets}
        with pytest.raises(AckTimeout, match="servers: frozen"):
            await one.timeout(200).to("nowhere").emit_with_ack("ask")
        asked = msgpack.unpackb(silent.get_message(timeout=10)["data"])  # type: ignore[index]
        late = {
            "type": 8,
            "uid": "frozen",
            "nsp": "/",
            "data": {"requestId": asked["data"]["requestId"], "sockets": []},
        }
        client.publish(f"socket.io#/#{pair.buses[0].uid}#", msgpack.packb(late))
        foreign = {
            "type": 11,
            "uid": "frozen",
            "nsp": "/",
            "data": {"requestId": "unasked", "clientCount": 7},
        }
        client.publish(f"socket.io#/#{pair.buses[0].uid}#", msgpack.packb(foreign))
    assert len(await one.fetch_sockets()) == 2


async def test_an_answer_that_comes_twice_counts_once(pair: Pair, redis_url: str) -> None:
    """The other answers, and somebody repeats that answer before a third, whose answer never comes, is there."""
    one = pair.servers[0]
    with redis.Redis.from_url(redis_url) as client, client.pubsub() as third:
        third.subscribe("socket.io#/#", "socket.io#/#third#")
        third.get_message(timeout=10)
        third.get_message(timeout=10)
        fetching = asyncio.create_task(one.timeout(300).fetch_sockets())
        message = await asyncio.to_thread(third.get_message, timeout=10)
        asked = msgpack.unpackb(message["data"])  # type: ignore[index]
        again = {
            "type": 8,
            "uid": pair.buses[1].uid,
            "nsp": "/",
            "data": {"requestId": asked["data"]["requestId"], "sockets": []},
        }
        client.publish(f"socket.io#/#{pair.buses[0].uid}#", msgpack.packb(again))
        with pytest.raises(AckTimeout, match="servers: third"):
            await fetching


async def test_while_redis_is_away_requests_fail_and_afterwards_they_work(
    serve: Serve,
    make_app: App,
    stack: AsyncExitStack,
    redis_server: RedisServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    server = redis_server()
    pair = await make_pair(serve, make_app, stack, server.url)
    one = pair.servers[0]
    server.kill()
    for request in (one.fetch_sockets(), one.emit_with_ack("x"), one.server_side_emit_with_ack("x")):
        with pytest.raises(BusUnavailable):
            await request
    server.start()

    async def found() -> int:
        try:
            return len(await one.fetch_sockets())
        except (BusUnavailable, AckTimeout):  # the other one may not listen yet when it is asked
            return 0

    async with asyncio.timeout(60):
        while await found() != 2:  # noqa: ASYNC110 - Redis decides
            await asyncio.sleep(0.01)
    pair.servers[1].on_server_side("well?")(lambda: "well")
    assert await one.server_side_emit_with_ack("well?") == ["well"]


# --- from a process that serves none ---


@in_both_modes
async def test_an_emitter(
    pair: Pair, redis_url: str, seen: Recorder, kind: type[RedisBus | InterestBus]
) -> None:
    for server in pair.servers:
        server.on_server_side("reload")(lambda *args: seen("reload", *args))
        server.of("/custom")
    await pair.clients[1].join("/custom")
    theirs = pair.sockets[1]
    async with Emitter(redis_url, by_interest=kind is InterestBus) as emitter:
        await emitter.emit("a", b"\x01")
        await emitter.to("2").in_("1").except_("1").emit("b")
        await emitter.except_("2").emit("c")
        await emitter.volatile.emit("d")
        await emitter.of("custom").emit("e")
        await emitter.in_("2").sockets_join("new")
        await emitter.to("new").emit("f")
        await emitter.to("new").sockets_leave("2")
        await emitter.server_side_emit("reload", 1)
        binary = ['51-["a",{"_placeholder":true,"num":0}]', b"\x01"]
        assert [await pair.clients[0].receive() for _ in range(4)] == [*binary, '2["c"]', '2["d"]']
        expected = [*binary, '2["b"]', '2["d"]', '2/custom,["e"]', '2["f"]']
        assert [await pair.clients[1].receive() for _ in range(6)] == expected
        await until(lambda: theirs.rooms == {theirs.id, "all", "new"})
        await until(lambda: seen.entries.count(("reload", 1)) == 2)
        await emitter.sockets_join("everybody")
        await emitter.sockets_leave("all")
        await until(lambda: theirs.rooms == {theirs.id, "everybody", "new"})
        with pytest.raises(ValueError, match="reserved"):
            await emitter.emit("connect")
        with pytest.raises(TypeError):
            await emitter.emit("x", object())
        await emitter.to("new").disconnect_sockets()
        await emitter.disconnect_sockets(close=True)
        await pair.clients[0].until_lost()
    with pytest.raises(BusUnavailable):
        await emitter.emit("late")
