"""The connection to PostgreSQL.

`Database` wraps a `databases.Database` so that its traps cannot be met:

- Every query and transaction runs in a task of its own that the caller's cancellation does not reach. A query
  cut short would leave its connection in an unknown state, a transaction cut short would leak its connection;
  this way the work ends (it commits or rolls back) and the connection goes back, whether or not the caller still waits.
- How long a statement may take is asyncpg's own `command_timeout`, never a timeout around the call. What becomes of a
  connection that took longer is in `pool`.
- A transaction that PostgreSQL hears nothing more of ends, and gives back what it holds: an instance that hangs in the
  middle of one would stop the rooms that it was changing on all others. PostgreSQL 17 and later ends it also where the
  network has forgotten the connection between two messages of one statement, which is active then and not idle.
- Fewer pieces of work run at once than the pool has connections, and a caller without a slot in time is told
  so.
- What means "PostgreSQL does not answer", or "it takes no writes", is one error, `DatabaseUnavailable`; what means that
  it does not take a value is another, `DatabaseRefused`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from typing import Any, TypeVar

import asyncpg
import databases

from app.db.errors import DatabaseFull, DatabaseReadOnly, DatabaseRefused, DatabaseUnavailable
from app.db.pool import ConnectionPool
from app.db.queries import C, Queries, R, Statements

T = TypeVar("T")

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
    asyncpg.TransactionTimeoutError,
    asyncpg.QueryCanceledError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InsufficientResourcesError,  # no disk, no memory, no connection
    asyncpg.PostgresSystemError,  # its disk fails
)

# What is wrong with the values of a statement, and not with the statement or with PostgreSQL.
NOT_TAKEN = (asyncpg.DataError, asyncpg.ProgramLimitExceededError)

STORAGE = "md.c"  # the part of PostgreSQL that gives files more space

log = logging.getLogger(__name__)


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
        idle_timeout: float = 20,
        acquire_timeout: float = 5,
        statements: Callable[[databases.core.Connection], Statements] | None = None,
    ) -> None:
        self._pool = ConnectionPool(
            url,
            min_size=0,
            max_size=pool_size,
            command_timeout=command_timeout,
            timeout=acquire_timeout,
            server_settings={"application_name": "parley", "timezone": "UTC"},
            idle_timeout=round(idle_timeout * 1000),
        )
        self.slots = max(1, pool_size - 1)  # how much runs at once
        self.waiting = 0  # how much waits for that
        self.is_full = False  # its disk, as far as is known
        self.uncertain_commits = 0  # transactions that may have been committed: PostgreSQL's answer was lost
        self._free = asyncio.Semaphore(self.slots)
        self._acquire_timeout = acquire_timeout
        self._statements = statements or Statements
        self._running: set[asyncio.Task[Any]] = set()

    async def connect(self) -> None:
        """Opens the pool and one connection. Raises DatabaseUnavailable."""
        with _told(), _no_connection():
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
        """Asks PostgreSQL whether it takes writes, and waits for `PING_WITHIN`. Raises DatabaseUnavailable.

        After a statement found its disk full, it is asked to write something, until it can.
        """
        if not self.is_full:
            await self._run(lambda statements: statements.ping())
            return
        await self._run(lambda statements: statements.take_space())
        self.is_full = False
        log.warning("PostgreSQL has space on its disk again")

    async def rows(self, row: type[R], sql: str, /, **values: Any) -> list[R]:
        """See `Queries.rows`. Raises DatabaseUnavailable."""
        return await self._run(lambda statements: statements.rows(row, sql, **values))

    async def row(self, row: type[R], sql: str, /, **values: Any) -> R | None:
        """See `Queries.row`. Raises DatabaseUnavailable."""
        return await self._run(lambda statements: statements.row(row, sql, **values))

    async def column(self, of: type[C], sql: str, /, **values: Any) -> list[C]:
        """See `Queries.column`. Raises DatabaseUnavailable."""
        return await self._run(lambda statements: statements.column(of, sql, **values))

    async def value(self, sql: str, /, **values: Any) -> Any:
        """See `Queries.value`. Raises DatabaseUnavailable."""
        return await self._run(lambda statements: statements.value(sql, **values))

    async def transaction(self, work: Callable[[Queries], Awaitable[T]]) -> T:
        """Runs `work` in one transaction: committed when it returns, rolled back when it raises.

        It runs to its end even when the caller is cancelled. `work` uses the queries it is given and no
        other. Raises DatabaseUnavailable, and whatever `work` raises.
        """

        return await self._run(lambda statements: self._within(statements, work))

    async def snapshot(self, work: Callable[[Queries], Awaitable[T]]) -> T:
        """As `transaction`, for `work` that only reads: all its statements see the database at one moment."""
        options = {"isolation": "repeatable_read", "readonly": True}
        return await self._run(lambda statements: self._within(statements, work, **options))

    async def _within(
        self, statements: Statements, work: Callable[[Queries], Awaitable[T]], **options: Any
    ) -> T:
        commits = False
        try:
            async with statements.transaction(**options):
                with statements.cut_if_silent():  # before the rollback, which would wait for the answer
                    if self._pool.is_behind_pooler:  # where it cannot be set for the session
                        await statements.limit_idle(self._pool.idle_timeout)
                    outcome = await work(statements)
                    commits = True
        except UNREACHABLE:
            self.uncertain_commits += commits
            raise
        return outcome

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
            with _told():
                async with AsyncExitStack() as held:
                    with _no_connection():
                        connection = await held.enter_async_context(self._pool.held())
                    return await work(self._statements(connection))
        except DatabaseFull as error:
            if not self.is_full:
                log.error("%s", error)
                self.is_full = True
            raise

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        self._free.release()
        if not task.cancelled():
            task.exception()  # seen, so that asyncio does not warn when the caller has gone


@contextmanager
def _no_connection() -> Iterator[None]:
    try:
        yield
    except asyncpg.PostgresError as error:  # whatever the reason, there is no connection
        raise DatabaseUnavailable(f"cannot connect to PostgreSQL: {error!r}") from error


@contextmanager
def _told() -> Iterator[None]:
    """Turns the errors of the driver into those of this module."""
    try:
        yield
    except asyncpg.DiskFullError as error:
        raise DatabaseFull(f"the disk of PostgreSQL is full: {error}") from error
    except asyncpg.InternalServerError as error:
        if error.as_dict().get("server_source_filename") != STORAGE:
            raise
        # A quota, or a limit for files, has no code of its own.
        raise DatabaseFull(f"the disk of PostgreSQL is full: {error}") from error
    except asyncpg.ReadOnlySQLTransactionError as error:
        raise DatabaseReadOnly(f"PostgreSQL takes no changes: {error}") from error
    except UNREACHABLE as error:
        raise DatabaseUnavailable(f"PostgreSQL does not answer: {error!r}") from error
    except NOT_TAKEN as error:
        # Its text holds the value, which a user wrote.
        log.warning("PostgreSQL does not take a value: %s", type(error).__name__)
        raise DatabaseRefused(type(error).__name__) from error
