"""The connections to PostgreSQL: a pool, from which none comes that may be dead unnoticed.

A connection on which an answer did not come in time is cut. It may never come, and asyncpg would wait for it, whatever
is asked next, with the connection's place in the pool held for ever. The others that were open then are replaced before
they are used again: where a network has forgotten one connection, it has forgotten them all, and each would cost
a caller the whole time.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

import asyncpg
import databases
import orjson

from app.db.jsonb import read_jsonb
from app.db.tls import tls_of


class ConnectionPool:
    """A pool for `url`; the options are those of `databases.Database` and asyncpg's pool."""

    def __init__(self, url: str, **options: Any) -> None:
        self._pool = open_pool(url, init=self._opened, **options)
        self._trusted: set[int] = set()  # by the ids of PostgreSQL's processes

    async def connect(self) -> None:
        """Opens the pool, which has no connection yet."""
        await self._pool.connect()

    async def disconnect(self) -> None:
        """Closes the pool, in order where PostgreSQL answers."""
        await self._pool.disconnect()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[databases.core.Connection]:
        """A connection for the length of the block. Raises what asyncpg does when there is none."""
        async with AsyncExitStack() as stack:
            connection = await self._acquire(stack)
            try:
                with cut_if_silent(connection):
                    yield connection
            except TimeoutError:
                self._trusted.clear()
                raise

    async def _acquire(self, stack: AsyncExitStack) -> databases.core.Connection:
        while True:
            async with AsyncExitStack() as trial:
                connection = await trial.enter_async_context(self._pool.connection())
                if connection.raw_connection.get_server_pid() in self._trusted:
                    stack.push_async_exit(trial.pop_all())
                    return connection
                connection.raw_connection.terminate()

    async def _opened(self, connection: "asyncpg.Connection[Any]") -> None:
        await set_codecs(connection)
        pid = connection.get_server_pid()
        self._trusted.add(pid)
        connection.add_termination_listener(lambda _: self._trusted.discard(pid))


@contextmanager
def cut_if_silent(connection: databases.core.Connection) -> Iterator[None]:
    """Cuts a connection on which an answer does not come in time."""
    try:
        yield
    except TimeoutError:
        connection.raw_connection.terminate()
        raise


def open_pool(url: str, **options: Any) -> databases.Database:
    """The pool that `databases` makes of a URL, with the TLS that it asks for, which `databases` would drop."""
    tls = tls_of(url)
    if tls is not None:
        options["ssl"] = tls
    return databases.Database(url, **options)


async def set_codecs(connection: "asyncpg.Connection[Any]") -> None:
    """Reads and writes `jsonb` as what it means."""
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=lambda value: orjson.dumps(value).decode(), decoder=read_jsonb
    )
