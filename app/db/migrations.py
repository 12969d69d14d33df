"""The schema in the database, block by block of schema.sql."""

import asyncio
import hashlib
import logging
import re
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg

from app.db.database import UNREACHABLE
from app.db.errors import DatabaseUnavailable, MigrationError
from app.db.pool import BEHIND_POOLER, open_pool

log = logging.getLogger(__name__)

TAKES_NO_CHANGES = (asyncpg.ReadOnlySQLTransactionError, asyncpg.DiskFullError)

# One number for every instance and version, so that they take turns to migrate.
MIGRATION_LOCK = 7_011_746_117

# What instances that run ask of a table queues behind a block that waits for its lock. So a block waits less than the
# second after which PostgreSQL would end one of two that wait for each other, which may be a member's, and tries again.
LOCK_TIMEOUT = 500  # ms
IDLE_TIMEOUT = 10_000  # ms; the locks of a block whose instance is heard no more are given back then
LOCKED = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError)
PAUSES = (1, 2, 4, 8, *[15] * 19)  # seconds between the tries; five minutes in all

# Checksums of earlier texts of blocks that made the same: in block 7 a comment was changed after it had been applied.
EARLIER_TEXTS = {7: ("ea6ea37133831f3e813cfeea2d82560cbb83edde14cd74dcca92295e33b3db8b",)}


class Migration(NamedTuple):
    """One numbered block of schema.sql."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """Of the block's text; trailing blanks do not count."""
        return hashlib.sha256("\n".join(map(str.rstrip, self.sql.strip().splitlines())).encode()).hexdigest()


def read_migrations(schema: str) -> list[Migration]:
    """The blocks of a schema file, each headed by a line `-- migration N: name`, numbered from 1 without a
    gap.

    Raises MigrationError.
    """
    parts = re.split(r"^-- migration (\d+): (.+)\n", schema, flags=re.MULTILINE)[1:]
    blocks = [
        Migration(int(number), name.strip(), sql)
        for number, name, sql in zip(parts[0::3], parts[1::3], parts[2::3], strict=True)
    ]
    if [block.number for block in blocks] != list(range(1, len(blocks) + 1)):
        raise MigrationError("the blocks of schema.sql are not numbered 1, 2, 3, …")
    return blocks


def schema_path() -> Path:
    """Where schema.sql is: beside the package `app`."""
    return Path(__file__).parent.parent.parent / "schema.sql"


async def migrate(database_url: str, schema: str | None = None) -> list[int]:
    """Applies the blocks of schema.sql (or of the given text) that the database does not have yet.

    Each block is applied in a transaction of its own, under an advisory lock that makes instances take turns,
    and its number recorded with it. Where others hold locks that a block needs, it is tried again for five minutes.
    Returns the numbers applied now. Raises MigrationError when a block that was applied has another text now, when
    PostgreSQL refuses us or a block, and when a block does not get its locks; DatabaseUnavailable when PostgreSQL
    cannot be reached.
    """
    blocks = read_migrations(schema_path().read_text("utf-8") if schema is None else schema)
    try:
        async with (
            open_pool(database_url, min_size=1, max_size=1, timeout=10, **BEHIND_POOLER) as pool,
            pool.connection() as connection,
        ):
            return [
                block.number for block in blocks if await _apply_patiently(connection.raw_connection, block)
            ]
    except TAKES_NO_CHANGES as error:
        raise DatabaseUnavailable(f"cannot bring the schema up to date: {error}") from error
    except UNREACHABLE as error:
        raise DatabaseUnavailable(f"cannot connect to PostgreSQL: {error}") from error
    except asyncpg.PostgresError as error:
        raise MigrationError(f"cannot bring the schema up to date: {error}") from error


async def _apply_patiently(connection: "asyncpg.Connection[Any]", block: Migration) -> bool:
    pauses = iter(PAUSES)
    while True:
        try:
            return await _apply(connection, block)
        except LOCKED as error:
            oldest = await _oldest_transactions(connection)
            pause = next(pauses, None)
            if pause is None:
                raise MigrationError(
                    f"migration {block.number} ({block.name}) did not get its locks: {oldest};"
                    " end what should not be there with pg_terminate_backend"
                ) from error
        log.warning(
            "migration %d (%s) waits for locks that others hold, and tries again in %d s: %s",
            block.number,
            block.name,
            pause,
            oldest,
        )
        await asyncio.sleep(pause)


async def _oldest_transactions(connection: "asyncpg.Connection[Any]") -> str:
    """Those of others that have run for longer than a try: who may hold the locks."""
    transactions = await connection.fetch(
        "select format('process %s (%s, %s) is in a transaction since %s s', pid, application_name, state,"
        " extract(epoch from now() - xact_start)::integer) as told from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
        " and xact_start < now() - $1 * interval '1 ms' order by xact_start limit 3",
        LOCK_TIMEOUT,
    )
    return ", ".join(row["told"] for row in transactions) or "no transaction of others is as old as that"


async def _apply(connection: "asyncpg.Connection[Any]", block: Migration) -> bool:
    async with connection.transaction():
        # In one round trip, since each start of an instance looks at each block.
        await connection.execute(
            f"set local idle_in_transaction_session_timeout = {IDLE_TIMEOUT};"
            f" select pg_advisory_xact_lock({MIGRATION_LOCK})"
        )
        await connection.execute(
            "create table if not exists schema_migrations ("
            " number integer primary key, name text not null, checksum text not null,"
            " applied_at timestamptz not null default now())"
        )
        applied = await connection.fetchval(
            "select checksum from schema_migrations where number = $1", block.number
        )
        if applied == block.checksum or applied in EARLIER_TEXTS.get(block.number, ()):
            return False
        if applied is not None:
            raise MigrationError(
                f"migration {block.number} ({block.name}) was applied with another text: undo the change in"
                " schema.sql and append a new block instead"
            )
        await connection.execute(f"set local lock_timeout = {LOCK_TIMEOUT}")
        # An operator's own deferred triggers on a table would keep it from being altered once it is updated.
        await connection.execute("set constraints all immediate")
        try:
            await connection.execute(block.sql)
        except LOCKED:
            raise
        except asyncpg.PostgresError as error:
            raise MigrationError(f"migration {block.number} ({block.name}) failed: {error}") from error
        await connection.execute(
            "insert into schema_migrations (number, name, checksum) values ($1, $2, $3)",
            block.number,
            block.name,
            block.checksum,
        )
        return True
