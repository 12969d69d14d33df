"""The connection to PostgreSQL, and the schema in it.

`Database` wraps a `databases.Database` so that its traps cannot be met:

- Every query and transaction runs in a task of its own that the caller's cancellation does not reach. A query
  cut short would leave its connection in an unknown state, a transaction cut short would leak its connection;
  this way the work ends (it commits or rolls back) and the connection goes back, whoever still waits for it.
- How long a statement may take is asyncpg's own `command_timeout`, never a timeout around the call. What becomes of a
  connection that took longer is in `connections`.
- A transaction that PostgreSQL hears nothing more of ends, and gives back what it holds: an instance that hangs in the
  middle of one would stop the rooms that it was changing on all others.
- Fewer pieces of work run at once than the pool has connections, and whoever finds no slot in time is told
  so.
- What means "PostgreSQL does not answer" is one error, `DatabaseUnavailable`.
"""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import asyncpg
import databases

from app.connections import Connections, cut_if_silent, open_pool

T = TypeVar("T")
Row = dict[str, Any]

# One number for every instance and version, so that they take turns to migrate.
MIGRATION_LOCK = 7_011_746_117

PING_WITHIN = 2.0  # seconds
CLOSE_WITHIN = 2.0  # seconds, for what runs to end and again for PostgreSQL to say goodbye

UNREACHABLE = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.QueryCanceledError,
    asyncpg.TooManyConnectionsError,
)


class DatabaseUnavailable(Exception):
    """PostgreSQL could not be reached or did not answer in time; nothing is known to have been written."""


class MigrationError(Exception):
    """The database cannot get the schema of schema.sql, or the two contradict each other."""


class Queries(Protocol):
    """What runs statements: a `Database`, or what `Database.transaction` gives to its work."""

    async def rows(self, sql: str, **values: Any) -> list[Row]:
        """All rows of a statement; `:name` in it stands for the value of that name."""

    async def row(self, sql: str, **values: Any) -> Row | None:
        """The first row, or None."""

    async def value(self, sql: str, **values: Any) -> Any:
        """The first column of the first row, or None."""


class Statements:
    """Runs statements on one held connection."""

    def __init__(self, connection: databases.core.Connection) -> None:
        self._connection = connection

    async def rows(self, sql: str, **values: Any) -> list[Row]:
        """See `Queries.rows`."""
        return [dict(record) for record in await self._connection.fetch_all(sql, values)]

    async def row(self, sql: str, **values: Any) -> Row | None:
        """See `Queries.row`."""
        record = await self._connection.fetch_one(sql, values)
        return None if record is None else dict(record)

    async def value(self, sql: str, **values: Any) -> Any:
        """See `Queries.value`."""
        return await self._connection.fetch_val(sql, values)

    def cut_if_silent(self) -> AbstractContextManager[None]:
        """Cuts the connection where an answer does not come in time."""
        return cut_if_silent(self._connection)

    async def ping(self) -> None:
        """See `Database.ping`."""
        await self._connection.raw_connection.execute("select 1", timeout=PING_WITHIN)

    def transaction(self, **options: Any) -> AbstractAsyncContextManager[Any]:
        """The driver's own: that of `databases` keeps the connection for ever when a rollback fails."""
        transaction: AbstractAsyncContextManager[Any] = self._connection.raw_connection.transaction(**options)
        return transaction


class Database:
    """A pool of connections to PostgreSQL.

    `command_timeout`, `idle_timeout` and `acquire_timeout` are in seconds: how long one statement may run, how long a
    transaction may do nothing between two, and how long a caller waits for a free slot. All end in
    `DatabaseUnavailable`.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        command_timeout: float = 10,
        idle_timeout: float = 30,
        acquire_timeout: float = 5,
        statements: "Callable[[databases.core.Connection], Statements] | None" = None,
    ) -> None:
        self._pool = Connections(
            url,
            min_size=0,
            max_size=pool_size,
            command_timeout=command_timeout,
            timeout=acquire_timeout,
            server_settings={
                "application_name": "parley",
                "timezone": "UTC",
                "idle_in_transaction_session_timeout": f"{idle_timeout * 1000:.0f}",
            },
        )
        self.slots = max(1, pool_size - 1)  # how much runs at once
        self.waiting = 0  # how much waits for that
        self._free = asyncio.Semaphore(self.slots)
        self._acquire_timeout = acquire_timeout
        self._statements = statements or Statements
        self._running: set[asyncio.Task[Any]] = set()

    async def connect(self) -> None:
        """Opens the pool and one connection. Raises DatabaseUnavailable."""
        await self._pool.connect()
        await self.ping()

    async def close(self) -> None:
        """Waits a moment for what runs, then closes the pool; what runs longer ends as DatabaseUnavailable."""
        if self._running:
            await asyncio.wait(self._running, timeout=CLOSE_WITHIN)
        with suppress(TimeoutError):  # asyncpg drops the connections then
            async with asyncio.timeout(CLOSE_WITHIN):
                await self._pool.disconnect()

    async def ping(self) -> None:
        """Asks PostgreSQL for a sign of life, and waits for it for `PING_WITHIN`. Raises DatabaseUnavailable."""
        await self._run(lambda statements: statements.ping())

    async def rows(self, sql: str, **values: Any) -> list[Row]:
        """See `Queries.rows`. Raises DatabaseUnavailable."""
        return await self._run(lambda statements: statements.rows(sql, **values))

    async def row(self, sql: str, **values: Any) -> Row | None:
        """See `Queries.row`. Raises DatabaseUnavailable."""
        return await self._run(lambda statements: statements.row(sql, **values))

    async def value(self, sql: str, **values: Any) -> Any:
        """See `Queries.value`. Raises DatabaseUnavailable."""
        return await self._run(lambda statements: statements.value(sql, **values))

    async def transaction(self, work: Callable[[Queries], Awaitable[T]]) -> T:
        """Runs `work` in one transaction: committed when it returns, rolled back when it raises.

        It runs to its end even when the caller is cancelled. `work` uses the queries it is given and no
        other. Raises DatabaseUnavailable, and whatever `work` raises.
        """

        return await self._run(lambda statements: _within(statements, work))

    async def snapshot(self, work: Callable[[Queries], Awaitable[T]]) -> T:
        """As `transaction`, for `work` that only reads: all its statements see the database at one moment."""
        options = {"isolation": "repeatable_read", "readonly": True}
        return await self._run(lambda statements: _within(statements, work, **options))

    @property
    def in_use(self) -> int:
        """How much runs now."""
        return len(self._running)

    async def _run(self, work: Callable[[Statements], Coroutine[Any, Any, T]]) -> T:
        self.waiting += 1
        try:
            async with asyncio.timeout(self._acquire_timeout):
                await self._free.acquire()
        except TimeoutError:
            raise DatabaseUnavailable("no database connection became free in time") from None
        finally:
            self.waiting -= 1
        task = asyncio.create_task(self._hold(work))
        self._running.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    async def _hold(self, work: Callable[[Statements], Coroutine[Any, Any, T]]) -> T:
        try:
            async with AsyncExitStack() as held:
                try:
                    connection = await held.enter_async_context(self._pool.held())
                except asyncpg.PostgresError as error:  # whatever the reason, there is no connection
                    raise DatabaseUnavailable(f"cannot connect to PostgreSQL: {error!r}") from error
                return await work(self._statements(connection))
        except UNREACHABLE as error:
            raise DatabaseUnavailable(f"PostgreSQL does not answer: {error!r}") from error

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        self._free.release()
        if not task.cancelled():
            task.exception()  # seen, so that nobody is warned when the caller has gone


async def _within(statements: Statements, work: Callable[[Queries], Awaitable[T]], **options: Any) -> T:
    async with statements.transaction(**options):
        with statements.cut_if_silent():  # before the rollback, which would wait for the answer
            return await work(statements)


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
    """Where schema.sql is: beside the package in a checkout, inside it in a wheel."""
    package = Path(__file__).parent
    return next(path for path in (package.parent / "schema.sql", package / "schema.sql") if path.exists())


async def migrate(database_url: str, schema: str | None = None) -> list[int]:
    """Applies the blocks of schema.sql (or of the given text) that the database does not have yet.

    Each block is applied in a transaction of its own, under an advisory lock that makes instances take turns,
    and its number recorded with it. Returns the numbers applied now. Raises MigrationError when a block that
    was applied has another text now and when PostgreSQL refuses us or a block, DatabaseUnavailable when it
    cannot be reached.
    """
    blocks = read_migrations(schema_path().read_text("utf-8") if schema is None else schema)
    try:
        async with (
            open_pool(database_url, min_size=1, max_size=1, timeout=10) as pool,
            pool.connection() as connection,
        ):
            return [block.number for block in blocks if await _apply(connection.raw_connection, block)]
    except UNREACHABLE as error:
        raise DatabaseUnavailable(f"cannot connect to PostgreSQL: {error}") from error
    except asyncpg.PostgresError as error:
        raise MigrationError(f"cannot bring the schema up to date: {error}") from error


async def _apply(connection: "asyncpg.Connection[Any]", block: Migration) -> bool:
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock($1)", MIGRATION_LOCK)
        await connection.execute(
            "create table if not exists schema_migrations ("
            " number integer primary key, name text not null, checksum text not null,"
            " applied_at timestamptz not null default now())"
        )
        applied = await connection.fetchval(
            "select checksum from schema_migrations where number = $1", block.number
        )
        if applied == block.checksum:
            return False
        if applied is not None:
            raise MigrationError(
                f"migration {block.number} ({block.name}) was applied with another text: undo the change in"
                " schema.sql and append a new block instead"
            )
        try:
            await connection.execute(block.sql)
        except asyncpg.PostgresError as error:
            raise MigrationError(f"migration {block.number} ({block.name}) failed: {error}") from error
        await connection.execute(
            "insert into schema_migrations (number, name, checksum) values ($1, $2, $3)",
            block.number,
            block.name,
            block.checksum,
        )
        return True
