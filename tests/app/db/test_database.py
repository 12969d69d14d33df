"""The traps of the database layer, closed: cancellation, time, exhaustion, and migrations."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import asyncpg
import pytest

from app.core.errors import as_refusal
from app.db.database import Database
from app.db.errors import DatabaseRefused, DatabaseUnavailable, MigrationError
from app.db.migrations import migrate, read_migrations, schema_path
from app.db.queries import Queries
from app.db.rows import Row
from scripts.proxy import Mode, Proxy
from tests.support.waiting import until

FIRST = "-- migration 1: one\ncreate table one (n integer);\n"
SSL_REQUEST = bytes.fromhex("0000000804d2162f")
SECOND = "-- migration 2: two\ncreate table two (n integer);\ninsert into two values (2);\n"


class NoteRow(Row, frozen=True):
    n: int


class BothRow(Row, frozen=True):
    both: str
    rest: int


class PairRow(Row, frozen=True):
    first: int
    note: NoteRow | None
    last: int


@pytest.fixture
async def small(empty_database_url: str) -> AsyncIterator[Database]:
    """A pool with two slots and little patience, though more than a busy machine takes to connect."""
    database = Database(empty_database_url, pool_size=3, command_timeout=2, acquire_timeout=1)
    await database.connect()
    await database.value("create table notes (n integer primary key)")
    yield database
    await database.close()


async def count(db: Database) -> int:
    found: int = await db.value("select count(*) from notes")
    return found


# Migrations


async def test_blocks_are_applied_once_and_in_order(empty_database_url: str) -> None:
    assert await migrate(empty_database_url, FIRST) == [1]
    assert await migrate(empty_database_url, FIRST + SECOND) == [2]
    assert await migrate(empty_database_url, FIRST + SECOND) == []


async def test_instances_that_migrate_at_once_take_turns(empty_database_url: str) -> None:
    results = await asyncio.gather(*(migrate(empty_database_url, FIRST + SECOND) for _ in range(5)))
    assert sorted(number for numbers in results for number in numbers) == [1, 2]


async def test_a_block_that_was_applied_may_not_change(empty_database_url: str) -> None:
    await migrate(empty_database_url, FIRST)
    with pytest.raises(MigrationError, match=r"migration 1 \(one\) was applied with another text"):
        await migrate(empty_database_url, FIRST.replace("integer", "bigint"))


async def test_blanks_at_the_ends_of_lines_are_no_change(empty_database_url: str) -> None:
    await migrate(empty_database_url, FIRST)
    assert await migrate(empty_database_url, FIRST.replace(";", ";  ") + "\n\n") == []


async def test_a_block_that_fails_leaves_nothing_behind(empty_database_url: str) -> None:
    broken = SECOND + "select nonsense;\n"
    with pytest.raises(MigrationError, match=r'migration 2 \(two\) failed: column "nonsense" does not exist'):
        await migrate(empty_database_url, FIRST + broken)
    assert await migrate(empty_database_url, FIRST + SECOND) == [2]


@pytest.mark.parametrize("schema", [SECOND, FIRST + FIRST, FIRST + SECOND.replace("2:", "3:")])
def test_blocks_are_numbered_without_a_gap(schema: str) -> None:
    with pytest.raises(MigrationError, match="numbered"):
        read_migrations(schema)


def test_the_schema_of_the_project_has_blocks() -> None:
    assert len(read_migrations(schema_path().read_text("utf-8"))) >= 3


async def test_migrating_without_a_server_says_so(tmp_path: object) -> None:
    with pytest.raises(DatabaseUnavailable, match="cannot connect"):
        await migrate(f"postgresql://user:@/db?host={tmp_path}", FIRST)


async def test_a_server_that_refuses_us_says_so(empty_database_url: str) -> None:
    refusing = empty_database_url.replace("parley:@", "stranger:@")
    with pytest.raises(MigrationError, match=r"cannot bring the schema up to date: .* authentication failed"):
        await migrate(refusing, FIRST)


@pytest.mark.parametrize("option", ["sslmode", "ssl"])
async def test_a_connection_that_must_be_encrypted_does_not_go_on_in_the_clear(option: str) -> None:
    heard: asyncio.Queue[tuple[bytes, bytes]] = asyncio.Queue()

    async def refuse_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readexactly(8)
        writer.write(b"N")
        heard.put_nowait((asked, await reader.read()))
        writer.close()

    server = await asyncio.start_server(refuse_tls, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        url = f"postgresql://me:secret@127.0.0.1:{port}/db?{option}=require"
        with pytest.raises(DatabaseUnavailable, match="rejected SSL upgrade"):
            await migrate(url, FIRST)
        with pytest.raises(DatabaseUnavailable, match="rejected SSL upgrade"):
            await Database(url).connect()
        assert [await heard.get() for _ in range(2)] == [(SSL_REQUEST, b"")] * 2


async def test_an_sslmode_that_is_none_is_told(tmp_path: object) -> None:
    with pytest.raises(ValueError, match="sslmode in it must be one of disable, "):
        await migrate(f"postgresql://user:@/db?host={tmp_path}&sslmode=maybe", FIRST)


# Queries and transactions


async def test_values_and_rows(small: Database) -> None:
    await small.value("insert into notes select generate_series(1, 3)")
    least = "select n from notes where n >= :least order by n"
    assert await small.rows(NoteRow, least, least=2) == [NoteRow(2), NoteRow(3)]
    assert await small.column(int, least, least=2) == [2, 3]
    assert await small.row(NoteRow, least, least=2) == NoteRow(2)
    assert await small.row(NoteRow, least, least=4) is None
    assert await small.value("select cast(:data as jsonb)", data={"a": [1, None]}) == {"a": [1, None]}


async def test_a_name_may_stand_at_several_places_and_casts_are_none(small: Database) -> None:
    sql = "select cast(:b as text) || :a || :b as both, '5'::int % 3 as rest"
    assert await small.row(BothRow, sql, a="a", b="b") == BothRow("bab", 2)
    with pytest.raises(KeyError, match="b"):
        await small.value(sql, a="a")


@pytest.mark.parametrize("columns", ["2 as rest, 'a' as both", "'a' as both", "'a' as one, 2 as rest"])
async def test_a_row_takes_no_other_columns_than_its_own(small: Database, columns: str) -> None:
    with pytest.raises(TypeError, match=r"BothRow has the columns \('both', 'rest'\)"):
        await small.row(BothRow, f"select {columns}")
    with pytest.raises(TypeError, match="BothRow"):
        await small.rows(BothRow, f"select {columns}")


async def test_a_row_has_the_row_of_another_table_where_one_was_joined(small: Database) -> None:
    await small.value("insert into notes values (2)")
    joined = (
        "select first, n, first + 1 as last from generate_series(1, 2) first left join notes on n = first"
    )
    assert await small.rows(PairRow, joined) == [PairRow(1, None, 2), PairRow(2, NoteRow(2), 3)]


async def test_a_transaction_that_raises_is_rolled_back(small: Database) -> None:
    async def work(q: Queries) -> None:
        await q.value("insert into notes values (1)")
        raise LookupError("no")

    with pytest.raises(LookupError):
        await small.transaction(work)
    assert await count(small) == 0


async def test_a_transaction_whose_caller_is_cancelled_ends_and_gives_its_connection_back(
    small: Database,
) -> None:
    for number in range(6):  # three times as many as there are slots
        started = asyncio.Event()

        async def work(q: Queries, number: int = number, started: asyncio.Event = started) -> None:
            await q.value("insert into notes values (:n)", n=number)
            started.set()
            await asyncio.sleep(0.01)

        caller = asyncio.create_task(small.transaction(work))
        await started.wait()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
    await small.close()
    await small.connect()
    assert await count(small) == 6


@pytest.mark.parametrize("text", ["\udc80", "a\0b", "("])
async def test_a_value_that_postgresql_does_not_take_is_no_fault_of_the_server(
    small: Database, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    with pytest.raises(DatabaseRefused):
        await small.value("select 'a' ~ cast(:text as text)", text=text)
    assert await count(small) == 0
    assert "PostgreSQL does not take a value" in caplog.text
    refusal = as_refusal(DatabaseRefused("DataError"))
    assert refusal is not None
    assert refusal.reason == "invalid"


async def test_a_transaction_that_hangs_gives_back_what_it_holds(
    small: Database, empty_database_url: str
) -> None:
    hanging, patient = Database(empty_database_url, idle_timeout=0.1), Database(empty_database_url)
    for database in (hanging, patient):
        await database.connect()
    await small.value("insert into notes values (1)")

    async def change(q: Queries) -> None:
        await q.value("update notes set n = n + 1")

    hangs = False

    async def hang(q: Queries) -> None:
        nonlocal hangs
        await change(q)
        hangs = True
        await patient.transaction(change)  # which waits for what is held here

    while not hangs:  # on a busy machine a transaction may be idle for so long before it does anything
        with pytest.raises(DatabaseUnavailable):
            await hanging.transaction(hang)
    assert await small.value("select n from notes") == 2
    await hanging.transaction(change)
    assert await small.value("select n from notes") == 3
    for database in (hanging, patient):
        await database.close()


async def test_an_anyio_timeout_around_a_query_poisons_nothing(small: Database) -> None:
    for _ in range(6):
        with anyio.move_on_after(0.01):
            await small.value("select pg_sleep(0.05)")
        assert await small.value("select 1") == 1


async def test_who_finds_no_free_slot_is_told_so(small: Database) -> None:
    sleepers = [asyncio.create_task(small.value("select pg_sleep(1.5)")) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(DatabaseUnavailable, match="became free"):
        await small.value("select 1")
    await asyncio.gather(*sleepers)
    assert await small.value("select 1") == 1


async def test_a_statement_that_takes_too_long_is_ended(small: Database) -> None:
    with pytest.raises(DatabaseUnavailable):
        await small.value("select pg_sleep(30)")
    assert await small.value("select 1") == 1


async def test_a_lost_connection_is_unavailable_and_the_next_one_works(small: Database) -> None:
    async def work(q: Queries) -> None:
        await q.value("insert into notes values (1)")
        await q.value("select pg_terminate_backend(pg_backend_pid())")

    for _ in range(4):  # more often than there are connections: none leaks
        with pytest.raises(DatabaseUnavailable):
            await small.transaction(work)
    assert await count(small) == 0


async def test_connections_that_the_network_has_forgotten_are_replaced(
    small: Database, empty_database_url: str, postgres_sockets: Path
) -> None:
    name = empty_database_url.partition("?")[0].rpartition("/")[2]
    proxy = Proxy([postgres_sockets / ".s.PGSQL.5432"])
    await proxy.start()
    database = Database(f"postgresql://parley:@127.0.0.1:{proxy.port}/{name}", pool_size=6, command_timeout=1)
    await database.connect()

    async def insert(q: Queries) -> None:
        await q.value("insert into notes select count(*) from notes")

    for turn in (1, 2, 3):
        await asyncio.gather(*(database.value("select pg_sleep(0.1)") for _ in range(5)))
        assert proxy.links == 5 * turn  # it still holds the forgotten ones
        proxy.abandon()
        with pytest.raises(DatabaseUnavailable):
            await database.transaction(insert)
        await database.transaction(insert)  # not over one of the four others
    assert await count(small) == 3
    proxy.abandon()
    with pytest.raises(DatabaseUnavailable):
        await database.ping()
    await database.ping()
    await database.close()
    await proxy.stop()


async def test_a_commit_whose_answer_is_lost_is_counted_and_another_failure_is_not(
    small: Database, empty_database_url: str, postgres_sockets: Path
) -> None:
    name = empty_database_url.partition("?")[0].rpartition("/")[2]
    proxy = Proxy([postgres_sockets / ".s.PGSQL.5432"])
    await proxy.start()
    database = Database(f"postgresql://parley:@127.0.0.1:{proxy.port}/{name}", pool_size=3, command_timeout=1)
    await database.connect()

    async def fail(q: Queries) -> None:
        await q.value("insert into notes values (1)")
        proxy.cut()
        await q.value("insert into notes values (2)")

    async def lose(q: Queries) -> None:
        await q.value("insert into notes values (3)")
        proxy.stall(Mode.STALL_TO_CLIENT)

    with pytest.raises(DatabaseUnavailable):
        await database.transaction(fail)
    assert (await count(small), database.uncertain_commits) == (0, 0)
    with pytest.raises(DatabaseUnavailable):
        await database.transaction(lose)
    assert (await count(small), database.uncertain_commits) == (1, 1)
    await proxy.resume()
    await database.close()
    await proxy.stop()


async def test_a_statement_of_which_half_has_come_does_not_hold_its_locks_for_ever(
    small: Database, empty_database_url: str, postgres_sockets: Path
) -> None:
    """The driver has a new statement parsed, and sends its values when that is answered. A network that forgets the
    connection in between leaves PostgreSQL with an active statement, in a transaction that nobody will end."""
    name = empty_database_url.partition("?")[0].rpartition("/")[2]
    proxy = Proxy([postgres_sockets / ".s.PGSQL.5432"])
    await proxy.start()
    database = Database(
        f"postgresql://parley:@127.0.0.1:{proxy.port}/{name}", pool_size=3, command_timeout=1, idle_timeout=3
    )
    await database.connect()
    await small.value("insert into notes values (1)")

    async def hang(q: Queries) -> None:
        await q.value("select n from notes where n = 1 for update")
        proxy.stall(Mode.STALL_TO_CLIENT)
        await q.value("select 1 as half")

    hanging = asyncio.create_task(database.transaction(hang))
    halves = (
        "select count(*) from pg_stat_activity where query like '% as half' and wait_event = 'ClientRead'"
    )
    await until(lambda: small.value(halves))
    proxy.abandon()
    with pytest.raises(DatabaseUnavailable):
        await hanging

    async def is_free() -> bool:
        return bool(await small.column(int, "select n from notes where n = 1 for update skip locked"))

    await until(is_free)
    await proxy.resume()
    await database.close()
    await proxy.stop()


async def test_no_server_is_unavailable(tmp_path: object) -> None:
    with pytest.raises(DatabaseUnavailable):
        await Database(f"postgresql://user:@/db?host={tmp_path}").connect()


async def test_accounts_that_look_alike_are_kept_and_the_oldest_has_the_skeleton(
    empty_database_url: str,
) -> None:
    schema = schema_path().read_text("utf-8")
    before = schema[
        : next(re.finditer(r"^-- migration \d+: usernames that look alike", schema, re.MULTILINE)).start()
    ]
    await migrate(empty_database_url, before)
    names = ["paypa1", "paypal", "PAYPAI", "bob"]
    async with asyncpg.create_pool(empty_database_url, min_size=1, max_size=1) as pool:
        for number, name in enumerate(names):
            await pool.execute(
                "insert into users (id, username, credential, created_at)"
                " values ($1, $1, '-', now() - make_interval(days => $2))",
                name,
                number,
            )
        await migrate(empty_database_url)
        rows = await pool.fetch("select username, skeleton from users")
    assert {row["username"]: row["skeleton"] for row in rows} == {
        "PAYPAI": "paypal",
        "paypal": None,
        "paypa1": None,
        "bob": "bob",
    }
