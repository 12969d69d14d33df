"""Writing to a Redis that fails, refuses writes, or loses its answers: who waits, who does not, and what is kept."""

import asyncio

import pytest

from protocol.cluster.stream_records import Record
from protocol.errors import BusUnavailable
from protocol.server.bus.redis_bus import RedisBus
from scripts.proxy import Proxy
from tests.support.inbox import Inbox, event, started
from tests.support.ports import find_free_port
from tests.support.redis_servers import RedisServer, RestartableValkey
from tests.support.waiting import until

REFUSALS = {
    "oom": (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
    "noreplicas": (
        ("CONFIG", "SET", "min-replicas-to-write", "1"),
        ("CONFIG", "SET", "min-replicas-to-write", "0"),
    ),
    "readonly": (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
}


def begin(failure: str, server: RestartableValkey) -> None:
    if failure == "unreachable":
        server.kill()
    else:
        server.ask(*REFUSALS[failure][0])


def end(failure: str, server: RestartableValkey) -> None:
    if failure == "unreachable":
        server.start()
    else:
        server.ask(*REFUSALS[failure][1])


@pytest.mark.parametrize("failure", ["unreachable", *REFUSALS])
async def test_a_redis_that_fails_is_known_and_what_is_kept_comes_after_it_in_order(
    redis_server: RedisServer, failure: str
) -> None:
    server = redis_server()
    inbox = Inbox()
    async with started(RedisBus(server.url, publish_timeout=300), inbox) as bus:
        await bus.publish(event("before"))
        begin(failure, server)
        with pytest.raises(BusUnavailable):  # nobody has written since: it is found out by asking
            await bus.ping()
        assert bus.failure == failure
        stored = [bus.keep(event("kept", n)) for n in range(3)]
        with pytest.raises(BusUnavailable):
            await bus.publish(event("given up"))
        for _ in range(100):  # one after the other, and none waits
            with pytest.raises(BusUnavailable, match="Redis fails"):
                await bus.publish(event("at once"))
        stored += [bus.keep(event("kept", n)) for n in range(3, 6)]
        assert bus.kept == 6
        if failure != "unreachable":  # what stores nothing is answered all the while
            assert await bus.listeners("/") == set()
        end(failure, server)
        offsets = await asyncio.gather(*stored)
        assert await inbox.wait_for(7) == [event("before"), *(event("kept", n) for n in range(6))]
        assert inbox.offsets[1:] == offsets
        await until(lambda: bus.failure is None)
        await bus.publish(event("after"))
        assert bus.kept == 0


async def test_what_is_kept_is_bounded(redis_server: RedisServer) -> None:
    server = redis_server()
    bus = RedisBus(server.url, max_waiting=3)
    async with started(bus):
        server.kill()
        kept = [bus.keep(event("n", n)) for n in range(3)]
        with pytest.raises(BusUnavailable, match="3 records wait"):
            bus.keep(event("too many"))
    for stored in kept:
        with pytest.raises(BusUnavailable, match="stopped"):
            await stored


async def test_what_is_kept_is_stored_before_the_bus_stops(redis_server: RedisServer) -> None:
    server = redis_server()
    async with started(RedisBus(server.url)) as bus:
        kept = [bus.keep(event("n", n)) for n in range(3)]
    assert all([await stored for stored in kept])
    assert server.ask("XLEN", "socket.io") == 3


async def test_an_entry_whose_answer_was_lost_is_delivered_once(redis_server: RedisServer) -> None:
    """Redis hears the commands, and its answers get lost."""
    server = redis_server()
    proxy = Proxy([("127.0.0.1", server.port)])
    port = find_free_port()
    await proxy.start(port)
    inbox, other, late = Inbox(), Inbox(), Inbox()
    try:
        async with (
            started(RedisBus(f"redis://127.0.0.1:{port}/0", publish_timeout=300), inbox) as bus,
            started(RedisBus(server.url), other),
        ):
            await bus.publish(event("first"))
            kept: list[Record] = []
            while server.ask("XLEN", "socket.io") <= 1 + len(kept):  # as long as nothing was repeated
                kept.append(event("kept", len(kept)))
                server.ask("CLIENT", "PAUSE", "600000", "WRITE")
                stored = bus.keep(kept[-1])
                await until(lambda: bus.failure is not None)
                proxy.refuse()  # after Redis has taken the command, which it runs when the pause is over
                server.ask("CLIENT", "UNPAUSE")
                await proxy.resume()
                await stored
            await bus.publish(event("last"))
            expected: list[Record] = [event("first"), *kept, event("last")]
            for each in (inbox, other):
                await each.until(lambda each=each: event("last") in each.records)
                assert each.records == expected
            async with started(RedisBus(server.url), late) as third:
                past = await third.recent(1_000, 1_000_000)
                assert [record for _, record, _ in past.entries] == expected
    finally:
        await proxy.stop()
