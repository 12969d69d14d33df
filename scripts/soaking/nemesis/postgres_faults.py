"""Faults of PostgreSQL: it ends, crashes, stands still, is slow, or has no room."""

import asyncio
import random
from contextlib import suppress

import psutil

from app.embedded.child_process import spawn
from app.embedded.postgres import choose_account
from scripts.soaking.nemesis.registry import MENDED_WITHIN, Field, away, fault, frozen

SLOW_COMMIT = (0.05, 0.4)  # seconds
RECOVERS_WITHIN = 15.0  # seconds


@fault("postgres-restart")
async def restart_postgres(field: Field, _chance: random.Random, seconds: float) -> str:
    """Stopped in order, which ends all connections, and started after a while."""
    async with field.locks["postgres"]:
        await away(field.stack.postgres_server.stop, field.stack.postgres_server.start, seconds)
    return "postgres"


@fault("postgres-crash")
async def crash_postgres(field: Field, chance: random.Random, _seconds: float) -> str:
    """One of its backends is killed, and so it ends all of them and recovers from its log."""
    async with field.locks["postgres"]:
        backends = postmaster_of(field).children()
        with suppress(psutil.NoSuchProcess):
            chance.choice(backends).kill()
        await answering(field)
    return "postgres"


@fault("postgres-freeze")
async def freeze_postgres(field: Field, _chance: random.Random, seconds: float) -> str:
    """SIGSTOP of all its processes for a while."""
    async with field.locks["postgres"]:
        postmaster = postmaster_of(field)
        await frozen([postmaster, *postmaster.children()], seconds)
    return "postgres"


@fault("postgres-slow-commits")
async def slow_commits(field: Field, chance: random.Random, seconds: float) -> str:
    """Each commit waits as for a slow disk, with its locks held."""
    async with field.locks["postgres"]:
        await field.audit.slow_commits(chance.uniform(*SLOW_COMMIT))
        try:
            await asyncio.sleep(seconds)
        finally:
            await field.audit.slow_commits(0)
    return "postgres"


@fault("postgres-disk-full")
async def fill_disk(field: Field, chance: random.Random, seconds: float) -> str:
    """No file may grow beyond a limit, which PostgreSQL takes for a full disk: what needs room fails, and where its
    log needs it, all backends end."""
    async with field.locks["postgres"]:
        postmaster = postmaster_of(field)
        limit = chance.choice((16 * 1024, 2**20, 2**22))
        set_file_limit(field, postmaster, limit)
        await asyncio.sleep(seconds)
        if postmaster.is_running() and postmaster.status() != psutil.STATUS_ZOMBIE:
            set_file_limit(field, postmaster, "unlimited")
        else:  # it could not even recover
            await restart(field)
        try:
            await answering(field, RECOVERS_WITHIN)
        except TimeoutError:
            # Nor end: PostgreSQL 18 was seen to wait for ever for a process of its own that was gone.
            await restart(field)
            await answering(field)
    return f"postgres, files of {limit} bytes"


async def restart(field: Field) -> None:
    """As its operator does who finds it down, or hanging."""
    server = field.stack.postgres_server
    await away(server.stop, server.start, 0)


def postmaster_of(field: Field) -> psutil.Process:
    """PostgreSQL's first process, which starts the others."""
    file = field.stack.postgres_server.folder / "data" / "postmaster.pid"
    return psutil.Process(int(file.read_text().split()[0]))


def set_file_limit(field: Field, postmaster: psutil.Process, limit: int | str) -> None:
    """For a process and those that it has started; later ones have it from it. Their own account may do that."""
    account = choose_account(field.stack.postgres_server.folder)

    def limit_one(process: psutil.Process) -> None:
        command = ["prlimit", "--pid", str(process.pid), f"--fsize={limit}:unlimited"]
        spawn(command, account=account).wait()  # one that is gone meanwhile has no limits

    limit_one(postmaster)
    for child in postmaster.children():  # also those that it started until then
        limit_one(child)


async def answering(field: Field, within: float = MENDED_WITHIN) -> None:
    """Return once PostgreSQL takes connections again. Raises TimeoutError."""
    async with asyncio.timeout(within):
        while True:
            try:
                await field.audit.slow_commits(0)
            except Exception:  # noqa: BLE001 - whatever it says while it recovers
                await asyncio.sleep(0.2)
            else:
                return
