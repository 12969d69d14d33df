"""Rows of the database that somebody holds, and those who wait for them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.db.database import Database
from app.db.queries import Queries


@asynccontextmanager
async def locked(db: Database, statement: str, **values: str) -> AsyncIterator[None]:
    """While it lasts, a transaction of its own holds what `statement` locks."""
    held, release = asyncio.Event(), asyncio.Event()

    async def hold(q: Queries) -> None:
        await q.column(object, statement, **values)
        held.set()
        await release.wait()

    holding = asyncio.create_task(db.transaction(hold))
    await held.wait()
    try:
        yield
    finally:
        release.set()
        await holding


async def somebody_waits(db: Database) -> None:
    """Returns as soon as a statement waits for a lock."""
    waiting = """
        select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
    """
    while True:
        if await db.value(waiting):
            return
        await asyncio.sleep(0.01)
