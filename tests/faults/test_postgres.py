"""PostgreSQL goes away, and comes back."""

import asyncio

import pytest

from tests.faults.conftest import Cluster, Talk, all_is_well_again
from tests.support.waiting import sleep_until

pytestmark = pytest.mark.begins_early

AWAY = 10.0  # seconds


async def refused_clearly(talk: Talk) -> None:
    """REST says what is wrong, and does not hang."""
    answer = await talk.http.get(f"/chat/rooms/{talk.room_id}")
    assert (answer.status_code, answer.json()["details"]["reason"]) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1


async def test_postgresql_is_restarted(cluster: Cluster, talk: Talk) -> None:
    await asyncio.to_thread(cluster.postgres_server.stop)
    try:
        await cluster.tells("ready", 503)
        assert await cluster.checks(0) == {"postgresql": "down", "redis": "ok"}
        await cluster.tells("live", 200)
        await refused_clearly(talk)
    finally:
        cluster.postgres_server.start()  # in this thread, whose life it is tied to
    await cluster.tells("ready", 200)
    await all_is_well_again(cluster, talk)


@pytest.mark.parametrize("loss", ["refused", "black hole"])
async def test_the_links_to_postgresql_are_cut(cluster: Cluster, talk: Talk, loss: str) -> None:
    away = asyncio.get_running_loop().time() + AWAY
    for link in cluster.postgres:
        link.refuse() if loss == "refused" else link.stall()
    await cluster.tells("ready", 503)
    assert await cluster.checks(1) == {"postgresql": "down", "redis": "ok"}
    await cluster.tells("live", 200)
    await refused_clearly(talk)
    await sleep_until(away)
    await cluster.tells("ready", 503)
    for link in cluster.postgres:
        await link.resume()
    await cluster.tells("ready", 200)
    await all_is_well_again(cluster, talk)


async def test_the_network_forgets_the_connections_to_postgresql(cluster: Cluster, talk: Talk) -> None:
    """No packet of theirs arrives again, and nobody is told; new ones work at once."""
    await asyncio.gather(
        *(talk.http.get(f"/chat/rooms/{talk.room_id}") for _ in range(50))
    )  # over several connections
    assert cluster.postgres[1].links > 2
    for link in cluster.postgres:
        link.abandon()
    # Not ready is an instance only until it has noticed, which may be over before anybody asks.
    await all_is_well_again(cluster, talk)
    await cluster.tells("ready", 200)
