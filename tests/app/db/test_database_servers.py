"""A primary and a streaming standby: the chat writes to the primary, whichever that is, and refuses where there is
none."""

import asyncio
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest

from app.config.settings import ConfigError, load_settings
from app.db.database import Database
from app.db.errors import DatabaseUnavailable
from app.db.migrations import migrate
from app.db.servers import Server, attributes_of, of_first, servers_of
from app.embedded import database_url as url_of
from app.embedded import postgres as embedded_postgres
from app.embedded.child_process import spawn
from app.embedded.postgres import choose_account, prepare_home, prepare_programs, running_postgres
from tests.support.chat import descriptions as described
from tests.support.chat.people import PASSWORD, Instance

pytestmark = pytest.mark.begins_early

Start = Callable[..., Awaitable[Instance]]

TRUST = "local all all trust\nlocal replication all trust\n"
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "wal_level": "replica"}


class Pair:
    """Two servers; the second follows the first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._settings = FORGETFUL | {
            "hba_file": str(folder / "trust.conf"),
            "wal_receiver_status_interval": "1",
        }
        (folder / "trust.conf").write_text(TRUST)
        (folder / "trust.conf").chmod(0o644)
        self._running: dict[str, ExitStack] = {}
        self.sockets: dict[str, Path] = {}

    def start(self, name: str) -> None:
        with ExitStack() as stack:
            server = running_postgres(self._folder / name, settings=self._settings)
            self.sockets[name] = stack.enter_context(server)
            self._running[name] = stack.pop_all()

    def stop(self, name: str) -> None:
        self._running.pop(name).close()

    def stop_all(self) -> None:
        for name in list(self._running):
            self.stop(name)

    def copy(self, source: str, name: str) -> None:
        """Make a standby of a server that runs."""
        folder = self._folder / name
        account = choose_account(folder)
        home = prepare_home(folder, account)
        programs = prepare_programs(home, account)
        unfinished = home / "copy"
        embedded_postgres.own_folder(unfinished, account)
        place = ["-h", str(self.sockets[source]), "-U", "parley"]
        command = [programs / "pg_basebackup", *place, "-D", unfinished, "-R", "--checkpoint=fast"]
        process = spawn(command, account=account, output=subprocess.PIPE)
        output, _ = process.communicate()
        assert process.returncode == 0, output
        unfinished.rename(home / "data")

    async def execute(self, name: str, statement: str) -> object:
        connection = await asyncpg.connect(url_of(self.sockets[name]))
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    def url(self, *names: str, more: str = "") -> str:
        folders = ",".join(str(self.sockets[name]) for name in names)
        return f"postgresql://parley:@/parley?host={quote(folders)}{more}"


@pytest.fixture
def pair(servers_folder: Path) -> Iterator[Pair]:
    folder = servers_folder / "pair"
    folder.mkdir(mode=0o711)
    pair = Pair(folder)
    try:
        pair.start("one")
        pair.copy("one", "two")
        pair.start("two")
        yield pair
    finally:
        pair.stop_all()
        subprocess.run(["/bin/rm", "-rf", folder], check=True)


async def until_so(answer: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await answer():  # noqa: ASYNC110 - PostgreSQL decides
            await asyncio.sleep(0.05)


async def test_the_chat_refuses_where_nobody_takes_writes_and_moves_to_the_new_primary(
    pair: Pair, start: Start
) -> None:
    url = pair.url("two", "one")
    await migrate(url)
    instance = await start(database_url=url)
    numbers = count(1)
    async with described.client(instance.url) as http:

        async def signs_up(status: int) -> bool:
            body = {"username": f"person-of-pair-{next(numbers)}", "credential": PASSWORD}
            answer = await http.post("/auth/sign-up", json=body)
            assert answer.status_code in (201, 503), answer.text  # and never 500
            return answer.status_code == status

        async def is_ready(status: int) -> bool:
            answer = await http.get("/health/ready")
            assert answer.json()["checks"]["redis"] == "ok"
            return answer.status_code == status

        assert await signs_up(201)
        assert await is_ready(200)
        await pair.execute("one", "alter system set default_transaction_read_only = on")
        await pair.execute("one", "select pg_reload_conf()")
        await until_so(lambda: signs_up(503))
        await until_so(lambda: is_ready(503))
        pair.stop("one")
        assert await signs_up(503)
        assert await is_ready(503)
        await pair.execute("two", "select pg_promote()")
        await until_so(lambda: is_ready(200))
        await until_so(lambda: signs_up(201))


async def test_a_standby_alone_is_unavailable(pair: Pair) -> None:
    for url in (pair.url("two"), pair.url("two", more="&target_session_attrs=any")):
        database = Database(url)
        with pytest.raises(DatabaseUnavailable, match="read-only"):
            await database.connect()
        assert await database.value("select 1") == 1
        with pytest.raises(DatabaseUnavailable):
            await database.value("create table notes (n integer)")
        await database.close()
        with pytest.raises(DatabaseUnavailable, match="read-only"):
            await migrate(url)


async def test_the_primary_is_found_whichever_comes_first_and_after_a_failover(pair: Pair) -> None:
    databases = [
        Database(pair.url("one", "two")),
        Database(pair.url("two", "one", more="&target_session_attrs=read-write")),
        Database(pair.url("two", "one", more="&target_session_attrs=primary")),
    ]
    await migrate(pair.url("two", "one"), "-- migration 1: one\ncreate table notes (n integer);\n")
    for database in databases:
        await database.connect()
        await database.value("insert into notes values (1)")

    async def followed() -> bool:
        lag = "select pg_current_wal_lsn()::text"
        reached = f"select pg_last_wal_replay_lsn() >= '{await pair.execute('one', lag)}'::pg_lsn"
        return await pair.execute("two", reached) is True

    await until_so(followed)
    pair.stop("one")
    for database in databases:
        with pytest.raises(DatabaseUnavailable):
            await database.value("insert into notes values (2)")
    await pair.execute("two", "select pg_promote()")
    for database in databases:

        async def written(database: Database = database) -> bool:
            try:
                await database.value("insert into notes values (2)")
            except DatabaseUnavailable:
                return False
            return True

        await until_so(written)
        await database.ping()
        assert await database.value("select count(*) >= 4 from notes")
        await database.close()


@pytest.mark.parametrize(
    ("url", "servers"),
    [
        ("postgresql://u:p@one/db", [("one", 5432)]),
        ("postgresql://u:p@one:1,two,[::1]:3/db", [("one", 1), ("two", 5432), ("::1", 3)]),
        ("postgresql://u:p@[::1],[::2]:3?sslmode=require", [("::1", 5432), ("::2", 3)]),
        ("postgresql://u:p@/db?host=/a,/b%20c", [("/a", 5432), ("/b c", 5432)]),
        ("postgresql://u:p@/db?host=a,b&port=1,2", [("a", 1), ("b", 2)]),
        ("postgresql://u:p@/db?host=a,b&port=7", [("a", 7), ("b", 7)]),
        ("postgresql:///db", []),
        ("postgresql://u:p@/db", []),
    ],
)
def test_the_servers_of_a_url(url: str, servers: list[tuple[str, int]]) -> None:
    assert servers_of(url) == [Server(*server) for server in servers]
    assert servers_of(of_first(url)) == servers_of(of_first(of_first(url)))
    assert len(servers_of(of_first(url))) <= 1


def test_what_is_chosen_by() -> None:
    assert attributes_of("postgresql://one/db") is None
    assert attributes_of("postgresql://one,two/db") == "read-write"
    assert attributes_of("postgresql://one,two/db?target_session_attrs=any") == "any"
    assert attributes_of("postgresql://one/db?target_session_attrs=primary") == "primary"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (
            "postgresql://u@one,two/db?target_session_attrs=standby",
            "target_session_attrs in it must be one of any, ",
        ),
        ("postgresql://u@/db?host=a,b&port=1,2,3", "it has not as many ports as hosts"),
        ("postgresql://u@one:x,two/db", "a port in it is not a number"),
    ],
)
def test_servers_that_cannot_be_chosen_from(url: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        load_settings({"DATABASE_URL": url})


def test_several_servers_are_a_proper_url() -> None:
    url = "postgresql://u:p@one:5432,two:5433/db?target_session_attrs=read-write"
    assert (
        load_settings({"DATABASE_URL": url, "REDIS_URL": "redis://x", "JWT_SECRET": "x" * 32}).database_url
        == url
    )
