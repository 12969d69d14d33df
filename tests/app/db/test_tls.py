"""TLS to PostgreSQL: what a URL asks for is kept, in migrating and in serving."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.db.database import Database
from app.db.errors import DatabaseUnavailable
from app.db.migrations import migrate
from tests.support.chat.people import PASSWORD, Start
from tests.support.tls import TlsDoor, make_certificate, tls_door


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That of the server, for localhost alone."""
    return make_certificate(tmp_path_factory.mktemp("tls") / "server.pem")


@pytest.fixture(scope="module")
def another(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that the server has nothing to do with."""
    return make_certificate(tmp_path_factory.mktemp("tls") / "another.pem")


@pytest.fixture
def door(postgres_sockets: Path, certificate: Path) -> Iterator[TlsDoor]:
    with tls_door(postgres_sockets / ".s.PGSQL.5432", certificate) as door:
        yield door


def through(door: TlsDoor, url: str, options: str, host: str = "localhost") -> str:
    """The URL of a database, through a door."""
    return f"{url.partition('?')[0].replace('@', f'@{host}:{door.port}')}?{options}"


@pytest.mark.parametrize(
    ("options", "encrypted"),
    [
        ("sslmode=require", True),
        ("ssl=require", True),
        ("sslmode=require&sslrootcert={root}", True),
        ("sslmode=verify-full&sslrootcert={root}", True),
        ("sslmode=prefer", True),
        ("", True),
        ("sslmode=disable", False),
    ],
)
async def test_what_a_url_asks_for(
    door: TlsDoor, database_url: str, certificate: Path, options: str, encrypted: bool
) -> None:
    database = Database(through(door, database_url, options.format(root=certificate)))
    await database.connect()
    assert await database.value("select 1") == 1
    await database.close()
    assert set(door.encrypted) == {encrypted}


@pytest.mark.parametrize(
    ("options", "host"),
    [
        ("sslmode=verify-full&sslrootcert=system", "localhost"),
        ("sslmode=verify-full&sslrootcert={another}", "localhost"),
        ("sslmode=verify-ca&sslrootcert={another}", "localhost"),
        ("sslmode=require&sslrootcert={another}", "localhost"),
        ("sslmode=verify-full&sslrootcert={root}", "127.0.0.1"),
    ],
)
async def test_a_server_that_is_not_the_one_is_refused(
    door: TlsDoor, database_url: str, certificate: Path, another: Path, options: str, host: str
) -> None:
    url = through(door, database_url, options.format(another=another, root=certificate), host)
    with pytest.raises(DatabaseUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        await migrate(url)
    with pytest.raises(DatabaseUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        await Database(url).connect()


async def test_the_name_of_the_host_is_looked_at_by_verify_full_alone(
    door: TlsDoor, database_url: str, certificate: Path
) -> None:
    options = f"sslmode=verify-ca&sslrootcert={certificate}"
    database = Database(through(door, database_url, options, "127.0.0.1"))
    await database.connect()
    await database.close()


async def test_a_certificate_of_one_s_own_is_shown(
    postgres_sockets: Path, database_url: str, certificate: Path, another: Path
) -> None:
    with tls_door(postgres_sockets / ".s.PGSQL.5432", certificate, trusted=another) as door:
        url = through(door, database_url, f"sslmode=verify-full&sslrootcert={certificate}")
        with pytest.raises(DatabaseUnavailable):
            await Database(url).connect()
        database = Database(f"{url}&sslcert={another}")
        await database.connect()
        await database.close()


async def test_migrating_and_serving(
    door: TlsDoor, empty_database_url: str, certificate: Path, start: Start
) -> None:
    url = through(door, empty_database_url, f"sslmode=verify-full&sslrootcert={certificate}")
    assert await migrate(url)
    instance = await start(database_url=url)
    async with httpx.AsyncClient(base_url=instance.url, trust_env=False) as client:
        account = {"username": "ann", "credential": PASSWORD}
        assert (await client.post("/auth/sign-up", json=account)).status_code == 201
        assert (await client.get("/health/ready")).json()["checks"]["postgresql"] == "ok"
    assert set(door.encrypted) == {True}
