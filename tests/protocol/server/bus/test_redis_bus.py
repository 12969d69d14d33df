"""The bus on a Redis that is slow, full, cut off, killed, emptied, or shared with those who write rubbish."""

import asyncio
import logging
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from protocol.cluster.stream_records import Record, encode
from protocol.errors import BusUnavailable
from protocol.server.bus.redis_bus import RedisBus
from tests.support.inbox import Inbox, event, started
from tests.support.redis_servers import RedisServer
from tests.support.tls import make_certificate
from tests.support.waiting import until

STREAM = "socket.io"


async def answers(bus: RedisBus) -> bool:
    try:
        await bus.ping()
    except BusUnavailable:
        return False
    return True


async def gone(bus: RedisBus) -> bool:
    return not await answers(bus)


def add(client: redis.Redis, *records: Record, max_len: int = 100_000) -> list[str]:
    """Writes entries as another server of the cluster does; their ids."""
    with client.pipeline(transaction=False) as pipeline:
        for record in records:
            pipeline.xadd(STREAM, encode(record, "another"), maxlen=max_len, approximate=False)
        return [entry_id.decode() for entry_id in pipeline.execute()]


@pytest.fixture
def client(redis_url: str) -> Any:
    with redis.Redis.from_url(redis_url) as client:
        yield client


async def test_instances_see_each_others_records_in_one_order(redis_url: str) -> None:
    inboxes = [Inbox() for _ in range(3)]
    async with AsyncExitStack() as stack:
        buses = [await stack.enter_async_context(started(RedisBus(redis_url), inbox)) for inbox in inboxes]
        await asyncio.gather(*(bus.publish(event(i, n)) for n in range(100) for i, bus in enumerate(buses)))
        for inbox in inboxes:
            assert await inbox.wait_for(300) == inboxes[0].records
            assert inbox.offsets == inboxes[0].offsets
            assert [r for r in inbox.records if r.data[0] == 1] == [event(1, n) for n in range(100)]


async def test_streams_of_other_names_are_other_buses(redis_url: str) -> None:
    inbox = Inbox()
    async with (
        started(RedisBus(redis_url, stream="other"), inbox) as other,
        started(RedisBus(redis_url)) as bus,
    ):
        await bus.publish(event("not for you"))
        await other.publish(event("for you"))
        assert await inbox.wait_for(1) == [event("for you")]


async def test_what_one_tick_publishes_is_a_handful_of_writes(redis_url: str, client: redis.Redis) -> None:
    inbox = Inbox()
    async with started(RedisBus(redis_url), inbox) as bus:
        before = client.info("stats")["total_reads_processed"]
        await asyncio.gather(*(bus.publish(event("n")) for _ in range(1_000)))
        await inbox.wait_for(1_000)
        assert client.info("stats")["total_reads_processed"] - before < 100


async def test_the_stream_keeps_to_its_length(redis_url: str, client: redis.Redis) -> None:
    async with started(RedisBus(redis_url, max_len=50)) as bus:
        await asyncio.gather(*(bus.publish(event("n")) for _ in range(1_000)))
    assert 50 <= client.xlen(STREAM) < 500  # Redis trims by whole nodes


async def test_entries_from_before_the_start_are_not_delivered(redis_url: str, client: redis.Redis) -> None:
    add(client, event("before"))
    inbox = Inbox()
    async with started(RedisBus(redis_url), inbox):
        add(client, event("after"))
        assert await inbox.wait_for(1) == [event("after")]


@pytest.mark.parametrize("newer", [0, 150])
async def test_an_entry_from_before_the_start_is_not_delivered_when_it_is_repeated(
    redis_url: str, client: redis.Redis, newer: int
) -> None:
    """Its writer had not got the answer. The last entries are known at once, those before with the past."""
    repeated = encode(event("before"), "writer") | {"serial": "writer-7"}
    client.xadd(STREAM, repeated)
    add(client, *[event("newer", number) for number in range(newer)])
    inbox = Inbox()
    async with started(RedisBus(redis_url), inbox) as bus:
        if newer:
            await bus.recent(1_000, 1_000_000)
        client.xadd(STREAM, repeated)
        client.xadd(STREAM, encode(event("after"), "writer") | {"serial": "writer-8"})
        assert await inbox.wait_for(1) == [event("after")]


async def test_the_past_is_read_page_by_page_up_to_its_limits(redis_url: str, client: redis.Redis) -> None:
    past = [event("n", n, "x" * 100) for n in range(1_050)]
    offsets = add(client, *past)
    client.xadd(STREAM, {"no": "record"})
    size = len(encode(past[-1], "")["data"])
    async with started(RedisBus(redis_url)) as bus:
        await bus.publish(event("now"))
        entries, floor = await bus.recent(1_000_000, 1_000_000)
        assert entries == [(o, r, len(encode(r, "")["data"])) for o, r in zip(offsets, past, strict=True)]
        assert floor == offsets[0]
        entries, floor = await bus.recent(201, 1_000_000)
        assert [record for _, record, _ in entries] == past[-200:]
        assert floor == offsets[-200]
        entries, floor = await bus.recent(1_000_000, 20 * size)
        assert 20 <= len(entries) <= 100
        assert floor == entries[0][0]


async def test_a_stall_within_the_stream_s_length_loses_nothing(redis_url: str, client: redis.Redis) -> None:
    inbox = Inbox()
    late = [event("late", n) for n in range(2_500)]

    def deliver(record: Record, offset: str, size: int) -> None:
        inbox.deliver(record, offset, size)
        if record == event("stall"):
            add(client, *late)

    bus = RedisBus(redis_url)
    await bus.start(deliver, inbox.gap)
    await bus.publish(event("stall"))
    assert await inbox.wait_for(2_501) == [event("stall"), *late]
    await bus.stop()
    assert inbox.gaps == 0


async def test_falling_behind_the_stream_s_length_is_noticed_once(
    redis_url: str, client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = Inbox()
    late = [event("late", n) for n in range(300)]
    gap_seen_after: list[int] = []

    def deliver(record: Record, offset: str, size: int) -> None:
        inbox.deliver(record, offset, size)
        if record == event("stall"):
            add(client, *late, max_len=100)

    def on_gap() -> None:
        gap_seen_after.append(len(inbox.records))
        raise LookupError("of the handler")

    bus = RedisBus(redis_url)
    await bus.start(deliver, on_gap)
    await bus.publish(event("stall"))
    await inbox.wait_for(101)
    await bus.publish(event("next"))
    assert await inbox.wait_for(102) == [event("stall"), *late[200:], event("next")]
    await bus.stop()
    assert gap_seen_after == [1]
    assert "were gone before they were read" in caplog.text
    assert "of the handler" in caplog.text


async def test_a_flushed_stream_is_noticed_and_followed(redis_url: str, client: redis.Redis) -> None:
    inbox = Inbox()
    async with started(RedisBus(redis_url), inbox) as bus:
        await bus.publish(event("before"))
        await inbox.wait_for(1)
        # Ids count milliseconds. In a stream that begins anew within one, the same id comes again, and nobody can tell.
        await asyncio.sleep(0.01)
        client.flushall()
        await bus.publish(event("after"))
        assert await inbox.wait_for(2) == [event("before"), event("after")]
        assert inbox.gaps == 1
        await bus.publish(event("next"))
        await inbox.wait_for(3)
    assert inbox.gaps == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"a": "b"},
        {"uid": "x", "nsp": "/", "type": "3", "data": "{"},
        {"uid": "x", "nsp": "/", "type": "3", "data": b"\xff\xfe"},
        {b"\xff": b"\xff", "nsp": b"\xff", "type": "4", "data": "{}"},
        {"uid": "x", "nsp": "/", "type": "6", "data": "AAAA"},
        {"uid": "x", "nsp": "/", "type": "2"},
        {"uid": "x", "nsp": "/", "type": "9", "data": '{"packet":["sse",1],"requestId":"1"}'},
        {"uid": "x", "nsp": "/", "type": "99", "data": "{}"},
    ],
    ids=str,
)
async def test_what_is_no_record_is_skipped(
    redis_url: str, client: redis.Redis, fields: dict[Any, Any]
) -> None:
    inbox = Inbox()
    async with started(RedisBus(redis_url), inbox) as bus:
        client.xadd(STREAM, fields)
        await bus.publish(event("good"))
        assert await inbox.wait_for(1) == [event("good")]
    assert inbox.gaps == 0


async def test_what_is_no_record_does_not_fill_the_log(
    redis_url: str, client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = Inbox()
    async with started(RedisBus(redis_url), inbox) as bus:
        for _ in range(100):
            client.xadd(STREAM, {"x": "y"})
        await bus.publish(event("good"))
        await inbox.wait_for(1)
    assert [record.getMessage().rpartition(": ")[2] for record in caplog.records] == [
        f"{2**n})" for n in range(7)
    ]


async def test_a_cut_connection_loses_nothing(redis_url: str, client: redis.Redis) -> None:
    inbox = Inbox()
    async with started(RedisBus(redis_url), inbox) as bus:
        for n in range(40):
            if n % 4 == 0:
                client.client_kill_filter(_type="normal", skipme=True)
            await asyncio.gather(*(bus.publish(event(n, m)) for m in range(10)))
        await bus.publish(event("last"))
        await inbox.until(lambda: event("last") in inbox.records)
    sent = [event(n, m) for n in range(40) for m in range(10)]
    assert list({(r.data[0], r.data[-1]): r for r in inbox.records}.values()) == [*sent, event("last")]
    assert inbox.gaps == 0


async def test_a_killed_redis_that_kept_its_data_loses_nothing(redis_server: RedisServer) -> None:
    server = redis_server()
    inbox = Inbox()
    async with started(RedisBus(server.url, publish_timeout=20_000), inbox) as bus:
        await bus.publish(event("before"))
        await inbox.wait_for(1)
        server.kill()
        await until(lambda: gone(bus))
        waiting = [asyncio.create_task(bus.publish(event("while away", n))) for n in range(10)]
        await asyncio.sleep(0)
        server.start()
        with redis.Redis.from_url(server.url) as client:
            add(client, event("of another"))
        offsets = await asyncio.gather(*waiting)
        await inbox.until(lambda: len(set(inbox.offsets)) >= 12)
        assert await answers(bus)
        assert [offset for offset in inbox.offsets if offset in offsets] == offsets
        assert event("of another") in inbox.records
        assert len(inbox.offsets) == len(set(inbox.offsets))
        assert [r for r in inbox.records[1:] if r != event("of another")] == [
            event("while away", n) for n in range(10)
        ]
    assert inbox.gaps == 0


async def test_a_redis_that_came_back_empty_is_noticed_and_followed(redis_server: RedisServer) -> None:
    server = redis_server()
    inbox = Inbox()
    async with started(RedisBus(server.url, publish_timeout=20_000), inbox) as bus:
        await bus.publish(event("before"))
        await inbox.wait_for(1)
        server.kill()
        shutil.rmtree(server.folder / "appendonlydir")
        server.start()
        await inbox.until(lambda: inbox.gaps == 1)
        with redis.Redis.from_url(server.url) as client:
            client.xadd(STREAM, encode(event("by a clock behind"), "another"), id="1000-0")  # type: ignore[arg-type]
        await bus.publish(event("after"))
        assert await inbox.wait_for(3) == [event("before"), event("by a clock behind"), event("after")]
    assert inbox.gaps == 1


async def test_a_redis_that_came_back_with_older_data_repeats_nothing(redis_server: RedisServer) -> None:
    server = redis_server()
    inbox = Inbox()
    async with started(RedisBus(server.url, publish_timeout=20_000), inbox) as bus:
        await bus.publish(event("kept"))
        server.stop()
        shutil.copytree(server.folder / "appendonlydir", server.folder / "kept")
        server.start()
        await bus.publish(event("lost"))
        await inbox.wait_for(2)
        server.kill()
        shutil.rmtree(server.folder / "appendonlydir")
        (server.folder / "kept").rename(server.folder / "appendonlydir")
        server.start()
        await inbox.until(lambda: inbox.gaps == 1)
        await bus.publish(event("after"))
        assert await inbox.wait_for(3) == [event("kept"), event("lost"), event("after")]
    assert inbox.gaps == 1


async def test_publishers_wait_for_redis_only_so_long_and_only_so_many(redis_server: RedisServer) -> None:
    server = redis_server()
    async with started(RedisBus(server.url, publish_timeout=300, max_waiting=5)) as bus:
        await bus.publish(event("before"))
        server.kill()
        tasks = [asyncio.create_task(bus.publish(event("n"))) for _ in range(6)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result) for result in results] == [
            BusUnavailable,
            asyncio.CancelledError,
            *[BusUnavailable] * 4,
        ]
        assert "wait for Redis" in str(results[5])
        assert "not stored within 0.3 s" in str(results[0])
        server.start()
        await until(lambda: answers(bus))
        await bus.publish(event("after"))


async def test_stop_ends_those_who_wait(redis_server: RedisServer) -> None:
    server = redis_server()
    async with started(RedisBus(server.url)) as bus:
        server.kill()
        waiting = asyncio.create_task(bus.publish(event("x")))
        await until(lambda: gone(bus))
        await bus.stop()
        with pytest.raises(BusUnavailable, match="stopped"):
            await waiting


async def test_start_waits_for_redis_only_so_long(redis_server: RedisServer) -> None:
    server = redis_server()
    server.kill()
    bus = RedisBus(server.url, publish_timeout=200)
    with pytest.raises(BusUnavailable, match="does not answer"):
        await bus.start(Inbox().deliver, Inbox().gap)
    patient = RedisBus(server.url, publish_timeout=20_000)
    starting = asyncio.create_task(patient.start(Inbox().deliver, Inbox().gap))
    await asyncio.sleep(0)
    server.start()
    await starting
    await patient.ping()
    await patient.stop()


async def test_a_redis_that_hangs_is_given_up_and_taken_again(redis_server: RedisServer) -> None:
    server = redis_server()
    inbox = Inbox()
    async with started(RedisBus(server.url, publish_timeout=200), inbox) as bus:
        with redis.Redis.from_url(server.url) as client:
            client.client_pause(600_000, all=False)  # what writes
            with pytest.raises(BusUnavailable, match="not stored within"):
                await bus.publish(event("held up"))
            client.client_unpause()
        await until(lambda: answers(bus))
        await bus.publish(event("after"))
        await inbox.until(lambda: event("after") in inbox.records)


async def test_what_redis_refuses_for_a_while_is_stored_after_that(redis_server: RedisServer) -> None:
    server = redis_server()
    inbox = Inbox()
    async with started(RedisBus(server.url, publish_timeout=20_000), inbox) as bus:
        with redis.Redis.from_url(server.url) as client:
            client.config_set("min-replicas-to-write", 1)
            waiting = [asyncio.create_task(bus.publish(event("n", n))) for n in range(5)]
            await until(lambda: counted(client, "errorstat_NOREPLICAS"))
            client.config_set("min-replicas-to-write", 0)
            await asyncio.gather(*waiting)
        assert await inbox.wait_for(5) == [event("n", n) for n in range(5)]


async def counted(client: redis.Redis, statistic: str) -> bool:
    return statistic in client.info("errorstats")


async def test_a_key_that_is_no_stream_is_reported_and_outlived(redis_url: str, client: redis.Redis) -> None:
    inbox = Inbox()
    async with started(RedisBus(redis_url, publish_timeout=200), inbox) as bus:
        await bus.publish(event("before"))
        await inbox.wait_for(1)
        client.set(STREAM, "a string")
        with pytest.raises(BusUnavailable, match="WRONGTYPE"):
            await bus.publish(event("refused"))
        client.delete(STREAM)
        await until(lambda: answers(bus))
        await bus.publish(event("after"))
        assert await inbox.wait_for(2) == [event("before"), event("after")]


async def test_a_login_that_is_withdrawn_for_a_while_is_outlived(
    redis_url: str, client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    client.acl_setuser("parley", enabled=True, passwords=["+secret"], keys=["*"], commands=["+@all"])
    caplog.set_level(logging.INFO)
    inbox = Inbox()
    url = redis_url.replace("unix://", "unix://parley:secret@")
    try:
        async with started(RedisBus(url, publish_timeout=20_000), inbox) as bus:
            client.acl_setuser("parley", enabled=False, reset_passwords=True)
            client.client_kill_filter(_type="normal", skipme=True)
            await until(lambda: gone(bus))
            client.acl_setuser("parley", enabled=True, passwords=["+secret"])
            await until(lambda: answers(bus))
            await bus.publish(event("after"))
            assert await inbox.wait_for(1) == [event("after")]
        assert "reads from Redis again" in caplog.text
    finally:
        client.acl_deluser("parley")


@pytest.mark.parametrize("url", ["http://127.0.0.1", "127.0.0.1:6379", "", "redis://h/0?db=x"])
def test_a_url_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        RedisBus(url)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That of the server, for localhost alone."""
    return make_certificate(tmp_path_factory.mktemp("tls") / "localhost.pem")


@asynccontextmanager
async def tls_in_front_of(
    port: int, certificate: Path
) -> AsyncIterator[tuple[int, list[asyncio.StreamWriter]]]:
    """A port that speaks TLS and passes all on, and the connections to it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    clients: list[asyncio.StreamWriter] = []
    serving: list[asyncio.Task[None]] = []

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        redis_reader, redis_writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.gather(copy(reader, redis_writer), copy(redis_reader, writer))
        finally:
            writer.transport.abort()
            redis_writer.transport.abort()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        clients.append(writer)
        serving.append(asyncio.create_task(serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1], clients
        # From Python 3.12 on, a server that ends waits for its connections.
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


async def test_tls_is_spoken_and_the_certificate_is_checked(
    redis_server: RedisServer, certificate: Path
) -> None:
    inbox = Inbox()
    async with tls_in_front_of(redis_server().port, certificate) as (port, _):
        url = f"rediss://localhost:{port}"
        async with started(RedisBus(f"{url}?ssl_ca_certs={certificate}"), inbox) as bus:
            await bus.publish(event("x"))
            assert await inbox.wait_for(1) == [event("x")]
        with pytest.raises(BusUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
            await RedisBus(url, publish_timeout=500).start(inbox.deliver, inbox.gap)


async def test_stop_does_not_wait_for_a_peer_that_does_not_close(
    redis_server: RedisServer, certificate: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with tls_in_front_of(redis_server().port, certificate) as (port, clients):
        options = f"?ssl_ca_certs={certificate}&socket_connect_timeout=0.5"
        async with started(RedisBus(f"rediss://localhost:{port}{options}")):
            clients[0].transport.pause_reading()
        assert "left to close by itself" in caplog.text
