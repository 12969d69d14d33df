"""Faults of a Redis Cluster: another node takes over, in order or after a death, and slots move while in use."""

import asyncio
import random
from contextlib import ExitStack

from app.core.redis_scripts import PREFIX
from scripts.soaking.nemesis.registry import MENDED_WITHIN, Field, fault
from tests.support.redis_servers import SLOTS, Cluster, follows
from tests.support.waiting import until

# What the chat keeps is in three slots, by these: presence and limits, the bus that routes by interest, the one stream.
KEYS = (PREFIX, "{socket.io}:", "socket.io")


@fault("redis-cluster-failover")
async def fail_over(field: Field, chance: random.Random, seconds: float) -> str:
    """A replica takes over from its master, which follows it then."""
    cluster = cluster_of(field)
    async with field.locks["cluster"]:
        place = chance_of_place(cluster, chance)
        await asyncio.to_thread(cluster.replicas[place].ask, "CLUSTER", "FAILOVER")
        await taken_over(cluster, place)
        await well(cluster)
        await asyncio.sleep(seconds)
    return f"node {place + 1}"


@fault("redis-master-kill")
async def kill_master(field: Field, chance: random.Random, seconds: float) -> str:
    """kill -9 of a master; its replica is elected, and it comes back as the replica of that one."""
    cluster = cluster_of(field)
    async with field.locks["cluster"]:
        place = chance_of_place(cluster, chance)
        killed = cluster.masters[place]
        await asyncio.to_thread(killed.kill)
        await taken_over(cluster, place)
        await asyncio.sleep(seconds)
        killed.start()
        await well(cluster)
    return f"node {place + 1}"


@fault("redis-slot-migration")
async def move_slot(field: Field, chance: random.Random, seconds: float) -> str:
    """A slot that is in use goes to another master, key by key, and after a while comes back."""
    cluster = cluster_of(field)
    async with field.locks["cluster"]:
        slot = slot_of(cluster, chance.choice(KEYS))
        with ExitStack() as leaving:
            arrive = await asyncio.to_thread(leaving.enter_context, cluster.moving(slot))
            await asyncio.sleep(seconds / 2)
            await asyncio.to_thread(arrive)
            await asyncio.sleep(seconds / 2)
            await asyncio.to_thread(leaving.close)
    return f"slot {slot}"


def cluster_of(field: Field) -> Cluster:
    assert field.stack.cluster is not None
    return field.stack.cluster


def slot_of(cluster: Cluster, key: str) -> int:
    return int(cluster.masters[0].ask("CLUSTER", "KEYSLOT", key))


def chance_of_place(cluster: Cluster, chance: random.Random) -> int:
    """The place of a master that has something to do."""
    return slot_of(cluster, chance.choice(KEYS)) * len(cluster.masters) // SLOTS


async def taken_over(cluster: Cluster, place: int) -> None:
    """Return once a replica is the master; the two change their places."""
    replica = cluster.replicas[place]
    await until(lambda: asyncio.to_thread(lambda: replica.ask("ROLE")[0] == "master"), patience=MENDED_WITHIN)
    cluster.masters[place], cluster.replicas[place] = replica, cluster.masters[place]


async def well(cluster: Cluster) -> None:
    """Return once all nodes know each other, and all replicas follow."""
    await until(
        lambda: asyncio.to_thread(
            lambda: cluster.is_well() and cluster.replicates() and all(map(follows, cluster.replicas))
        ),
        patience=MENDED_WITHIN,
    )
