"""The connections to PostgreSQL: a pool, from which none comes that may be dead unnoticed.

A connection on which an answer did not come in time is cut. It may never come, and asyncpg would wait for it, whatever
is asked next, with the connection's place in the pool held for ever. The others that were open then are replaced before
they are used again: where a network has forgotten one connection, it has forgotten them all, and each would cost
a caller the whole time.

Behind a pooler such as PgBouncer a connection may be another one of PostgreSQL's in each transaction. Then no statement
stays prepared there, and no setting is made for longer than a transaction.
"""

import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

import asyncpg
import databases
import orjson

from app.db.jsonb import read_jsonb
from app.db.servers import ServerChoice, attributes_of, of_first, servers_of
from app.db.tls import tls_of

log = logging.getLogger(__name__)

TRANSACTION_TIMEOUT_SINCE = 17  # major version of PostgreSQL


async def _leave_as_it_is(_connection: object) -> None:
    """Resets nothing on a connection that goes back.

    What is set here lasts no longer than a transaction, and asyncpg's own reset is a round trip after each piece of
    work, a tenth of what the reads of a client that connects cost. Behind a pooler, another client may have the
    connection by then.
    """


BEHIND_POOLER: dict[str, Any] = {"statement_cache_size": 0}


class ConnectionPool:
    """A pool for `url`; the options are those of `databases.Database` and asyncpg's pool.

    A transaction of which PostgreSQL hears nothing for `idle_timeout` ms ends. That is set for each connection, unless
    it leads to a pooler, where it has to be set in each transaction.
    """

    def __init__(
        self,
        url: str,
        *,
        server_settings: Mapping[str, str],
        idle_timeout: int,
        **options: Any,
    ) -> None:
        self._url = url
        self.idle_timeout = idle_timeout
        self._options = {**options, "server_settings": server_settings, "reset": _leave_as_it_is}
        self._pool: databases.Database | None = None
        self.is_behind_pooler = False
        self._trusted: set[int] = set()  # by the ids of PostgreSQL's processes

    async def connect(self) -> None:
        """Opens the pool, which has no connection yet. Raises what asyncpg does where there is none to be had."""
        options = {**self._options, **BEHIND_POOLER}
        async with open_pool(self._url, **options) as pool, pool.connection() as connection:
            self.is_behind_pooler = await leads_to_pooler(connection.raw_connection)
        if self.is_behind_pooler:
            log.info(
                "PostgreSQL is behind a connection pooler: statements are not prepared for more than one use"
            )
        else:
            options = self._options
        pool = open_pool(self._url, init=self._opened, **options)
        await pool.connect()
        self._pool = pool

    async def disconnect(self) -> None:
        """Closes the pool, in order where PostgreSQL answers."""
        if self._pool is not None:
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
            except asyncpg.ReadOnlySQLTransactionError:
                # It has become a standby, as the others that are open have. A new one looks for the primary.
                connection.raw_connection.terminate()
                self._trusted.clear()
                raise

    async def _acquire(self, stack: AsyncExitStack) -> databases.core.Connection:
        assert self._pool is not None, "the database is not connected"
        while True:
            async with AsyncExitStack() as trial:
                connection = await trial.enter_async_context(self._pool.connection())
                if connection.raw_connection.get_server_pid() in self._trusted:
                    stack.push_async_exit(trial.pop_all())
                    return connection
                connection.raw_connection.terminate()

    async def _opened(self, connection: "asyncpg.Connection[Any]") -> None:
        await set_codecs(connection)
        if not self.is_behind_pooler:
            await limit_transactions(connection, self.idle_timeout)
        pid = connection.get_server_pid()
        self._trusted.add(pid)
        connection.add_termination_listener(lambda _: self._trusted.discard(pid))


async def leads_to_pooler(connection: "asyncpg.Connection[Any]") -> bool:
    """True if the process that answers is not the one that was named when the connection was made. PgBouncer
    names one that it has made up, so that it can tell whose statement is to be cancelled."""
    answering: int = await connection.fetchval("values (pg_backend_pid())")
    return answering != connection.get_server_pid()


async def limit_transactions(
    connection: "asyncpg.Connection[Any]", milliseconds: int, *, local: bool = False
) -> None:
    """Ends transactions that do nothing for so long, or last so long where PostgreSQL (17) can see that; with `local`,
    the one that runs. A statement of which the second half never comes is not idle, and has no timeout of its own."""
    names = ["idle_in_transaction_session_timeout"]
    if connection.get_server_version().major >= TRANSACTION_TIMEOUT_SINCE:
        names.append("transaction_timeout")
    scope = "local " if local else ""
    await connection.execute("; ".join(f"set {scope}{name} = {milliseconds}" for name in names))


@contextmanager
def cut_if_silent(connection: databases.core.Connection) -> Iterator[None]:
    """Cuts a connection on which an answer does not come in time."""
    try:
        yield
    except TimeoutError:
        connection.raw_connection.terminate()
        raise


def open_pool(url: str, **options: Any) -> databases.Database:
    """The pool that `databases` makes of a URL, with its TLS and servers, which `databases` would drop."""
    tls, servers, attributes = tls_of(url), servers_of(url), attributes_of(url)
    if tls is not None:
        options["ssl"] = tls
    if servers and attributes is not None:
        options["connect"] = ServerChoice(servers, attributes).connect
    return databases.Database(of_first(url), **options)


async def set_codecs(connection: "asyncpg.Connection[Any]") -> None:
    """Reads and writes `jsonb` as what it means."""
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=lambda value: orjson.dumps(value).decode(), decoder=read_jsonb
    )
