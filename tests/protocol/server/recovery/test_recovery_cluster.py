"""Clients that come back to another instance, or to the same one after its end; Redis between them."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import NamedTuple, TypeAlias

import pytest
from msgspec import structs

from protocol import CloseReason, InterestBus, RedisBus, RedisStore, Server
from protocol.cluster.saved_sessions import decode, encode
from protocol.server.routing import interest_keeper
from tests.support.engine_clients import WebSocketClient
from tests.support.node_server import node_server
from tests.support.redis_servers import RedisServer
from tests.support.returning_client import LONG, Guest, Outcomes, key_of
from tests.support.running import Running, Serve
from tests.support.waiting import until

NAMES = ["/", "/a", "/b", "/c"]

App = Callable[..., Server]
MakeInstance: TypeAlias = Callable[..., Awaitable["Instance"]]


class Instance:
    """One of the servers on a Redis."""

    def __init__(self, io: Server, stack: AsyncExitStack) -> None:
        self.io = io
        self.outcomes = Outcomes()
        self.running: Running
        self._stack = stack

    async def client(self) -> WebSocketClient:
        client = await WebSocketClient.open(self.running)
        self._stack.push_async_callback(client.close)
        return client

    async def lose(self, guest: Guest) -> None:
        """Cut a guest's connection, and wait until others can know of it."""
        assert guest.pid is not None
        self.io.sockets[guest.sid]._local.link.fail(CloseReason.TRANSPORT_ERROR, abort=True)
        await guest.go()
        await self.saved(guest, live=False)

    async def stored(self, guest: Guest) -> None:
        """Wait until anything is saved of the guest."""
        while await self.io._store.get(key_of(str(guest.pid))) is None:  # noqa: ASYNC110 - it is in Redis
            await asyncio.sleep(0.005)

    async def saved(self, guest: Guest, *, live: bool) -> None:
        """Wait until the guest is saved as it is."""
        assert guest.pid is not None
        while True:
            text = await self.io._store.get(key_of(guest.pid))
            if text is not None and decode(text).live is live:
                return
            await asyncio.sleep(0.005)


@pytest.fixture
def shell() -> str:
    return "raw"


@pytest.fixture(params=[RedisBus, InterestBus])
def kind(request: pytest.FixtureRequest) -> type[RedisBus | InterestBus]:
    """Both modes of the bus."""
    kind: type[RedisBus | InterestBus] = request.param
    return kind


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instances that begin anew wait for each other, and not for so long as in earnest; clients that return wait
    longer, as long as a busy machine may take."""
    monkeypatch.setattr(interest_keeper, "SETTLE", 300)
    monkeypatch.setattr("protocol.server.recovery.recovery.WAIT", 10.0)


one_stream = pytest.mark.parametrize("kind", [RedisBus], indirect=True)


@pytest.fixture
def make(
    make_app: App, serve: Serve, redis_url: str, stack: AsyncExitStack, kind: type[RedisBus | InterestBus]
) -> MakeInstance:
    async def start(url: str = redis_url) -> Instance:
        outcomes = Outcomes()
        io = make_app(recovery=LONG, bus=kind(url), store=RedisStore(url), observer=outcomes)
        instance = Instance(io, stack)
        instance.outcomes = outcomes
        instance.running = await serve(io)
        return instance

    return start


async def test_to_another_instance(make: MakeInstance) -> None:
    one, two = await make(), await make()
    guest = await Guest().come(await one.client())
    one.io.sockets[guest.sid].data["name"] = "Ada"
    await one.io.sockets[guest.sid].join("room")
    await two.io.emit("heard", b"\x01".hex())
    await guest.hear()
    await one.lose(guest)
    await one.io.to("room").emit("missed", 1)
    await two.io.to("room").emit("missed", 2)
    assert (await guest.come(await two.client())).recovered
    assert guest.heard == [["heard", "01"], ["missed", 1], ["missed", 2]]
    assert two.io.sockets[guest.sid].rooms == {guest.sid, "room"}
    assert two.io.sockets[guest.sid].data == {"name": "Ada"}
    await one.io.to("room").emit("live")
    assert await guest.hear() == ["live"]
    await two.lose(guest)
    await one.io.emit("missed", 3)
    assert (await guest.come(await one.client())).recovered
    assert guest.heard[-1] == ["missed", 3]


async def test_before_its_instance_has_noticed(make: MakeInstance) -> None:
    """The old socket hears nothing more, and ends without a word to the store."""
    one, two = await make(), await make()
    guest = await Guest().come(await one.client())
    old, there = guest.client, one.io.sockets[guest.sid]
    await there.join("room")
    await one.saved(guest, live=True)
    for number in range(20):
        await one.io.to("room").emit("n", number)
    assert (await guest.come(await two.client())).recovered
    assert guest.heard == [["n", number] for number in range(20)]
    await until(lambda: not there.connected)
    assert len(await old.until_lost()) == 20
    await two.io.to("room").emit("live")
    assert await guest.hear() == ["live"]
    assert two.io.sockets.keys() == {guest.sid}
    await until(lambda: not one.io.sockets)
    await two.saved(guest, live=True)


async def test_to_and_fro_while_much_is_sent(make: MakeInstance, stack: AsyncExitStack) -> None:
    """Nothing is lost and nothing doubled, whatever was under way."""
    instances = [await make(), await make()]
    guest = await Guest().come(await instances[0].client())
    sent = 0
    done = asyncio.Event()

    async def send() -> None:
        nonlocal sent
        while not done.is_set():
            await instances[sent % 2].io.emit("n", sent)
            sent += 1
            await asyncio.sleep(0.001)

    sending = asyncio.create_task(send())
    stack.callback(sending.cancel)
    await guest.hear()
    first = guest.heard[0][1]
    for turn in range(1, 13):
        before = instances[(turn - 1) % 2]
        for _ in range(5):
            await guest.hear()
        if turn % 3 == 0:
            await before.lose(guest)
        else:
            await before.saved(guest, live=True)
        after = instances[turn % 2]
        assert (await guest.come(await after.client())).recovered, after.outcomes.all
    done.set()
    await sending
    while guest.heard[-1] != ["n", sent - 1]:
        await guest.hear()
    assert guest.heard == [["n", number] for number in range(first, sent)]


async def test_after_its_only_instance_was_started_again(make: MakeInstance) -> None:
    one = await make()
    guest = await Guest().come(await one.client())
    quiet = await Guest().come(await one.client())
    await one.io.sockets[guest.sid].join("room")
    await one.io.to("room").emit("heard")
    await guest.hear()
    await one.io.to("room").emit("on the way")
    await one.running.stop()
    two = await make()
    await two.io.to("room").emit("missed")
    assert (await guest.come(await two.client())).recovered
    assert guest.heard == [["heard"], ["on the way"], ["missed"]]
    assert (await quiet.come(await two.client())).recovered
    assert quiet.heard == []


async def test_after_a_stop_and_another_start_of_the_same_server(make: MakeInstance, serve: Serve) -> None:
    """What it did not hear in between does not lack in its past."""
    one, two = await make(), await make()
    guest = await Guest().come(await one.client())
    await two.io.emit("heard")
    await guest.hear()
    await one.running.stop()
    await two.io.emit("missed", 1)
    await two.io.emit("missed", 2)
    one.running = await serve(one.io)
    await two.io.emit("missed", 3)
    assert (await guest.come(await one.client())).recovered
    assert guest.heard == [["heard"], ["missed", 1], ["missed", 2], ["missed", 3]]


async def test_a_session_that_was_ended_while_away(make: MakeInstance) -> None:
    one, two = await make(), await make()
    guest = await Guest().come(await one.client())
    await one.lose(guest)
    await two.io.in_(guest.sid).disconnect_sockets(close=True)
    assert not (await guest.come(await two.client())).recovered
    assert two.outcomes.all == ["gone"]


async def test_a_session_that_leaves_is_dropped(make: MakeInstance) -> None:
    one = await make()
    guest = await Guest().come(await one.client())
    await one.saved(guest, live=True)
    await guest.client.send("1")
    while await one.io._store.get(key_of(str(guest.pid))) is not None:  # noqa: ASYNC110 - it is in Redis
        await asyncio.sleep(0.005)


async def test_redis_is_away(make: MakeInstance, redis_server: RedisServer) -> None:
    """Clients come in all the same, as new ones; when it is back they can be recovered again."""
    valkey = redis_server()
    one = await make(valkey.url)
    guest = await Guest().come(await one.client())
    await one.saved(guest, live=True)
    one.io.sockets[guest.sid]._local.link.fail(CloseReason.TRANSPORT_ERROR, abort=True)
    valkey.kill()
    assert not (await guest.come(await one.client())).recovered
    assert one.outcomes.all == ["unavailable"]
    valkey.start()
    await one.saved(guest, live=True)
    await one.lose(guest)
    assert (await guest.come(await one.client())).recovered


async def test_one_who_leaves_while_redis_is_away(make: MakeInstance, redis_server: RedisServer) -> None:
    """It cannot have its session back, though nobody could be told, and though it asks for it meanwhile."""
    valkey = redis_server()
    one = await make(valkey.url)
    guest = await Guest().come(await one.client())
    pid = guest.pid
    await one.saved(guest, live=True)
    valkey.kill()
    await one.io.sockets[guest.sid].disconnect()
    assert not (await guest.come(await one.client())).recovered
    valkey.start()
    await one.saved(guest, live=True)
    thief = Guest()
    thief.pid = pid
    assert not (await thief.come(await one.client())).recovered
    assert one.outcomes.all == ["unavailable", "unknown"]


async def test_a_redis_that_lost_everything(make: MakeInstance, redis_server: RedisServer) -> None:
    valkey = redis_server()
    one = await make(valkey.url)
    guest = await Guest().come(await one.client())
    await one.io.emit("heard")
    await guest.hear()
    await one.saved(guest, live=True)
    await one.io._store._redis.ask("x", "FLUSHALL")
    await one.io.emit("after it")
    await until(lambda: one.io._adapter.gaps)
    await one.saved(guest, live=True)


async def test_namespaces_in_several_streams(
    make_app: App, serve: Serve, redis_url: str, stack: AsyncExitStack
) -> None:
    """Each has an order of its own."""
    instances = []
    for _ in range(2):
        io = make_app(recovery=LONG, bus=RedisBus(redis_url, stream_count=3), store=RedisStore(redis_url))
        for name in NAMES:
            io.of(name)
        instance = Instance(io, stack)
        instance.running = await serve(io)
        instances.append(instance)
    assert len({instances[0].io._adapter.bus.order(name) for name in NAMES}) > 1
    guests = [await Guest(name).come(await instances[0].client()) for name in NAMES]
    for turn in range(1, 4):
        for guest, name in zip(guests, NAMES, strict=True):
            await instances[0].io.of(name).emit("heard", turn)
            await guest.hear()
            socket = instances[(turn - 1) % 2].io.of(name).sockets[guest.sid]
            socket._local.link.fail(CloseReason.TRANSPORT_ERROR, abort=True)
            await instances[0].io.of(name).emit("missed", turn)
        for guest in guests:
            assert (await guest.come(await instances[turn % 2].client())).recovered
    for guest in guests:
        assert guest.heard == [[name, turn] for turn in range(1, 4) for name in ("heard", "missed")]


class Place(NamedTuple):
    """Where Node's server is."""

    port: int
    path: str = "/socket.io/"


@one_stream
async def test_from_node_and_back(make: MakeInstance, redis_url: str, stack: AsyncExitStack) -> None:
    """A real one saves what we read, and reads what we save."""
    recovery = {"maxDisconnectionDuration": LONG}
    node = await stack.enter_async_context(node_server(redis_url, connectionStateRecovery=recovery))
    ours = await make()
    place = Place(int(node.origin.rpartition(":")[2]))

    async def node_client() -> WebSocketClient:
        client = await WebSocketClient.open(place)
        stack.push_async_callback(client.close)
        return client

    guest = await Guest().come(await node_client(), name="ada")
    for turn in range(1, 4):
        await node.do("emit", "/", {"rooms": ["all"]}, "heard", turn)
        assert await guest.hear() == ["heard", turn]
        await guest.go()
        await node.happened("gone", "ada", "transport close")
        node.events.clear()
        await ours.stored(guest)
        await ours.io.to("all").emit("missed from us", {"n": turn})
        await node.do("emit", "/", {"rooms": ["ada"]}, "missed at node", turn)  # on its way when it is done
        assert (await guest.come(await ours.client())).recovered
        assert ours.io.sockets[guest.sid].rooms == {guest.sid, "all", "ada"}
        assert ours.io.sockets[guest.sid].data == {"name": "ada", "blob": b"\x00\xff"}
        await node.do("emit", "/", {"rooms": ["all"]}, "live", turn)
        await guest.hear_until("live", turn)
        await ours.lose(guest)
        await ours.io.to("ada").emit("missed here", turn)
        assert (await guest.come(await node_client(), name="ada")).recovered
    assert guest.heard == [
        event
        for turn in range(1, 4)
        for event in (
            ["heard", turn],
            ["missed from us", {"n": turn}],
            ["missed at node", turn],
            ["live", turn],
            ["missed here", turn],
        )
    ]


@one_stream
async def test_a_session_that_node_has_saved(make: MakeInstance) -> None:
    """It lacks what is ours; Node's rules hold then."""
    one = await make()
    guest = await Guest().come(await one.client())
    await one.io.emit("heard")
    await guest.hear()
    await one.lose(guest)
    key = key_of(str(guest.pid))
    text = await one.io._store.take(key)
    nodes = structs.replace(
        decode(text), nsp=None, live=False, offset=None, since=None, sent=None, before=None, data={"n": 1}
    )
    await one.io._store.put({key: encode(nodes)}, LONG)
    await one.io.emit("missed")
    assert (await guest.come(await one.client())).recovered
    assert guest.heard == [["heard"], ["missed"]]
    assert one.io.sockets[guest.sid].data == {"n": 1}
