"""Databases that have the schema and no rows, each for one test after the other.

To make a database and drop it costs PostgreSQL more than most tests do (it copies and removes 300 files): what a test
leaves in one is deleted instead, and the next test gets it. A database whose schema a test has changed is dropped.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg

from app import embedded
from tests.support.postgres_servers import TEMPLATE, execute

Connection: TypeAlias = "asyncpg.Connection[Any]"
ENDED = (asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError, asyncpg.InterfaceError, OSError)

# What a statement of DDL leaves in the catalogs: rows of another transaction. And the list of migrations.
FINGERPRINT = """
    select array[
        (select md5(string_agg(oid || ':' || xmin, ',' order by oid)) from pg_class where oid >= 16384),
        (select md5(string_agg(oid || ':' || xmin, ',' order by oid)) from pg_trigger where oid >= 16384),
        (select md5(string_agg(oid || ':' || xmin, ',' order by oid)) from pg_proc where oid >= 16384),
        (select md5(string_agg(oid || ':' || xmin, ',' order by oid)) from pg_constraint where oid >= 16384),
        (select md5(string_agg(setconfig::text, ',')) from pg_db_role_setting s
            join pg_database d on d.oid = s.setdatabase where datname = current_database()),
        (select md5(string_agg(m::text, ',' order by m::text)) from schema_migrations m)
    ]
"""
OTHERS_END = """
    select pg_terminate_backend(pid, 10000) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()
"""
TABLES = """
    select c.oid::regclass::text from pg_class c
    where relkind = 'r' and relnamespace = 'public'::regnamespace and relname <> 'schema_migrations'
"""


class RecycledDatabases:
    """The databases of the PostgreSQL whose sockets are in a folder.

    Each has a connection that stays, for a new one costs PostgreSQL a process, and that one its catalogs.
    """

    def __init__(self, sockets: Path) -> None:
        self._sockets = sockets
        self._runner = asyncio.Runner()  # of the connections: they belong to its event loop
        self._connections: dict[str, Connection] = {}
        self._numbers = count(1)
        self._free: list[str] = []
        self._emptying = ""
        self._fingerprint: list[str | None] = []

    @contextmanager
    def one(self) -> Iterator[str]:
        """The URL of a database that nobody else has as long as the block lasts."""
        name = self._free.pop() if self._free else self._made()
        yield embedded.database_url(self._sockets, name)
        if self._runner.run(self._emptied(name)):
            self._free.append(name)
        else:
            self._runner.run(self._disconnect(name))
            execute(self._sockets, f"drop database {name} with (force)")

    def close(self) -> None:
        """Closes the connections."""
        for name in [*self._connections]:
            self._runner.run(self._disconnect(name))
        self._runner.close()

    def _made(self) -> str:
        name = f"recycled_{next(self._numbers)}"
        execute(self._sockets, f"create database {name} template {TEMPLATE} strategy file_copy")
        if not self._emptying:
            self._runner.run(self._learn(name))
        return name

    async def _connection(self, name: str) -> Connection:
        connection = self._connections.get(name)
        if connection is None or connection.is_closed():
            connection = await asyncpg.connect(embedded.database_url(self._sockets, name))
            self._connections[name] = connection
        return connection

    async def _disconnect(self, name: str) -> None:
        connection = self._connections.pop(name, None)
        if connection is not None:
            connection.terminate()

    async def _learn(self, name: str) -> None:
        """See what a database has that no test has had, and how to bring it there again."""
        connection = await self._connection(name)
        self._fingerprint = await connection.fetchval(FINGERPRINT)
        # No trigger and no reference is looked at, so that the order of tables does not matter.
        statements = ["set session_replication_role = replica"]
        for (table,) in await connection.fetch(TABLES):
            statements.append(f"delete from {table}")
            rows = await connection.fetchval(f"select json_agg(t)::text from {table} t")
            if rows:
                quoted = rows.replace("'", "''")
                statements.append(
                    f"insert into {table} select * from json_populate_recordset(null::{table}, '{quoted}')"
                )
        self._emptying = "; ".join(statements)

    async def _emptied(self, name: str) -> bool:
        """Whether it is as new again; not where its schema is another one, or where it does not exist any more."""
        try:
            return await self._empty(await self._connection(name))
        except asyncpg.InvalidCatalogNameError:
            return False
        except ENDED:  # by what the test did to its database
            return await self._empty(await self._connection(name))

    async def _empty(self, connection: Connection) -> bool:
        if await connection.fetchval(FINGERPRINT) != self._fingerprint:
            return False
        await connection.execute(OTHERS_END)
        await connection.execute(self._emptying)
        return True
