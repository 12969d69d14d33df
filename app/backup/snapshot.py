"""The database at one moment: held for pg_dump, counted, and made ready for what is restored.

While a snapshot is held, no instance deletes the bytes of expired files, so that all files that the snapshot names can
be copied after it was taken.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from app.backup.manifest import BackupError
from app.core.background_tasks import ended
from app.db.database import UNREACHABLE
from app.db.errors import DatabaseUnavailable
from app.db.pool import BEHIND_POOLER, leads_to_pooler, open_pool
from app.db.queries import Queries, Statements
from app.store.log import files

CONNECT_WITHIN = 10  # seconds
PAGE = 200  # files
ALIVE_EVERY = 15.0  # seconds, for what stands between and forgets connections
TRANSACTION_TIMEOUT_SINCE = 17  # of PostgreSQL

CHECK = """
    select count(*) into n from {0};
    if n <> {2} then
        raise exception 'the table {1} has % rows, and the backup had {2}', n;
    end if;"""


@dataclass(frozen=True)
class Snapshot:
    """One moment of the database. `name` is what pg_dump takes."""

    name: str
    moment: datetime
    postgresql: int
    schema_name: str
    schema_version: int
    rows: dict[str, int]
    queries: Queries
    turn: asyncio.Lock  # of those who use the connection

    async def kept_files(self) -> AsyncIterator[list[files.KeptFileRow]]:
        """The files that have not expired at that moment, page by page."""
        after = ""
        while True:
            async with self.turn:
                with told():
                    page = await files.kept_after(self.queries, after, PAGE)
            if not page:
                return
            yield page
            after = page[-1].id


class Target(NamedTuple):
    """A database to restore into: its major version and schema, statements that drop all that the schema has in it,
    the keys of the files that it knows, and how many instances are connected to it."""

    postgresql: int
    schema_name: str
    drops: list[str]
    keys: set[str]
    instances: int


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[tuple[Statements, "asyncpg.Connection[Any]"]]:
    """One connection to PostgreSQL itself. Raises DatabaseUnavailable, and BackupError where PostgreSQL refuses."""
    async with AsyncExitStack() as stack:
        with told():
            pool = open_pool(url, min_size=1, max_size=1, timeout=CONNECT_WITHIN, **BEHIND_POOLER)
            await stack.enter_async_context(pool)
            connection = await stack.enter_async_context(pool.connection())
            driver: asyncpg.Connection[Any] = connection.raw_connection
            if await leads_to_pooler(driver):
                raise BackupError(
                    "DATABASE_URL leads to a connection pooler: a backup needs a connection to PostgreSQL itself."
                )
            if await driver.fetchval("show transaction_read_only") == "on":
                raise BackupError(
                    "PostgreSQL is read-only: a backup is taken from the primary, which tells what is deleted."
                )
        yield Statements(connection), driver


@contextmanager
def told() -> Iterator[None]:
    try:
        yield
    except UNREACHABLE as error:
        raise DatabaseUnavailable(f"cannot connect to PostgreSQL: {error}") from error
    except asyncpg.PostgresError as error:
        raise BackupError(f"PostgreSQL refuses: {error}") from error


@asynccontextmanager
async def held_snapshot(url: str) -> AsyncIterator[Snapshot]:
    """Hold a snapshot, and the bytes of all files that it names, for the length of the block.

    Raises BackupError, also at the end of the block where the connection was lost meanwhile, and DatabaseUnavailable.
    """
    async with connected(url) as (queries, driver), AsyncExitStack() as stack:
        with told():
            major = driver.get_server_version().major
            await driver.execute("set idle_in_transaction_session_timeout = 0")
            if major >= TRANSACTION_TIMEOUT_SINCE:
                await driver.execute("set transaction_timeout = 0")
            # Before the transaction, whose snapshot must not be older than the lock.
            await files.hold_sweeps(queries)
            await stack.enter_async_context(driver.transaction(isolation="repeatable_read", readonly=True))
            snapshot = await take(driver, queries, major)
        alive = asyncio.create_task(stay_alive(driver, snapshot.turn))
        try:
            yield snapshot
        finally:
            await ended(alive)
        with told():  # that the files were held until now
            await driver.fetchval("select 1")


async def take(driver: "asyncpg.Connection[Any]", queries: Queries, major: int) -> Snapshot:
    schema_name = await driver.fetchval("select current_schema()")
    tables = await driver.fetch(
        "select relname from pg_class where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')"
        " order by relname"
    )
    names = [record["relname"] for record in tables]
    if "schema_migrations" not in names:
        raise BackupError(f"the schema {schema_name} of this database has no chat in it.")
    return Snapshot(
        name=await driver.fetchval("select pg_export_snapshot()"),
        moment=await driver.fetchval("select now()"),
        postgresql=major,
        schema_name=schema_name,
        schema_version=await driver.fetchval("select max(number) from schema_migrations"),
        rows={name: await count(driver, name) for name in names},
        queries=queries,
        turn=asyncio.Lock(),
    )


async def count(driver: "asyncpg.Connection[Any]", table: str) -> int:
    number: int = await driver.fetchval(f"select count(*) from {quoted(table)}")  # noqa: S608 - from the catalog
    return number


def quoted(name: str) -> str:
    """A name as SQL and the patterns of pg_dump take it."""
    return '"' + name.replace('"', '""') + '"'


async def stay_alive(driver: "asyncpg.Connection[Any]", turn: asyncio.Lock) -> None:
    """Use the connection now and then. Where it is lost, the end of the block above tells."""
    while True:
        await asyncio.sleep(ALIVE_EVERY)
        async with turn:
            try:
                await driver.fetchval("select 1")
            except UNREACHABLE:
                return


async def look_at(url: str) -> Target:
    """A database to restore into. Raises BackupError and DatabaseUnavailable."""
    async with connected(url) as (queries, driver):
        with told():
            return await look(queries, driver)


async def look(queries: Queries, driver: "asyncpg.Connection[Any]") -> Target:
    drops = await driver.fetch(
        """
        select format('drop %s if exists %I.%I cascade;',
                      case relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
                                   when 'f' then 'foreign table' else 'table' end,
                      current_schema(), relname) as statement
        from pg_class c
        where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p', 'v', 'm', 'S', 'f')
          and not exists (  -- the sequence of an identity column goes with its table, and in no other way
              select from pg_depend d
              where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'i' and c.relkind = 'S'
          )
        union all
        select format('drop routine if exists %s cascade;', oid::regprocedure)
        from pg_proc
        where pronamespace = current_schema()::regnamespace
        """
    )
    has_files = await driver.fetchval("select to_regclass('files') is not null")
    return Target(
        postgresql=driver.get_server_version().major,
        schema_name=await driver.fetchval("select current_schema()"),
        drops=[record["statement"] for record in drops],
        keys=set(await files.all_keys(queries)) if has_files else set(),
        instances=await driver.fetchval(
            "select count(*) from pg_stat_activity where datname = current_database()"
            " and application_name = 'parley'"
        ),
    )


def checks_of(rows: dict[str, int], schema_name: str) -> str:
    """A statement that fails where a table has not as many rows."""
    checks = "".join(
        CHECK.format(f"{quoted(schema_name)}.{quoted(table)}", table, number)
        for table, number in rows.items()
    )
    return f"\ndo $check$\ndeclare n bigint;\nbegin{checks}\nend\n$check$;\n"
