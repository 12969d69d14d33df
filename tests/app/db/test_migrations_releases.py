"""Databases of earlier releases come forward with what is in them, and instances of these go on beside new ones.

`releases/` has a folder for each release whose schema was another one: its schema.sql, the data that an instance of it
wrote while three people used it (`data.sql`), the statements that it ran (`statements.sql`), and what it answered in
the end (`answers.json`). None of these files is ever edited.
"""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.attachments.storage.storage import open_storage
from app.config.settings import Settings
from app.db.errors import MigrationError
from app.db.migrations import EARLIER_TEXTS, Migration, migrate, read_migrations, schema_path
from tests.support.chat.people import Instance
from tests.support.postgres_servers import connected
from tests.support.waiting import until

RELEASES = sorted((Path(__file__).parent / "releases").iterdir())
IDS = [release.name for release in RELEASES]
FILE = b"kept from before\n"
PASSWORD = "correct horse"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT")


async def run(url: str, *files: Path) -> None:
    async with connected(url) as connection:
        for file in files:
            await connection.execute(file.read_text("utf-8"))


async def old_schema(url: str, release: Path) -> None:
    """The database as that release would have made it, without its record of migrations."""
    await run(url, release / "schema.sql")
    async with connected(url) as connection:
        await connection.execute(
            "create table schema_migrations (number integer primary key, name text not null,"
            " checksum text not null, applied_at timestamptz not null default now())"
        )


@asynccontextmanager
async def serving(settings: Settings, url: str) -> AsyncIterator[Instance]:
    instance = await Instance(replace(settings, database_url=url)).started()
    try:
        yield instance
    finally:
        await instance.stop()


async def signed_in(http: httpx.AsyncClient, name: str) -> dict[str, str]:
    body = {
        "identifier": {"scheme": "username", "value": name},
        "credential": {"scheme": "basic", "value": PASSWORD},
    }
    answer = await http.post("/auth/sign-in", json=body)
    assert answer.status_code == 200, answer.text
    return {"authorization": f"Bearer {answer.json()['token']}"}


def assert_holds(now: Any, then: Any, *, moments: bool, where: str = "") -> None:
    """An answer has all that an earlier one had. It may have more fields; `moments` may be others' where data was
    written anew."""
    if isinstance(then, dict):
        assert isinstance(now, dict), where
        for key, value in then.items():
            assert key in now, f"{where}.{key} is gone"
            assert_holds(now[key], value, moments=moments, where=f"{where}.{key}")
    elif isinstance(then, list):
        assert isinstance(now, list), where
        assert len(now) == len(then), where
        for place, (new, old) in enumerate(zip(now, then, strict=True)):
            assert_holds(new, old, moments=moments, where=f"{where}[{place}]")
    elif moments or not (isinstance(then, str) and MOMENT.match(then)):
        assert now == then, where
    else:
        assert MOMENT.match(now), where


INDEXED = (
    "select not exists (select from words_to_make) and not exists (select from words_made where not is_done)"
)


async def assert_serves(settings: Settings, url: str, release: Path, *, moments: bool) -> None:
    """Today's instance answers as the old one did, gives the old file, and goes on where that one ended."""
    then = json.loads((release / "answers.json").read_text("utf-8"))
    async with connected(url) as connection:
        key = await connection.fetchval("select storage_key from files where id = $1", then["file"])
    await open_storage(settings).write(key, BytesIO(FILE))
    async with (
        serving(settings, url) as instance,
        connected(url) as connection,
        httpx.AsyncClient(base_url=instance.url) as http,
    ):
        headers = {name: await signed_in(http, name) for name in ("ada", "bob")}
        await until(partial(connection.fetchval, INDEXED))
        for asked, before in then["answers"].items():
            name, path = asked.split(" ", 1)
            answer = await http.get(path, headers=headers[name])
            assert answer.status_code == 200, answer.text
            assert_holds(answer.json(), before, moments=moments, where=asked)
        file = await http.get(f"/chat/files/{then['file']}", headers=headers["bob"])
        assert file.content == FILE
        talk = (await http.get("/chat/conversations", headers=headers["bob"])).json()
        assert [one["lastMessage"]["content"] for one in talk] == ["between us"]
        sent = await http.post(
            f"/chat/rooms/{then['room']}/messages", json={"content": "and on"}, headers=headers["bob"]
        )
        last = max(message["seq"] for message in messages_of(then))
        assert sent.status_code == 201
        assert sent.json()["seq"] > last
        again = {"content": "message 1", "clientId": "old-1"}
        retried = await http.post(f"/chat/rooms/{then['room']}/messages", json=again, headers=headers["ada"])
        assert retried.json()["id"] in [message["id"] for message in messages_of(then)]


def messages_of(then: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages of the old room."""
    messages: list[dict[str, Any]] = then["answers"][f"ada /chat/rooms/{then['room']}/messages"]
    return messages


# Data that was written before


@pytest.mark.parametrize("release", RELEASES, ids=IDS)
async def test_what_an_earlier_release_wrote_is_served_after_migration(
    empty_database_url: str, settings: Settings, release: Path
) -> None:
    url = empty_database_url
    await old_schema(url, release)
    await run(url, release / "data.sql")
    latest = read_migrations(schema_path().read_text("utf-8"))[-1].number
    assert await migrate(url) == list(range(int(release.name[-2:]) + 1, latest + 1))
    await assert_serves(settings, url, release, moments=True)


# Old instances beside new ones


@pytest.mark.parametrize("release", RELEASES, ids=IDS)
async def test_the_statements_of_an_earlier_release_work_on_the_newest_schema(
    empty_database_url: str, settings: Settings, release: Path
) -> None:
    """An instance of that release runs while the schema is updated, and writes what today's instances serve."""
    await migrate(empty_database_url)
    await run(empty_database_url, release / "statements.sql")
    await assert_serves(settings, empty_database_url, release, moments=False)


@pytest.mark.parametrize("release", RELEASES[1:], ids=IDS[1:])
async def test_a_connection_of_the_last_release_works_on_after_the_schema_was_updated(
    empty_database_url: str, settings: Settings, release: Path
) -> None:
    """What it had prepared before the migration it runs after it. The release of schema 7 is none of them: it takes `*`
    of views, and PostgreSQL refuses such a prepared statement once where a view has got a column."""
    await old_schema(empty_database_url, release)
    await run(empty_database_url, release / "data.sql")
    prepared, begin, executed = (release / "statements.sql").read_text("utf-8").partition("\nexecute ")
    async with connected(empty_database_url) as old:
        await old.execute("truncate users cascade")  # the statements write all of it
        await old.execute(prepared)
        await migrate(empty_database_url)
        await old.execute(begin + executed)
    await assert_serves(settings, empty_database_url, release, moments=False)


# The blocks themselves


@pytest.mark.parametrize("release", RELEASES, ids=IDS)
def test_no_block_of_a_release_is_another_one_now(release: Path) -> None:
    """An applied block with another text keeps every instance from starting, if only its comment has changed."""
    today = {block.number: block for block in read_migrations(schema_path().read_text("utf-8"))}
    for block in read_migrations((release / "schema.sql").read_text("utf-8")):
        known = {today[block.number].checksum, *EARLIER_TEXTS.get(block.number, ())}
        assert block.checksum in known, f"migration {block.number}"


@pytest.mark.parametrize("release", RELEASES, ids=IDS)
def test_an_earlier_text_differs_in_its_comments_alone(release: Path) -> None:
    today = {block.number: block for block in read_migrations(schema_path().read_text("utf-8"))}
    for block in read_migrations((release / "schema.sql").read_text("utf-8")):
        assert without_comments(block) == without_comments(today[block.number])


def without_comments(block: Migration) -> str:
    return re.sub(r"\s*--.*", "", block.sql).strip()


async def test_a_block_of_neither_text_is_still_refused(empty_database_url: str) -> None:
    schema = schema_path().read_text("utf-8")
    await migrate(empty_database_url, schema)
    with pytest.raises(MigrationError, match=r"migration 7 .* was applied with another text"):
        await migrate(empty_database_url, schema.replace("room_members_ended on", "room_members_over on"))


async def test_a_block_may_alter_what_it_updates_though_others_have_deferred_triggers_on_it(
    empty_database_url: str,
) -> None:
    first = "-- migration 1: a table\ncreate table t (a integer);\ninsert into t values (1);\n"
    second = "-- migration 2: a column\nupdate t set a = 2;\nalter table t add column b integer;\n"
    assert await migrate(empty_database_url, first) == [1]
    async with connected(empty_database_url) as connection:
        await connection.execute(
            "create table seen (a integer);"
            "create function see() returns trigger language plpgsql as"
            " $$ begin insert into seen values (new.a); return null; end $$;"
            "create constraint trigger seeing after update on t deferrable initially deferred"
            " for each row execute function see()"
        )
        assert await migrate(empty_database_url, first + second) == [2]
        assert await connection.fetch("select a from seen") == [(2,)]
