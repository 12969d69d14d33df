"""PgBouncer between the chat and PostgreSQL, in session and in transaction mode."""

import asyncio
import shutil
import socket
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from pathlib import Path

import asyncpg
import httpx
import pytest

from app.db.database import Database
from app.db.errors import DatabaseUnavailable
from app.db.migrations import migrate
from app.db.queries import Queries
from app.embedded.child_process import running
from app.embedded.postgres import STOP_SIGNAL, choose_account, running_postgres
from tests.support.chat import descriptions as described
from tests.support.chat.people import PASSWORD, Instance
from tests.support.postgres_servers import FORGETFUL

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")

pytestmark = [
    pytest.mark.begins_early,
    pytest.mark.skipif(PGBOUNCER is None, reason="needs PgBouncer: apt-get install pgbouncer"),
]

Start = Callable[..., Awaitable[Instance]]

CONFIGURATION = """\
[databases]
* = host={sockets} user=parley
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
"""

names = count(1)


@pytest.fixture(scope="module")
def trusting_postgres(servers_folder: Path) -> Iterator[Path]:
    """The folder of the socket of a PostgreSQL that trusts all who can enter that: PgBouncer runs as another user."""
    rules = servers_folder / "trust.conf"
    rules.write_text("local all all trust\n")
    rules.chmod(0o644)
    with running_postgres(
        servers_folder / "pooled", settings={**FORGETFUL, "hba_file": str(rules)}
    ) as sockets:
        yield sockets


@pytest.fixture(params=["session", "transaction", "transaction-of-one"])
def pooler_url(
    request: pytest.FixtureRequest, trusting_postgres: Path, servers_folder: Path, free_port: int
) -> Iterator[str]:
    """The URL of an empty database behind a PgBouncer; the last one shares a single connection among all."""
    mode, _, one = str(request.param).partition("-")
    folder = servers_folder / f"pgbouncer-{free_port}"
    folder.mkdir(mode=0o755)
    file = folder / "pgbouncer.ini"
    size = 1 if one else 20
    file.write_text(CONFIGURATION.format(sockets=trusting_postgres, port=free_port, mode=mode, size=size))
    file.chmod(0o644)
    name = f"pooled_{next(names)}"
    asyncio.run(execute(trusting_postgres, f"create database {name}"))
    assert PGBOUNCER is not None
    with running(
        "PgBouncer",
        [PGBOUNCER, file],
        ready=lambda _: listens(free_port),
        log_file=folder / "log",
        stop_signal=STOP_SIGNAL,
        account=choose_account(servers_folder / "pooled"),
    ):
        yield f"postgresql://parley:@127.0.0.1:{free_port}/{name}"


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def execute(sockets: Path, statement: str) -> None:
    connection = await asyncpg.connect(host=str(sockets), user="parley", database="parley")
    await connection.execute(statement)
    await connection.close()


async def test_the_chat_works_through_it(pooler_url: str, start: Start) -> None:
    await migrate(pooler_url)
    assert await migrate(pooler_url) == []
    instance = await start(database_url=pooler_url)
    async with described.client(instance.url) as http:
        body = {"username": "ann", "credential": PASSWORD}
        token = (await http.post("/auth/sign-up", json=body)).json()["token"]
        http.headers["authorization"] = f"Bearer {token}"
        room = (await http.post("/chat/rooms", json={"name": "pooled"})).json()["id"]

        async def say(number: int) -> httpx.Response:
            message = {"content": str(number), "metadata": {"number": [number]}}
            return await http.post(f"/chat/rooms/{room}/messages", json=message)

        answers = await asyncio.gather(*(say(number) for number in range(60)))
        assert {answer.status_code for answer in answers} == {201}
        history = (await http.get(f"/chat/rooms/{room}/messages?limit=100")).json()
        assert sorted(message["metadata"]["number"][0] for message in history) == list(range(60))
        assert (await http.get("/health/ready")).status_code == 200


async def test_each_transaction_has_its_limit_and_the_session_keeps_nothing(pooler_url: str) -> None:
    """Several pools run the same statements at once, over whatever connections PgBouncer gives them."""
    databases = [Database(pooler_url, pool_size=3, idle_timeout=7) for _ in range(2)]
    for database in databases:
        await database.connect()

    async def limit(queries: Queries) -> object:
        await queries.value("select cast(:n as integer)", n=1)
        return await queries.value("show idle_in_transaction_session_timeout")

    for _ in range(5):
        for run in ("transaction", "snapshot"):
            work = [getattr(database, run)(limit) for database in databases for _ in range(2)]
            assert set(await asyncio.gather(*work)) == {"7s"}
        for database in databases:
            assert await database.value("select count(*) from pg_prepared_statements where name <> ''") == 0
            assert await database.value("show idle_in_transaction_session_timeout") == "0"
            assert await database.value("show timezone") == "UTC"
    for database in databases:
        await database.close()


async def test_a_transaction_that_does_nothing_ends(pooler_url: str) -> None:
    database = Database(pooler_url, idle_timeout=0.2)
    await database.connect()

    async def hang(queries: Queries) -> None:
        await queries.value("select 1")
        await asyncio.sleep(1)
        await queries.value("select 1")

    with pytest.raises(DatabaseUnavailable):
        await database.transaction(hang)
    await database.ping()
    await database.close()


async def test_without_a_pooler_statements_stay_prepared(database_url: str) -> None:
    database = Database(database_url, pool_size=2, idle_timeout=7)
    await database.connect()
    await database.value("select 1")
    assert await database.value("select count(*) from pg_prepared_statements") > 0
    assert await database.value("show idle_in_transaction_session_timeout") == "7s"
    await database.close()
