"""What all tests share: the event loop they run on, and real servers to run against.

A test that takes `database_url` has a migrated database to itself, one that takes `redis_url` an empty Valkey.
"""

import asyncio
import gc
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count, islice
from pathlib import Path
from zlib import crc32

import argon2
import hypothesis
import pytest
import redis

from app import embedded
from app.accounts import auth
from app.config.settings import Settings
from app.embedded.postgres import running_postgres
from app.embedded.valkey import running_valkey
from tests.support.ports import find_free_port
from tests.support.postgres_servers import FORGETFUL, TEMPLATE, execute
from tests.support.recycled_databases import RecycledDatabases
from tests.support.redis_servers import (
    WITHOUT_FILE,
    Cluster,
    RedisServer,
    RestartableValkey,
    Watched,
    running_cluster,
    running_watched,
)
from tests.support.tries import tries

PAGE = Path(__file__).parent / "app" / "page"

# Limits that no test reaches unless it means to; they are kept all the same, as in earnest.
UNHURRIED = {
    "event_rate": 1_000_000,
    "event_burst": 1_000_000,
    "address_rate": 1_000_000,
    "address_burst": 1_000_000,
    "sign_in_rate": 1_000_000,
    "sign_in_rate_of_name": 1_000_000,
    "sign_up_rate": 1_000_000,
    "conversation_rate": 1_000_000,
    "room_rate": 1_000_000,
    "invitation_rate": 1_000_000,
    "group_mention_rate": 1_000_000,
    "upload_rate": 1_000_000,
}

# On a busy machine an example may take any time, and how many of the first ones lead nowhere is chance.
LUCK = [hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.filter_too_much]
hypothesis.settings.register_profile(
    "patient", max_examples=tries(100), deadline=None, suppress_health_check=LUCK
)
hypothesis.settings.load_profile("patient")

numbers = count(1)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with tests that take long and wait most of it (marked) begin first, with those that need a browser,
    which do not wait: all processes have some of both at any time, and at the end none waits for another. A file stays
    whole, since its tests may share what they run against. What is marked as `before_others` would be the end of all if
    it came later.

    pytest-xdist gives each process a part of the list, one after the other, and the end of a part to who is done.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long = {
        item.path
        for item in items
        if item.get_closest_marker("begins_early") is not None or item.path.parent == PAGE
    }
    first = {item.path for item in items if item.get_closest_marker("before_others") is not None}
    others = iter([item for item in items if item.path not in long])
    in_order = sorted(long, key=lambda path: (path not in first, mixed(path)))
    files = [[item for item in items if item.path == path] for path in in_order]
    ordered: list[pytest.Item] = []
    for number in range(workers):
        part = [item for file in files[number::workers] for item in file]
        size = len(items) * (number + 1) // workers - len(ordered)
        ordered += [*part, *islice(others, max(0, size - len(part)))]
    items[:] = [*ordered, *others]
    gc.freeze()  # what was collected stays to the end: the collector need not look at it again and again


def mixed(path: Path) -> int:
    """An order of files that has nothing to do with their folders, the same in each process."""
    return crc32(path.name.encode())


@pytest.fixture(autouse=True)
def signals_as_they_were() -> Iterator[None]:
    """What a test runs takes signals for itself; the next test has them as this one found them."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        if signal.getsignal(number) is not handler:
            signal.signal(number, handler)


@pytest.fixture(scope="session", autouse=True)
def slow_hasher() -> Iterator[argon2.PasswordHasher]:
    """What hashes passwords: 80 ms of a processor, as it should. Thousands sign up here, with a quick one instead."""
    slow = auth.HASHER
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auth, "HASHER", argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield slow


@pytest.fixture(scope="session")
def servers_folder() -> Iterator[Path]:
    """A folder with a path short enough for sockets, which root's PostgreSQL, run as another user, can pass through."""
    folder = Path(tempfile.mkdtemp(prefix="parley-test-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_sockets(servers_folder: Path) -> Iterator[Path]:
    """The socket's folder of the PostgreSQL of this run, which holds a migrated template database."""
    from app.db.migrations import migrate

    with running_postgres(servers_folder / "postgres", settings=FORGETFUL) as sockets:
        execute(sockets, f"create database {TEMPLATE}")
        asyncio.run(migrate(embedded.database_url(sockets, TEMPLATE)))
        asyncio.run(index(embedded.database_url(sockets, TEMPLATE)))
        yield sockets


async def index(url: str) -> None:
    """Have an instance see that there is nothing from before the index of words, so that not each test's does."""
    from app.db.database import Database
    from app.search_index.indexer import Indexer

    database = Database(url)
    await database.connect()
    await Indexer(database).look()
    await database.close()


@pytest.fixture(scope="session")
def databases(postgres_sockets: Path) -> Iterator[RecycledDatabases]:
    databases = RecycledDatabases(postgres_sockets)
    yield databases
    databases.close()


def in_one_chat(request: pytest.FixtureRequest) -> bool:
    """Whether the test shares the chat of its module."""
    marks = {mark.name for mark in request.node.iter_markers()}
    return "one_chat" in marks and "own_chat" not in marks


@pytest.fixture
def database_url(request: pytest.FixtureRequest, databases: RecycledDatabases) -> Iterator[str]:
    """The URL of a database that has the schema and no rows; where the test is in `one_chat`, that one's."""
    if in_one_chat(request):
        yield request.getfixturevalue("lasting_database_url")
        return
    with databases.one() as url:
        yield url


@pytest.fixture
def empty_database_url(postgres_sockets: Path) -> Iterator[str]:
    """The URL of a database without the schema."""
    with new_database(postgres_sockets) as url:
        yield url


@pytest.fixture(scope="module")
def lasting_database_url(databases: RecycledDatabases) -> Iterator[str]:
    """The URL of a database that has the schema, which the tests of a module share."""
    with databases.one() as url:
        yield url


@contextmanager
def new_database(postgres_sockets: Path) -> Iterator[str]:
    """The URL of a new database without the schema, which exists as long as the block lasts."""
    name = f"test_{next(numbers)}"
    execute(postgres_sockets, f"create database {name}")
    yield embedded.database_url(postgres_sockets, name)
    execute(postgres_sockets, f"drop database {name} with (force)")


@pytest.fixture(scope="session")
def valkey_sockets(servers_folder: Path) -> Iterator[Path]:
    folder = servers_folder / "valkey"
    with running_valkey(folder, folder, WITHOUT_FILE):
        yield folder


@pytest.fixture
def redis_url(request: pytest.FixtureRequest, valkey_sockets: Path) -> str:
    """The URL of a Valkey that holds nothing yet; where the test is in `one_chat`, that one's."""
    if in_one_chat(request):
        shared: str = request.getfixturevalue("lasting_redis_url")
        return shared
    url = embedded.redis_url(valkey_sockets)
    with redis.Redis.from_url(url) as client:
        client.flushall()
    return url


@pytest.fixture(scope="module")
def lasting_redis_url(servers_folder: Path) -> Iterator[str]:
    """The URL of a Valkey that the tests of a module share: that of `redis_url` is emptied for each of others."""
    server = RestartableValkey(servers_folder / f"valkey-{next(numbers)}", *WITHOUT_FILE)
    server.start()
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def watched_valkey(servers_folder: Path) -> Iterator[Watched]:
    with running_watched(servers_folder / "watched") as watched:
        yield watched


@pytest.fixture
def redis_sentinel_url(watched_valkey: Watched) -> str:
    """The URL of a sentinel whose master holds nothing yet."""
    watched_valkey.master.ask("FLUSHALL")
    return watched_valkey.url


@pytest.fixture(scope="session")
def valkey_cluster(servers_folder: Path) -> Iterator[Cluster]:
    with running_cluster(servers_folder / "cluster") as cluster:
        yield cluster


@pytest.fixture
def redis_cluster_url(valkey_cluster: Cluster) -> str:
    """The URL of a cluster of three nodes that holds nothing yet."""
    valkey_cluster.flush()
    return valkey_cluster.url


@pytest.fixture
def free_port() -> int:
    return find_free_port()


@pytest.fixture
def redis_server(servers_folder: Path) -> Iterator[RedisServer]:
    """Makes Valkeys of the test's own, started."""
    with ExitStack() as stack:

        def make() -> RestartableValkey:
            server = RestartableValkey(servers_folder / f"valkey-{next(numbers)}")
            server.start()
            stack.callback(server.stop)
            return server

        yield make


@pytest.fixture
def settings(request: pytest.FixtureRequest, database_url: str, redis_url: str, tmp_path: Path) -> Settings:
    """Settings of an instance that serves any free port on a database and a Valkey of the test's own; where the test
    is in `one_chat`, that one's."""
    if in_one_chat(request):
        shared: Settings = request.getfixturevalue("settings_of_one_chat")
        return shared
    return settings_of(database_url, redis_url, tmp_path)


@pytest.fixture(scope="module")
def settings_of_one_chat(
    lasting_database_url: str, lasting_redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """Settings of the instances that the tests of a module share."""
    return settings_of(lasting_database_url, lasting_redis_url, tmp_path_factory.mktemp("one-chat"))


def settings_of(database_url: str, redis_url: str, data_dir: Path) -> Settings:
    """Settings of an instance that serves any free port."""
    return Settings(
        port=0,
        database_url=database_url,
        redis_url=redis_url,
        data_dir=data_dir,
        jwt_secret="for-tests-only-" * 3,
        bus=os.environ.get("PARLEY_BUS", "one"),
        **UNHURRIED,
    )
