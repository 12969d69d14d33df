"""The bus, the store and scripts while another server takes over: behind sentinels, and in a cluster."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from protocol.errors import StoreUnavailable
from protocol.server.bus.redis_bus import RedisBus
from protocol.server.redis.client import RedisClient
from protocol.server.redis.topology import slot_of
from protocol.server.store.redis import RedisStore
from tests.support.inbox import Inbox, event
from tests.support.redis_servers import Cluster, RestartableValkey, Watched, running_cluster, running_watched
from tests.support.waiting import wait_until

STREAM = "socket.io"
LONG = 600_000  # ms
COUNT = "return redis.call('INCR', KEYS[1])"


@pytest.fixture
def watched(servers_folder: Path, request: pytest.FixtureRequest) -> Iterator[Watched]:
    """A master of the test's own, and a replica that takes over when it is dead for a second and a half."""
    with running_watched(servers_folder / request.node.name[:40], replicas=1, down_after=1_500) as watched:
        yield watched


@pytest.fixture
def cluster(servers_folder: Path, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A cluster of the test's own; each master has a replica."""
    folder = servers_folder / request.node.name[:40]
    with running_cluster(folder, replicas=3, node_timeout=1_500) as cluster:
        yield cluster


class Users:
    """All that uses Redis, by one URL."""

    def __init__(self, url: str) -> None:
        self.bus = RedisBus(url, publish_timeout=30_000)
        self.store = RedisStore(url)
        self.client = RedisClient(url)
        self.inbox = Inbox()

    async def answers(self) -> bool:
        """Whether the store does."""
        try:
            return await self.store.get("a") == "1"
        except StoreUnavailable:
            return False

    async def go_on(self) -> None:
        """What was stored is there, and more can be."""
        async with asyncio.timeout(30):
            while not await self.answers():  # noqa: ASYNC110 - another process decides
                await asyncio.sleep(0.05)
        await self.bus.publish(event("after"))
        await self.inbox.until(lambda: event("after") in self.inbox.records)
        await self.store.put({"b": "2"}, LONG)
        assert await self.store.take("a") == "1"
        assert await self.client.run(COUNT, ["{n}"]) == 2
        await self.bus.ping()


@asynccontextmanager
async def using(url: str) -> AsyncIterator[Users]:
    """All that uses Redis, after it has used it."""
    users = Users(url)
    await users.bus.start(users.inbox.deliver, users.inbox.gap)
    try:
        await users.store.put({"a": "1"}, LONG)
        assert await users.client.run(COUNT, ["{n}"]) == 1
        await users.bus.publish(event("before"))
        await users.inbox.wait_for(1)
        yield users
    finally:
        await users.bus.stop()
        await users.store.close()
        await users.client.close()


async def test_a_replica_takes_over_from_a_dead_master(watched: Watched) -> None:
    async with using(watched.url) as users:
        await asyncio.gather(*(users.bus.publish(event("stored", n)) for n in range(200)))
        assert watched.master.ask("WAIT", 1, 20_000) == 1
        watched.master.kill()
        with pytest.raises(StoreUnavailable, match="Redis does not answer"):
            await users.store.get("a")
        meanwhile = [event("meanwhile", n) for n in range(50)]
        offsets = await asyncio.gather(*(users.bus.publish(record) for record in meanwhile))
        await users.go_on()
        # A write is repeated when the connection broke before its answer, so it may be there twice.
        seen = list({str(record): record for record in users.inbox.records}.values())
        assert seen == [
            event("before"),
            *(event("stored", n) for n in range(200)),
            *meanwhile,
            event("after"),
        ]
        assert set(offsets) <= set(users.inbox.offsets)
    assert users.inbox.gaps == 0
    assert watched.master_port() == watched.replicas[0].port


async def test_a_master_that_becomes_a_replica_is_left(watched: Watched) -> None:
    async with using(watched.url) as users:
        assert watched.master.ask("WAIT", 1, 20_000) == 1
        watched.fail_over()
        await asyncio.to_thread(wait_until, lambda: watched.master.ask("ROLE")[0] == "slave")
        await users.go_on()
    assert users.inbox.gaps == 0


async def test_a_sentinel_that_knows_no_such_master_says_so(redis_sentinel_url: str) -> None:
    client = RedisClient(redis_sentinel_url.replace("/parley", "/nobody"))
    with pytest.raises(StoreUnavailable, match="a sentinel knows no master 'nobody'"):
        await client.ask("k", "GET", "k")
    await client.close()


async def test_sentinels_that_are_away_hold_nobody_up(redis_sentinel_url: str, free_port: int) -> None:
    client = RedisClient(redis_sentinel_url.replace("127.0.0.1", f"127.0.0.1:{free_port},127.0.0.1"))
    assert await client.ask("k", "SET", "k", 1) == "OK"
    await client.close()


async def test_a_replica_takes_over_in_a_cluster(cluster: Cluster) -> None:
    async with using(cluster.url) as users:
        await asyncio.gather(*(users.bus.publish(event("stored", n)) for n in range(200)))
        doomed = cluster.owner_of(STREAM)
        assert doomed.ask("WAIT", 1, 20_000) == 1
        doomed.kill()
        meanwhile = [event("meanwhile", n) for n in range(50)]
        await asyncio.gather(*(users.bus.publish(record) for record in meanwhile))
        await users.go_on()
        seen = list({str(record): record for record in users.inbox.records}.values())
        assert seen == [
            event("before"),
            *(event("stored", n) for n in range(200)),
            *meanwhile,
            event("after"),
        ]
    assert users.inbox.gaps == 0


async def test_any_node_of_a_cluster_may_be_replaced(cluster: Cluster) -> None:
    """One after the other, so that at the end none is left of those that the URL names."""
    async with using(cluster.url) as users:
        for master in cluster.masters:
            assert master.ask("WAIT", 1, 20_000) == 1
        for master, replica in zip(cluster.masters, cluster.replicas, strict=True):
            master.kill()
            await asyncio.to_thread(wait_until, partial(is_master, replica))
        await users.go_on()


def is_master(server: RestartableValkey) -> bool:
    return bool(server.ask("ROLE")[0] == "master")


async def test_a_node_that_hangs_holds_up_nobody_who_asks_another(cluster: Cluster) -> None:
    key = next(key for key in "abcdefgh" if cluster.owner_of(key) is cluster.masters[1])
    frozen = cluster.masters[0].process
    assert frozen is not None
    frozen.send_signal(signal.SIGSTOP)
    try:
        client = RedisClient(cluster.url)
        assert await client.ask(key, "SET", key, "1") == "OK"
        await client.close()
    finally:
        frozen.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("key", ["a", "{n}", STREAM])
async def test_a_slot_that_moves_is_followed(
    redis_cluster_url: str, valkey_cluster: Cluster, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    async with using(redis_cluster_url) as users:
        with valkey_cluster.moving(slot_of(key)) as finish:
            # Keys that are not there are asked for where the slot is going.
            assert await users.store.get(f"{{{key.strip('{}')}}}:new") is None
            finish()
            await users.go_on()
    assert users.inbox.gaps == 0
    assert caplog.text == ""


async def test_all_nodes_of_a_cluster_are_asked(cluster: Cluster) -> None:
    client = RedisClient(cluster.url)
    assert await client.ask_all_nodes("PING") == ["PONG"] * 6
    cluster.replicas[0].kill()
    assert await client.ask_all_nodes("PING") == ["PONG"] * 5
    await client.close()
