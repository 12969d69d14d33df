"""Faults of instances: each of them ends, or stands still, or has another time."""

import asyncio
import random
from contextlib import suppress

import anyio
import psutil

from app.db.database import UNREACHABLE
from scripts.cluster import CannotStart, Instance
from scripts.soaking.clocks import set_clock
from scripts.soaking.nemesis.registry import Field, fault, frozen

STARTS = 20  # attempts to start an instance
AGAIN_AFTER = 1.0  # seconds from one to the next
LOOKS_EVERY = 5.0  # seconds
UPGRADE = "rolling-upgrade"


@fault("instance-kill")
async def kill_instance(field: Field, chance: random.Random, seconds: float) -> str:
    """kill -9; it is started again after a while."""
    instance = chance.choice(field.stack.instances)
    async with field.locks[instance.name]:
        for process in (*field.stack.processes_of(instance), psutil.Process(instance.process.pid)):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        await asyncio.to_thread(instance.process.wait)
        await asyncio.sleep(seconds)
        await start_again(instance)
    return instance.name


@fault("instance-terminate")
async def terminate_instance(field: Field, chance: random.Random, seconds: float) -> str:
    """An orderly stop; it is started again after a while."""
    instance = chance.choice(field.stack.instances)
    async with field.locks[instance.name]:
        await instance.stop()
        await asyncio.sleep(seconds)
        await start_again(instance)
    return instance.name


@fault("instance-freeze")
async def freeze_instance(field: Field, chance: random.Random, seconds: float) -> str:
    """SIGSTOP for a while, as a machine that is moved, or swaps."""
    instance = chance.choice(field.stack.instances)
    async with field.locks[instance.name]:
        processes = field.stack.processes_of(instance)
        await frozen(processes, seconds)
    return instance.name


@fault("rolling-restart")
async def rolling_restart(field: Field, _chance: random.Random, _seconds: float) -> str:
    """Each instance is stopped in order and started again, one after the other."""
    for instance in field.stack.instances:
        async with field.locks[instance.name]:
            await instance.stop()
            await start_again(instance)
    return "all instances"


@fault(UPGRADE)
async def upgrade(field: Field, _chance: random.Random, _seconds: float) -> str:
    """Each instance is stopped in order and started with this code, one after the other, and an operator looks on."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(look_on, field)
        for instance in field.stack.instances:
            async with field.locks[instance.name]:
                await instance.stop()
                instance.environment.pop("PYTHONPATH", None)
                await start_again(instance)
        tasks.cancel_scope.cancel()
    return "all instances"


async def look_on(field: Field) -> None:
    """Ends what a migration waits for in vain, at any time when PostgreSQL answers."""
    while True:
        await asyncio.sleep(LOOKS_EVERY)
        with suppress(*UNREACHABLE):
            await field.audit.end_old_transactions()


async def start_again(instance: Instance) -> None:
    """Start an instance as often as it takes: without PostgreSQL it ends at once, and whatever runs it tries again."""
    for attempt in range(STARTS):
        instance.start()
        try:
            await instance.ready()
        except CannotStart:
            if attempt == STARTS - 1:
                raise
            await asyncio.sleep(AGAIN_AFTER)
        else:
            return


@fault("clock-step")
async def step_clock(field: Field, chance: random.Random, seconds: float) -> str:
    """An instance's clock jumps, as one does that is set, and jumps back."""
    place = chance.randrange(len(field.stack.clocks))
    by = chance.choice((-3600.0, -5.0, 2.0, 30.0))
    async with field.locks[f"clock {place}"]:
        set_clock(field.stack.clocks[place], by)
        await asyncio.sleep(seconds)
        set_clock(field.stack.clocks[place], 0)
    return f"{field.stack.instances[place].name} by {by:g} s"
