"""Real PostgreSQLs of the tests' own, and statements for them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg

from app import embedded
from app.embedded.postgres import running_postgres

# Nothing here outlives a run, so nothing has to reach the disk; and its databases, one a test, are small.
FORGETFUL = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "16MB",  # looked through whenever a database is made or dropped
    "autovacuum": "off",
    "jit": "off",
}


TEMPLATE = "template_parley"


@asynccontextmanager
async def connected(url: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


def execute(sockets: Path, statement: str) -> None:
    async def run() -> None:
        async with connected(embedded.database_url(sockets)) as connection:
            await connection.execute(statement)

    asyncio.run(run())


class RestartablePostgres:
    """A PostgreSQL of the tests' own, which keeps its data and its socket over stop and start.

    `settings` are of the server, and go before those that let it forget what it had when the machine stops.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self._settings = FORGETFUL | dict(settings or {})
        self.socket = folder / "socket" / ".s.PGSQL.5432"
        self._running = ExitStack()

    def start(self) -> None:
        self._running.enter_context(running_postgres(self.folder, settings=self._settings))

    def stop(self) -> None:
        """Let it end in order: it ends all connections."""
        self._running.close()
