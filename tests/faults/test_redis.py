"""Redis goes away, for one instance or for all, and comes back."""

import asyncio

import pytest

from tests.faults.conftest import Cluster, Talk, all_is_well_again, both_modes, by_interest
from tests.support.chat.talking_members import PythonMember
from tests.support.waiting import sleep_until

pytestmark = pytest.mark.begins_early

AWAY = 10.0  # seconds


@both_modes
async def test_redis_is_killed_and_started_again(cluster: Cluster, talk: Talk) -> None:
    await asyncio.to_thread(cluster.valkey.kill)
    await cluster.tells("ready", 503)
    assert await cluster.checks(0) == {"postgresql": "ok", "redis": "down"}
    await cluster.tells("live", 200)
    cluster.valkey.start()  # in this thread, whose life it is tied to
    await cluster.tells("ready", 200)
    await all_is_well_again(cluster, talk)


@both_modes
async def test_redis_is_killed_before_its_last_writes_are_in_its_file(cluster: Cluster, talk: Talk) -> None:
    """The leases of the instances are there when it is back, and who came last is not."""
    written = cluster.valkey.written()
    last = await talk.let_in(cluster.front.url, PythonMember)
    await talk.presence_is({last.user_id: "online"})
    await asyncio.to_thread(cluster.valkey.kill_without, *written)
    cluster.valkey.start()
    await cluster.tells("ready", 200)
    await all_is_well_again(cluster, talk)


@pytest.mark.parametrize("loss", ["refused", "black hole"])
async def test_the_links_to_redis_are_cut(cluster: Cluster, talk: Talk, loss: str) -> None:
    away = asyncio.get_running_loop().time() + AWAY
    for link in cluster.redis:
        link.refuse() if loss == "refused" else link.stall()
    await cluster.tells("ready", 503)
    assert await cluster.checks(1) == {"postgresql": "ok", "redis": "down"}
    await cluster.tells("live", 200)
    await sleep_until(away)
    await cluster.tells("ready", 503)
    for link in cluster.redis:
        await link.resume()
    await cluster.tells("ready", 200)
    await all_is_well_again(cluster, talk)


async def test_one_instance_alone_loses_redis(cluster: Cluster, talk: Talk) -> None:
    away = asyncio.get_running_loop().time() + AWAY
    cluster.redis[0].stall()
    await cluster.tells("ready", 503, 0)
    assert await cluster.checks(1) == {"postgresql": "ok", "redis": "ok"}
    await cluster.tells("live", 200)
    await sleep_until(away)  # in which the others' messages pass it by, and its lease ends
    await cluster.lags(0, behind=True)
    await cluster.redis[0].resume()
    await cluster.lags(0, behind=False)
    await cluster.tells("ready", 200)
    await all_is_well_again(cluster, talk)


@by_interest
async def test_the_network_forgets_the_connections_to_redis(cluster: Cluster, talk: Talk) -> None:
    """No packet of theirs arrives again, and nobody is told; new ones work at once."""
    for link in cluster.redis:
        link.abandon()
    # Not ready is an instance only until it has noticed, which may be over before anybody asks.
    await all_is_well_again(cluster, talk)
    await cluster.tells("ready", 200)
