"""Requests and answers over a Redis that is cut off, restarted, or shared with those who publish rubbish; several
streams."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgpack
import pytest
import redis

from protocol.cluster.requests import ClientCount, FetchSockets
from protocol.cluster.stream_names import stream_name
from protocol.cluster.stream_records import ServerSideEmit, Target, encode
from protocol.errors import BusUnavailable
from protocol.server.bus import pubsub_subscriber as redis_pubsub
from protocol.server.bus.pubsub_subscriber import Channels, PubSubSubscriber
from protocol.server.bus.redis_bus import RedisBus
from protocol.server.redis.connection import RedisConnection
from tests.support.inbox import Inbox, event
from tests.support.inbox import started as started_bus
from tests.support.paths import node_client
from tests.support.redis_servers import RedisServer
from tests.support.waiting import until

started = partial(started_bus, listens=True)
HELLO = ServerSideEmit("/", ["hello"])
NEGATIVE = "/a/long/name/of/a/namespace/that/overflows"  # its hash is


@pytest.fixture
def client(redis_url: str) -> Any:
    with redis.Redis.from_url(redis_url) as client:
        yield client


async def test_every_instance_is_asked_and_counted_once(redis_url: str, client: redis.Redis) -> None:
    inboxes = [Inbox() for _ in range(3)]
    async with AsyncExitStack() as stack:
        buses = [await stack.enter_async_context(started(RedisBus(redis_url), inbox)) for inbox in inboxes]
        await until(lambda: all_listen(buses[0], 3))
        assert {bus.uid for bus in buses} == await buses[0].listeners("/")
        assert await buses[1].request(FetchSockets("/", "1", Target())) == 3
        for inbox in inboxes:
            assert await inbox.wait_for_messages(1) == [(buses[1].uid, FetchSockets("/", "1", Target()))]
        buses[2].answer(buses[1].uid, ClientCount("/", "1", 5))
        assert (await inboxes[1].wait_for_messages(2))[1] == (buses[2].uid, ClientCount("/", "1", 5))
        assert client.pubsub_channels("socket.io#*").count(b"socket.io#/#") == 1
        assert len(inboxes[0].messages) == len(inboxes[2].messages) == 1

    async def nobody_listens() -> bool:
        return client.pubsub_channels() == []

    await until(nobody_listens)


async def test_a_request_is_made_once_though_its_reply_gets_lost(
    redis_url: str, client: redis.Redis, tmp_path: Path
) -> None:
    """The connection breaks when Redis has done what was asked, and has not said so."""
    inbox = Inbox()
    async with (
        started(RedisBus(redis_url), inbox) as other,
        reply_eater(redis_url, tmp_path / "eater", b"PUBLISH") as (url, eaten),
        started(RedisBus(url)) as bus,
    ):
        await until(lambda: all_listen(bus, 2))
        with pytest.raises(BusUnavailable, match="broke before the reply"):
            await bus.request(HELLO)
        assert await bus.request(ServerSideEmit("/", ["next"])) == 2
        expected = [(bus.uid, HELLO), (bus.uid, ServerSideEmit("/", ["next"]))]
        assert await inbox.wait_for_messages(2) == expected
        assert len(eaten) == 1
        await other.publish(event("end"))
        await inbox.wait_for(1)
        assert inbox.messages == expected


@asynccontextmanager
async def reply_eater(redis_url: str, path: Path, word: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A way to Redis on which the connection breaks once, in place of the reply to a command; what it has eaten."""
    eaten: list[bytes] = []
    lines: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = redis_url.removeprefix("unix://").partition("?")[0]
        replies, upstream = await asyncio.open_unix_connection(path)
        hungry = False

        async def forth() -> None:
            nonlocal hungry
            while data := await reader.read(65_536):
                hungry = word in data and not eaten
                upstream.write(data)

        async def back() -> None:
            while data := await replies.read(65_536):
                if hungry:
                    eaten.append(data)
                    break
                writer.write(data)

        ways = {asyncio.create_task(forth()), asyncio.create_task(back())}
        _, rest = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in rest:
            way.cancel()
        for end in (upstream, writer):
            end.close()
            await end.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.add(asyncio.create_task(serve(reader, writer)))

    async with await asyncio.start_unix_server(accept, path):
        yield f"unix://{path}", eaten
        await asyncio.gather(*lines)


async def all_listen(bus: RedisBus, count: int) -> bool:
    return len(await bus.listeners("/")) == count


async def test_other_prefixes_are_other_clusters(redis_url: str) -> None:
    async with started(RedisBus(redis_url)) as bus, started(RedisBus(redis_url, channel_prefix="x")) as other:
        assert await bus.request(HELLO) == await other.request(HELLO) == 1


async def test_rubbish_on_a_channel_is_skipped(
    redis_url: str, client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = Inbox()
    async with started(RedisBus(redis_url), inbox) as bus:
        await bus.request(HELLO)
        rubbish = [
            b"",
            b"\xff\xfe",
            msgpack.packb({"type": 7}),
            msgpack.packb({"type": 9, "uid": "x", "nsp": "/", "data": 1}),
            msgpack.packb({"type": 2, "uid": "x", "nsp": "/"}),
        ]
        for payload in rubbish:
            client.publish("socket.io#/#", payload)
            client.publish(f"socket.io#/#{bus.uid}#", payload)
        await bus.request(HELLO)
        assert await inbox.wait_for_messages(2) == [(bus.uid, HELLO)] * 2
    assert caplog.text.count("is skipped") == 4  # the first, second, fourth and eighth


@pytest.mark.begins_early
async def test_a_classic_adapter_on_the_same_redis_is_told_once(
    redis_url: str, client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither does it fill the log nor keep the servers from hearing each other; and its own key keeps it apart."""
    inbox = Inbox()
    async with started(RedisBus(redis_url), inbox) as bus:
        await bus.request(HELLO)
        await emit_classically(redis_url, "10", "another-key")
        await bus.request(HELLO)
        await inbox.wait_for_messages(2)
        assert caplog.text == ""
        await emit_classically(redis_url, "10")
        await bus.request(HELLO)
        assert await inbox.wait_for_messages(3) == [(bus.uid, HELLO)] * 3
    (said,) = [record.getMessage() for record in caplog.records]
    assert "@socket.io/redis-adapter" in said
    assert "`key`" in said


async def emit_classically(*arguments: str) -> None:
    """Node's server with the classic adapter, and the emitter of its kind, send events."""
    process = await asyncio.create_subprocess_exec(*node_client("classic.mjs"), *arguments)
    assert await process.wait() == 0


async def test_subscriptions_come_back_after_a_cut(redis_url: str, client: redis.Redis) -> None:
    inbox = Inbox()
    async with started(RedisBus(redis_url, publish_timeout=20_000), inbox) as bus:
        for round_ in range(5):
            await bus.request(ServerSideEmit("/", ["before", round_]))
            client.client_kill_filter(_type="pubsub")
            bus.listen(f"/{round_}")
            await until(lambda: all_listen(bus, 1))
            assert await bus.request(ServerSideEmit(f"/{round_}", ["new"])) == 1
            assert await bus.request(ServerSideEmit("/", ["after", round_])) == 1
            await inbox.until_last(ServerSideEmit("/", ["after", round_]))


async def test_while_redis_is_away_requests_fail_and_then_all_comes_back(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server = redis_server()
    inboxes = [Inbox(), Inbox()]
    async with AsyncExitStack() as stack:
        buses = [
            await stack.enter_async_context(started(RedisBus(server.url, publish_timeout=300), inbox))
            for inbox in inboxes
        ]
        await until(lambda: all_listen(buses[0], 2))
        server.kill()
        with pytest.raises(BusUnavailable):
            await buses[0].request(HELLO)
        with pytest.raises(BusUnavailable):
            await buses[0].listeners("/")
        buses[0].answer(buses[1].uid, ClientCount("/", "lost", 1))
        buses[0].listen("/new")
        await asyncio.sleep(0.4)  # longer than the answer waits for Redis
        server.start()
        await until(lambda: come_back(buses))
        assert await buses[1].request(FetchSockets("/", "after", Target())) == 2
        for inbox in inboxes:
            await inbox.until_last(FetchSockets("/", "after", Target()))
        assert await buses[0].request(ServerSideEmit("/new", ["x"])) == 1
    assert "an answer to another server was lost" in caplog.text
    assert caplog.text.count("the bus cannot listen to Redis") == 2
    assert caplog.text.count("the bus listens to Redis again") == 2


async def come_back(buses: list[RedisBus]) -> bool:
    try:
        return await all_listen(buses[0], len(buses))
    except BusUnavailable:
        return False


async def test_a_redis_that_accepts_and_says_nothing_is_given_up(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As the kernel does for a process that is frozen; a connection with another database than 0 waits for a word."""
    monkeypatch.setattr(redis_pubsub, "PING_EVERY", 0.1)
    monkeypatch.setattr(redis_pubsub, "GRACE", 0.2)
    silent = asyncio.Event()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        silent.set()
        await reader.read()
        writer.close()

    url = f"unix://{tmp_path / 'redis'}?db=1"
    channels = Channels("x")
    subscriber = PubSubSubscriber(RedisConnection(url, text=False), channels, "uid")
    subscriber.listen("/")
    running = asyncio.create_task(subscriber.run(None))
    async with await asyncio.start_unix_server(accept, tmp_path / "redis"):
        await silent.wait()
        await until(lambda: failed(subscriber))
    (tmp_path / "redis").unlink(missing_ok=True)
    (tmp_path / "redis").symlink_to(redis_url.removeprefix("unix://").partition("?")[0])
    async with asyncio.timeout(20):
        await subscriber.listening("/")
    running.cancel()
    await asyncio.wait([running])
    await subscriber.close()
    assert caplog.text.count("the bus cannot listen to Redis: TimeoutError") == 1


async def failed(subscriber: PubSubSubscriber) -> bool:
    return subscriber.failure is not None


async def test_where_channels_are_forbidden_records_flow_and_requests_say_why(
    redis_url: str, client: redis.Redis
) -> None:
    client.acl_setuser("parley", enabled=True, passwords=["+secret"], keys=["*"], commands=["+@all"])
    inbox = Inbox()
    url = redis_url.replace("unix://", "unix://parley:secret@")
    try:
        async with started(RedisBus(url, publish_timeout=500), inbox) as bus:
            await bus.publish(event("x"))
            assert await inbox.wait_for(1) == [event("x")]
            with pytest.raises(BusUnavailable, match=r"could not be listened to: .*channel"):
                await bus.request(HELLO)
    finally:
        client.acl_deluser("parley")


async def test_requests_wait_for_redis_only_so_many(redis_server: RedisServer) -> None:
    server = redis_server()
    async with started(RedisBus(server.url, publish_timeout=300, max_waiting=2)) as bus:
        await bus.request(HELLO)
        server.kill()
        waiting = [asyncio.ensure_future(bus.publish(event("n"))) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(BusUnavailable, match="wait for Redis"):
            bus.answer("x", ClientCount("/", "1", 1))
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(result) for result in results] == [BusUnavailable] * 2


async def test_namespaces_are_spread_over_streams_that_are_all_read(
    redis_url: str, client: redis.Redis
) -> None:
    inbox = Inbox()
    namespaces = ["/", "/chat", "/über", NEGATIVE]
    assert len({stream_name("s", 5, nsp) for nsp in namespaces}) == 3
    async with started(RedisBus(redis_url, stream="s", stream_count=5), inbox) as bus:
        records = [event("n", n, nsp=nsp) for n in range(20) for nsp in namespaces]
        for record in records:
            await bus.publish(record)
        found = await inbox.wait_for(len(records))
        for nsp in namespaces:
            assert [r for r in found if r.nsp == nsp] == [r for r in records if r.nsp == nsp]
    assert sorted(client.keys("s*")) == [b"s--4", b"s-2", b"s-3"]


async def test_the_past_of_several_streams_is_one(redis_url: str, client: redis.Redis) -> None:
    namespaces = ["/", NEGATIVE]
    past = [event("n", n, nsp=namespaces[n % 2]) for n in range(10)]
    for n, record in enumerate(past):
        client.xadd(stream_name("socket.io", 2, record.nsp), encode(record, "another"), id=f"{1000 + n}-0")  # type: ignore[arg-type]
    async with started(RedisBus(redis_url, stream_count=2)) as bus:
        entries, floor = await bus.recent(100, 10_000)
        assert [record for _, record, _ in entries] == past
        assert floor == "1001-0"  # the oldest of the one that begins later
        assert len((await bus.recent(6, 10_000)).entries) == 4


async def test_a_gap_of_one_stream_is_noticed_and_the_others_go_on(
    redis_url: str, client: redis.Redis
) -> None:
    inbox = Inbox()
    async with started(RedisBus(redis_url, stream_count=2), inbox) as bus:
        await bus.publish(event("before"))
        await bus.publish(event("before", nsp=NEGATIVE))
        await inbox.wait_for(2)
        await asyncio.sleep(0.01)  # ids count milliseconds
        client.delete(stream_name("socket.io", 2, NEGATIVE))
        await bus.publish(event("after"))
        await bus.publish(event("after", nsp=NEGATIVE))
        await inbox.wait_for(4)
        assert inbox.gaps == 1


@pytest.mark.parametrize("count", [0, -1])
def test_there_is_at_least_one_stream(count: int) -> None:
    with pytest.raises(ValueError, match="stream_count"):
        RedisBus("redis://127.0.0.1", stream_count=count)
