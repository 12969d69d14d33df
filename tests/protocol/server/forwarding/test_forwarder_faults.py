"""Instances that forward to each other, when one of them is killed or frozen, or the store is away."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from typing import Any, TypeAlias

import pytest
import redis

from protocol import MemoryStore, RedisStore, Server, StoreUnavailable
from protocol.server.forwarding import instance_directory as instances
from protocol.server.forwarding import remote_instance as owner
from protocol.server.forwarding.instance_directory import InstanceDirectory
from tests.support.engine_clients import Poll, PollingClient
from tests.support.forwarding_cluster import UNKNOWN, Process, forwarding, lease_of, turn_to
from tests.support.raw_websocket import Open, Refusal, WebSocket
from tests.support.redis_servers import RedisServer
from tests.support.running import Running, Serve
from tests.support.waiting import PATIENCE, until

Front: TypeAlias = Callable[..., Awaitable[Running]]
Other: TypeAlias = Callable[..., Awaitable[Process]]

SHORT = 400  # ms of a lease


@pytest.fixture
def front(serve: Serve, make_app: Callable[..., Server], redis_url: str) -> Front:
    """Serves an instance that requests come to."""

    async def start(url: str = redis_url, *, port: int = 0, lease: int = SHORT) -> Running:
        return await serve(make_app(store=RedisStore(url), forwarding=forwarding(lease=lease, port=port)))

    return start


@pytest.fixture
def other(shell: str, redis_url: str, stack: AsyncExitStack) -> Other:
    """Starts an instance that has the sessions."""

    async def start(url: str = redis_url, **options: Any) -> Process:
        process = await Process.start(shell, url, **{"lease": SHORT, **options})
        stack.push_async_callback(process.kill)
        return process

    return start


async def session(poll: Poll, process: Process, running: Running) -> PollingClient:
    """A client of one instance whose requests go to another one."""
    client = await poll(process)  # type: ignore[arg-type]  # it has what is asked of one
    turn_to(client, running)
    await client.join()
    return client


async def upgraded(client: PollingClient, running: Running, open_websocket: Open) -> WebSocket:
    websocket = await open_websocket(running, f"EIO=4&transport=websocket&sid={client.sid}")
    websocket.send("2probe")
    assert await websocket.receive() == "3probe"
    websocket.send("5")
    websocket.send('42["echo"]')
    assert await websocket.receive() == '42["echo"]'
    return websocket


async def test_killed(front: Front, other: Other, poll: Poll, open_websocket: Open) -> None:
    """A GET that waits and a tunnel end at once; what comes later is refused."""
    running, process = await front(), await other()
    waiting, moved = [await session(poll, process, running) for _ in range(2)]
    tunnel = await upgraded(moved, running, open_websocket)
    getting = asyncio.create_task(waiting.get())
    await until(lambda: in_flight(running))
    await process.kill()
    response = await getting
    assert (response.status_code, response.json()) == (400, UNKNOWN)
    await tunnel.until_close()
    assert (await waiting.post("4")).json() == UNKNOWN
    with pytest.raises(Refusal):
        await open_websocket(running, f"EIO=4&transport=websocket&sid={waiting.sid}")
    new = await poll(running)
    assert await new.join()


def in_flight(running: Running) -> bool:
    return bool(running.server.websocket_protocol.hub.forwarder._under_way)


async def test_frozen(front: Front, other: Other, poll: Poll, open_websocket: Open) -> None:
    """What is under way waits, until the lease is over, and what comes later is refused; once it goes on, it serves."""
    running, process = await front(), await other()
    waiting, sending, moved = [await session(poll, process, running) for _ in range(3)]
    tunnel = await upgraded(moved, running, open_websocket)
    getting = asyncio.create_task(waiting.get())
    await until(lambda: in_flight(running))
    process.freeze()
    assert (await sending.post('42["echo"]')).json() == UNKNOWN
    assert (await getting).json() == UNKNOWN
    await tunnel.until_close()
    assert (await sending.get()).json() == UNKNOWN
    process.thaw()
    turn_to(sending, process)
    await sending.send('2["echo"]')
    turn_to(sending, running)
    store = running.server.websocket_protocol.hub.forwarder._instances._store
    async with asyncio.timeout(10):
        while await store.get(lease_of(sending.sid)) is None:  # noqa: ASYNC110 - another process puts it there
            await asyncio.sleep(0.01)
    assert await sending.receive() == '2["echo"]'


async def test_frozen_for_less_than_the_lease(front: Front, other: Other, poll: Poll) -> None:
    running, process = await front(), await other(lease=10_000)
    client = await session(poll, process, running)
    process.freeze()
    posting = asyncio.create_task(client.post('42["echo"]'))
    done, _ = await asyncio.wait([posting], timeout=1)
    assert not done
    process.thaw()
    assert (await posting).text == "ok"
    assert await client.receive() == '2["echo"]'


async def test_nothing_answers_at_the_address(
    front: Front, poll: Poll, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that is down does not even refuse, nor does a process whose queue is full: there is a limit to that."""
    monkeypatch.setattr(owner, "CONNECT_WITHIN", 0.2)
    running = await front(lease=10_000)
    client = await poll(running)
    client.url = client.url.replace(client.sid, "DOWN" + "x" * 16)
    store = RedisStore(redis_url)
    with ExitStack() as sockets:
        full = sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            filling = sockets.enter_context(socket.socket())
            filling.setblocking(False)
            filling.connect_ex(full.getsockname())
        await store.put({lease_of("DOWN"): f"127.0.0.1:{full.getsockname()[1]}"}, 10_000)
        assert (await client.get()).json() == UNKNOWN
    await store.close()


async def test_killed_and_back_at_the_same_address(
    front: Front, other: Other, poll: Poll, free_port: int
) -> None:
    """The lease of the first one still names it; the second one does not know its sessions."""
    running, process = await front(), await other(port=free_port, lease=10_000)
    client = await session(poll, process, running)
    await process.kill()
    again = await other(port=free_port)
    assert (await client.get()).json() == UNKNOWN
    late = await front()
    turn_to(client, late)
    assert (await client.get()).json() == UNKNOWN
    await session(poll, again, late)


async def test_the_store_is_away(
    front: Front,
    other: Other,
    poll: Poll,
    open_websocket: Open,
    redis_server: RedisServer,
) -> None:
    """Instances that are known are there, for much longer than a lease; those that are not known are not. A store that
    comes back empty costs nobody a session."""
    store = redis_server()
    running, process, late = await front(store.url), await other(store.url), await front(store.url)
    client = await session(poll, process, running)
    moved = await session(poll, process, running)
    tunnel = await upgraded(moved, running, open_websocket)
    getting = asyncio.create_task(client.get())
    await until(lambda: in_flight(running))
    store.stop()
    done, _ = await asyncio.wait([getting], timeout=5 * SHORT / 1000)
    assert not done
    unknown = await poll(process)  # type: ignore[arg-type]
    turn_to(unknown, late)
    assert (await unknown.get()).json() == UNKNOWN
    await client.send('2["echo","away"]')
    assert (await getting).text == '42["echo","away"]'
    store.start()
    with redis.Redis.from_url(store.url) as connection:
        connection.flushall()
    getting = asyncio.create_task(client.get())
    done, _ = await asyncio.wait([getting], timeout=5 * SHORT / 1000)
    assert not done
    await client.send('2["echo","back"]')
    assert (await getting).text == '42["echo","back"]'
    tunnel.send('42["echo"]')
    assert await tunnel.receive() == '42["echo"]'
    turn_to(unknown, late)
    await unknown.join()


async def test_no_store_at_the_start(make_app: Callable[..., Server], redis_server: RedisServer) -> None:
    store = redis_server()
    store.stop()
    io = make_app(store=RedisStore(store.url), forwarding=forwarding(), recovery=1_000)
    tasks = asyncio.all_tasks()
    with pytest.raises(StoreUnavailable):
        await io.start()
    assert asyncio.all_tasks() == tasks
    store.start()
    await io.start()
    await io.stop()


class Imposter:
    """Something else at the address that the lease of a tag names: it answers each request with the same bytes, and
    ends the connection after those that are no answer."""

    sid = "FAKE" + "x" * 16

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.connections: list[asyncio.Transport] = []

    async def start(self, redis_url: str, stack: AsyncExitStack) -> None:
        listening = await asyncio.get_running_loop().create_server(lambda: Deceit(self), "127.0.0.1", 0)
        store = RedisStore(redis_url)
        stack.push_async_callback(store.close)
        stack.callback(lambda: [connection.abort() for connection in self.connections])
        stack.callback(listening.close)
        port = listening.sockets[0].getsockname()[1]
        await store.put({lease_of(self.sid): f"127.0.0.1:{port}"}, 60_000)


class Deceit(asyncio.Protocol):
    """One connection of an imposter."""

    def __init__(self, imposter: Imposter) -> None:
        self._imposter = imposter
        self._received = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._imposter.connections.append(transport)

    def data_received(self, data: bytes) -> None:
        *requests, self._received = (self._received + data).split(b"\r\n\r\n")
        for _ in requests:
            self._transport.write(self._imposter.answer)
            if b"Content-Length: " not in self._imposter.answer:
                self._transport.close()


@pytest.fixture
async def imposter(redis_url: str, stack: AsyncExitStack) -> Callable[[bytes], Awaitable[Imposter]]:
    async def start(answer: bytes) -> Imposter:
        fake = Imposter(answer)
        await fake.start(redis_url, stack)
        return fake

    return start


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"220 mail.example ESMTP\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-",
        b"HTTP/1.1 200 OK\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nok",
    ],
    ids=["nothing", "not HTTP", "no websocket", "half of it", "another protocol"],
)
async def test_something_else_at_the_address(
    front: Front,
    poll: Poll,
    open_websocket: Open,
    imposter: Callable[[bytes], Awaitable[Imposter]],
    answer: bytes,
) -> None:
    running, fake = await front(), await imposter(answer)
    client = await poll(running)
    client.url = client.url.replace(client.sid, fake.sid)
    assert (await client.get()).json() == UNKNOWN
    assert (await client.post("4")).json() == UNKNOWN
    with pytest.raises(Refusal) as refused:
        await open_websocket(running, f"EIO=4&transport=websocket&sid={fake.sid}")
    assert refused.value.answer.status in (400, 403)


@pytest.mark.parametrize(("header", "connections"), [("Connection: close", 3), ("Date: today", 1)])
async def test_connections_that_the_other_one_ends(
    front: Front, poll: Poll, imposter: Callable[[bytes], Awaitable[Imposter]], header: str, connections: int
) -> None:
    """They are not used again. What of an answer is for its neighbour alone does not reach the client."""
    running = await front()
    fake = await imposter(
        f"HTTP/1.1 200 OK\r\n{header}\r\nX-Kept: yes\r\nContent-Length: 2\r\n\r\nok".encode()
    )
    client = await poll(running)
    client.url = client.url.replace(client.sid, fake.sid)
    for _ in range(3):
        response = await client.get()
        assert (response.text, response.headers["x-kept"]) == ("ok", "yes")
        assert response.headers.get("connection") is None
        assert response.headers.get("date") != "today"
    assert len(fake.connections) == connections


async def test_answers_that_nobody_asked_for(
    front: Front, poll: Poll, imposter: Callable[[bytes], Awaitable[Imposter]]
) -> None:
    """They are nobody's: the next request, perhaps another client's, does not get them."""
    running = await front()
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n%b"
    fake = await imposter(answer % b"ok" + answer % b"no")
    client = await poll(running)
    client.url = client.url.replace(client.sid, fake.sid)
    for number in range(1, 4):
        assert (await client.get()).text == "ok"
        assert len(fake.connections) == number
    fake.answer = answer % b"ok"
    assert (await client.get()).text == "ok"
    fake.connections[-1].write(answer % b"no")
    listener = running.server.websocket_protocol.hub.forwarder
    (connection,) = listener._instances._known["FAKE"]._idle
    await until(lambda: not connection.usable)
    assert (await client.get()).text == "ok"


async def test_gone_while_it_is_connected_to(
    front: Front, poll: Poll, imposter: Callable[[bytes], Awaitable[Imposter]]
) -> None:
    """What would begin on a connection that is made just then would have nobody to end it."""
    fake = await imposter(b"")
    running = await front()
    client = await poll(running)
    client.url = client.url.replace(client.sid, fake.sid)
    known = await running.server.websocket_protocol.hub.forwarder._instances.find("FAKE")
    lending = asyncio.create_task(known.lend())
    await asyncio.sleep(0)
    known.cut()
    with pytest.raises(ConnectionAbortedError):
        await lending
    assert (await client.get()).json() == UNKNOWN


async def test_connections_that_lie_idle(
    front: Front, other: Other, poll: Poll, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are let go before the other instance ends them, which might be when a request is on its way."""
    running, neighbour = await front(), await front()
    client = await poll(neighbour)
    turn_to(client, running)
    await client.join()
    listener = neighbour.server.websocket_protocol.hub.forwarder._listener
    assert len(listener._connections) == 1
    monkeypatch.setattr(owner, "_KEPT", 0.0)
    await client.send('2["echo"]')
    assert await client.receive() == '2["echo"]'
    await until(lambda: not listener._connections)


async def test_a_tag_that_another_instance_has(
    front: Front, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tags = iter(["same", "same", "else"])
    monkeypatch.setattr(instances, "new_tag", lambda: next(tags))
    assert [(await front()).server.websocket_protocol.hub.tag for _ in range(2)] == ["same", "else"]


async def test_the_public_address_of_an_instance_at_that_of_a_tag(
    front: Front,
    poll: Poll,
    open_websocket: Open,
    imposter: Callable[[bytes], Awaitable[Imposter]],
    redis_url: str,
) -> None:
    """As it may be where one has taken the port of one that died. Nothing goes round in a circle."""
    running, other = await front(), await front()
    client, fake = await poll(running), await imposter(b"")
    store = RedisStore(redis_url)
    await store.put({lease_of(fake.sid): f"127.0.0.1:{other.port}"}, 60_000)
    await store.close()
    client.url = client.url.replace(client.sid, fake.sid)
    async with asyncio.timeout(PATIENCE):
        assert (await client.get()).json() == UNKNOWN
        assert (await client.post("4")).json() == UNKNOWN
        with pytest.raises(Refusal) as refused:
            await open_websocket(running, f"EIO=4&transport=websocket&sid={fake.sid}")
    assert refused.value.answer.status in (400, 403)


class LateStore(MemoryStore):
    """Answers when it `may`."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[str] = set()
        self.may = asyncio.Event()
        self.may.set()

    async def get(self, key: str) -> str | None:
        self.asked.add(key)
        await self.may.wait()
        return await super().get(key)


async def test_a_store_that_answers_late(stack: AsyncExitStack) -> None:
    """It is asked for all at once: to wait for one answer after the other would take longer than a lease."""
    store = LateStore()
    found = InstanceDirectory(store, "secret", SHORT)
    await found.join("127.0.0.1:1")
    stack.push_async_callback(found.leave)
    others = {lease_of(f"{number:04}") for number in range(20)}
    await store.put(dict.fromkeys(others, "127.0.0.1:1"), 60_000)
    for number in range(20):
        assert await found.find(f"{number:04}")
    store.may.clear()
    store.asked.clear()
    await until(lambda: store.asked == others)
    store.may.set()
