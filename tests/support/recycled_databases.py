"""Databases that have the schema and no rows, each for one test after the other.

To make a database and drop it costs PostgreSQL more than most tests do (it copies and removes 300 files): what a test
leaves in one is deleted instead, and the next test gets it. A database whose schema a test has changed is dropped.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import asyncpg

from app import embedded
from tests.support.postgres_servers import TEMPLATE, execute

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
    """The databases of the PostgreSQL whose sockets are in a folder."""

    def __init__(self, sockets: Path) -> None:
        self._sockets = sockets
        self._numbers = count(1)
        self._free: list[str] = []
        self._emptying = ""
        self._fingerprint: list[str | None] = []

    @contextmanager
    def one(self) -> Iterator[str]:
        """The URL of a database that nobody else has as long as the block lasts."""
        name = self._free.pop() if self._free else self._made()
        yield embedded.database_url(self._sockets, name)
        if asyncio.run(self._emptied(name)):
            self._free.append(name)
        else:
            execute(self._sockets, f"drop database {name} with (force)")

    def _made(self) -> str:
        name = f"recycled_{next(self._numbers)}"
        execute(self._sockets, f"create database {name} template {TEMPLATE} strategy file_copy")
        if not self._emptying:
            asyncio.run(self._learn(name))
        return name

    async def _learn(self, name: str) -> None:
        """See what a database has that no test has had, and how to bring it there again."""
        connection = await asyncpg.connect(embedded.database_url(self._sockets, name))
        try:
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
        finally:
            await connection.close()

    async def _emptied(self, name: str) -> bool:
        """Whether it is as new again; not where its schema is another one, or where it does not exist any more."""
        try:
            connection = await asyncpg.connect(embedded.database_url(self._sockets, name))
        except asyncpg.InvalidCatalogNameError:
            return False
        try:
            if await connection.fetchval(FINGERPRINT) != self._fingerprint:
                return False
            await connection.execute(OTHERS_END)
            await connection.execute(self._emptying)
        finally:
            await connection.close()
        return True
