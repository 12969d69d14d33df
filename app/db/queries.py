"""Statements on one connection, as PostgreSQL's driver runs them.

`databases` would translate the names in a statement to PostgreSQL's numbers anew each time it runs, which takes longer
than all the rest, and leaves behind what only the garbage collector frees. Here each text is translated once.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from functools import cache
from typing import Any, NamedTuple, Protocol, TypeVar

import asyncpg
import databases
from sqlalchemy import text
from sqlalchemy.dialects.postgresql.asyncpg import dialect

from app.db.pool import cut_if_silent, limit_transactions
from app.db.rows import Row, read_rows

R = TypeVar("R", bound=Row)
C = TypeVar("C")

PING_WITHIN = 2.0  # seconds
TAKE_SPACE = (
    "create temporary table space_probe on commit drop as"
    " select repeat('x', 1000) from generate_series(1, 1000)"
)


class Queries(Protocol):
    """Runs statements: a `Database`, or what `Database.transaction` gives to its work."""

    async def rows(self, row: type[R], sql: str, /, **values: Any) -> list[R]:
        """All rows of a statement, as a type that has its columns; `:name` stands for the value of that name."""

    async def row(self, row: type[R], sql: str, /, **values: Any) -> R | None:
        """The first row, or None."""

    async def column(self, of: type[C], sql: str, /, **values: Any) -> list[C]:
        """The first column of all rows, of a type that it has."""

    async def value(self, sql: str, /, **values: Any) -> Any:
        """The first column of the first row, or None."""


class Translated(NamedTuple):
    """A statement with `$1` for the first of `names`."""

    sql: str
    names: tuple[str, ...]

    def of(self, values: Mapping[str, Any]) -> list[Any]:
        """The values in the order of their numbers."""
        return [values[name] for name in self.names]


@cache  # the statements are constants of this program
def translate(sql: str) -> Translated:
    """A statement with `:name` for its values, as PostgreSQL takes it."""
    compiled = text(sql).compile(dialect=dialect(paramstyle="numeric_dollar"))  # type: ignore[no-untyped-call]
    return Translated(compiled.string, tuple(compiled.positiontup or ()))


class Statements:
    """Runs statements on one held connection."""

    def __init__(self, connection: databases.core.Connection) -> None:
        self._connection = connection
        self._driver: asyncpg.Connection[Any] = connection.raw_connection

    async def rows(self, row: type[R], sql: str, /, **values: Any) -> list[R]:
        """See `Queries.rows`."""
        return read_rows(row, await self._fetch(sql, values))

    async def row(self, row: type[R], sql: str, /, **values: Any) -> R | None:
        """See `Queries.row`."""
        statement = translate(sql)
        record = await self._driver.fetchrow(statement.sql, *statement.of(values))
        return None if record is None else read_rows(row, [record])[0]

    async def column(self, of: type[C], sql: str, /, **values: Any) -> list[C]:  # noqa: ARG002 - for mypy
        """See `Queries.column`."""
        return [record[0] for record in await self._fetch(sql, values)]

    async def value(self, sql: str, /, **values: Any) -> Any:
        """See `Queries.value`."""
        statement = translate(sql)
        return await self._driver.fetchval(statement.sql, *statement.of(values))

    async def _fetch(self, sql: str, values: Mapping[str, Any]) -> list[asyncpg.Record]:
        statement = translate(sql)
        records: list[asyncpg.Record] = await self._driver.fetch(statement.sql, *statement.of(values))
        return records

    def cut_if_silent(self) -> AbstractContextManager[None]:
        """Cuts the connection where an answer does not come in time."""
        return cut_if_silent(self._connection)

    async def ping(self) -> None:
        """See `Database.ping`."""
        if await self._driver.fetchval("show transaction_read_only", timeout=PING_WITHIN) == "on":
            raise asyncpg.ReadOnlySQLTransactionError(
                "PostgreSQL is read-only: it is a standby, or set to be so"
            )

    async def take_space(self) -> None:
        """Writes as much as many changes would, and takes it back."""
        attempt = self._driver.transaction()
        await attempt.start()
        try:
            await self._driver.execute(TAKE_SPACE, timeout=PING_WITHIN)
        finally:
            await attempt.rollback()

    async def limit_idle(self, milliseconds: int) -> None:
        """Ends this transaction where nothing is heard of it for so long."""
        await limit_transactions(self._driver, milliseconds, local=True)

    def transaction(self, **options: Any) -> AbstractAsyncContextManager[Any]:
        """The driver's own: that of `databases` keeps the connection for ever when a rollback fails."""
        transaction: AbstractAsyncContextManager[Any] = self._driver.transaction(**options)
        return transaction
