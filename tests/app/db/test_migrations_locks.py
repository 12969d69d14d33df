"""Migrations on tables that instances of the version before use meanwhile: nobody waits for long, nobody is refused."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.db import migrations
from app.db.errors import DatabaseUnavailable, MigrationError
from app.db.migrations import migrate
from scripts.proxy import Proxy
from tests.support.postgres_servers import connected
from tests.support.waiting import until

BEFORE = "-- migration 1: before\ncreate table one (n integer);\ncreate table two (n integer);\n"
AFTER = BEFORE + "-- migration 2: after\nalter table one add m integer;\nalter table two add m integer;\n"
SLEEPS = "select pg_sleep(1);\nalter table two"
SLEEPING = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"
WAITS = "migration 2 (after) waits for locks that others hold"


@pytest.fixture
async def url(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Of a database that has the schema before."""
    monkeypatch.setattr(migrations, "PAUSES", (0.1,) * 50)
    await migrate(empty_database_url, BEFORE)
    return empty_database_url


@pytest.fixture
async def member(url: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """A connection of an instance of the version before."""
    async with connected(url) as connection:
        yield connection


async def test_a_block_waits_for_a_lock_and_holds_up_nobody(
    url: str, member: "asyncpg.Connection[Any]", caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(url) as forgotten:
        transaction = forgotten.transaction()
        await transaction.start()
        await forgotten.execute("insert into one values (1)")
        migrating = asyncio.create_task(migrate(url, AFTER))
        await until(lambda: caplog.text.count(WAITS) >= 2)
        assert f"process {forgotten.get_server_pid()} (" in caplog.text
        assert await member.fetchval("select count(*) from one") == 0
        assert not migrating.done()
        await transaction.commit()
        assert await migrating == [2]
    assert await member.fetchval("select count(m) from one") == 0


async def test_a_member_who_and_a_block_wait_for_each_other_is_not_refused(
    url: str, member: "asyncpg.Connection[Any]", caplog: pytest.LogCaptureFixture
) -> None:
    async with member.transaction():
        await member.execute("insert into two values (1)")
        migrating = asyncio.create_task(migrate(url, AFTER))
        await until(lambda: WAITS in caplog.text)
        for number in range(5):  # PostgreSQL would end one of both after a second
            await member.execute("insert into one values ($1)", number)
            await asyncio.sleep(0.3)
    assert await migrating == [2]
    assert await member.fetchval("select count(*) from one") == 5


async def test_a_lock_that_nobody_gives_back_is_named(
    url: str, member: "asyncpg.Connection[Any]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "PAUSES", (0.01,))
    async with member.transaction():
        await member.execute("lock table two in access share mode")
        told = rf"migration 2 \(after\) did not get its locks: process {member.get_server_pid()} \(.*\) is in a trans"
        with pytest.raises(MigrationError, match=told):
            await migrate(url, AFTER)
    assert await migrate(url, AFTER) == [2]


async def test_an_instance_that_is_heard_no_more_keeps_no_locks(
    url: str, member: "asyncpg.Connection[Any]", postgres_sockets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "IDLE_TIMEOUT", 200)  # ms
    proxy = Proxy([postgres_sockets / ".s.PGSQL.5432"])
    await proxy.start()
    way = url.partition("?")[0].replace("@", f"@127.0.0.1:{proxy.port}")
    migrating = asyncio.create_task(migrate(way, AFTER.replace("alter table two", SLEEPS)))
    await until(lambda: member.fetchval(SLEEPING))
    proxy.abandon()
    await member.execute("insert into one values (1)")
    await proxy.stop()
    with pytest.raises(DatabaseUnavailable):
        await migrating
    assert await migrate(url, AFTER) == [2]
