"""Faults of Redis: it ends, stands still, forgets, refuses writes, or another one takes over."""

import asyncio
import random

import psutil

from scripts.soaking.nemesis.registry import FAULTS, Field, away, fault, frozen
from tests.support.waiting import until

UNWRITTEN = (0.2, 2.0)  # seconds; a Redis that syncs its file each second holds back no more than two


@fault("redis-empty")
async def empty_redis(field: Field, _chance: random.Random, _seconds: float) -> str:
    """All keys are gone, as after a restart without persistence."""
    async with field.locks["valkey"]:
        await ask_valkey(field, "FLUSHALL")
    return "valkey"


@fault("redis-restart")
async def restart_redis(field: Field, _chance: random.Random, seconds: float) -> str:
    """Stopped in order, and started after a while with what it had."""
    async with field.locks["valkey"]:
        await away(field.stack.valkey.stop, field.stack.valkey.start, seconds)
    return "valkey"


@fault("redis-kill")
async def kill_redis(field: Field, _chance: random.Random, seconds: float) -> str:
    """kill -9; it has what reached its file."""
    async with field.locks["valkey"]:
        await away(field.stack.valkey.kill, field.stack.valkey.start, seconds)
    return "valkey"


@fault("redis-lose-writes")
async def lose_writes(field: Field, chance: random.Random, _seconds: float) -> str:
    """kill -9 while an fsync took its time: the last of what it had acknowledged is not in its file."""
    async with field.locks["valkey"]:
        written = field.stack.valkey.written()
        lost = chance.uniform(*UNWRITTEN)
        await asyncio.sleep(lost)
        await asyncio.to_thread(field.stack.valkey.kill_without, *written)
        field.stack.valkey.start()
    return f"valkey, {lost:.1f} s"


@fault("redis-freeze")
async def freeze_redis(field: Field, _chance: random.Random, seconds: float) -> str:
    """SIGSTOP for a while."""
    async with field.locks["valkey"]:
        assert field.stack.valkey.process is not None
        await frozen([psutil.Process(field.stack.valkey.process.pid)], seconds)
    return "valkey"


def refusing(name: str, begin: tuple[str | int, ...], end: tuple[str | int, ...]) -> None:
    """A fault in which Redis refuses writes, from one command to another."""

    async def hit(field: Field, _chance: random.Random, seconds: float) -> str:
        async with field.locks["valkey"]:
            await ask_valkey(field, *begin)
            try:
                await asyncio.sleep(seconds)
            finally:
                await ask_valkey(field, *end)
        return "valkey"

    FAULTS[f"redis-{name}"] = hit


refusing("full", ("CONFIG", "SET", "maxmemory", 1), ("CONFIG", "SET", "maxmemory", 0))
refusing(
    "few-replicas",
    ("CONFIG", "SET", "min-replicas-to-write", 1),
    ("CONFIG", "SET", "min-replicas-to-write", 0),
)
# A replica whose master is not there: it answers reads from what it has, and READONLY to writes.
refusing("read-only", ("REPLICAOF", "127.0.0.1", 1), ("REPLICAOF", "NO", "ONE"))


@fault("redis-failover")
async def fail_over(field: Field, _chance: random.Random, seconds: float) -> str:
    """The sentinel lets the replica take over from the master, which follows it then."""
    watched = field.stack.watched
    assert watched is not None
    async with field.locks["valkey"]:
        before = await asyncio.to_thread(watched.master_port)
        await asyncio.to_thread(watched.fail_over)
        await until(lambda: asyncio.to_thread(lambda: watched.master_port() != before))
        await until(lambda: asyncio.to_thread(watched.knows_replicas))
        await asyncio.sleep(seconds)
    return "sentinel"


async def ask_valkey(field: Field, *command: str | int) -> None:
    await asyncio.to_thread(field.stack.valkey.ask, *command)
