"""A full disk and a read-only PostgreSQL, as clients, operators and load balancers are told of them."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psutil
import pytest

from app import embedded
from app.config.settings import Settings
from app.db.database import Database
from app.db.errors import DatabaseFull
from app.db.migrations import migrate
from app.db.queries import Queries
from tests.support.chat.people import PASSWORD, Device, Instance
from tests.support.postgres_servers import RestartablePostgres, execute
from tests.support.waiting import until

FULL = "The chat cannot store anything right now: its disk is full. Try again later"
READ_ONLY = "The chat cannot store anything right now: it can only be read. Try again later"
SMALL, LARGER = "24m", "64m"

names = count(1)


class SmallDisk:
    """A memory disk that PostgreSQL keeps one database on."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder
        self.url = url

    async def fill(self) -> None:
        """Leave no page of PostgreSQL's free, but those of its files that are not full."""
        connection = await asyncpg.connect(self.url)
        await connection.execute("create table filler (bytes text)")
        with suppress(asyncpg.DiskFullError):
            while True:
                await connection.execute(
                    "insert into filler select repeat('x', 1900) from generate_series(1, 4)"
                )
        await connection.close()

    def grow(self) -> None:
        subprocess.run(["mount", "-o", f"remount,size={LARGER}", self._folder], check=True)


@pytest.fixture
def small_disk(servers_folder: Path) -> Iterator[SmallDisk]:
    """On a PostgreSQL of its own: where one database has no space to write what is in the shared memory, none has."""
    folder = Path(tempfile.mkdtemp(prefix="parley-disk-", dir="/tmp"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SMALL},mode=0777", "tmpfs", folder],
        check=False,
        capture_output=True,
    )
    if mounted.returncode != 0:
        folder.rmdir()
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.decode().strip()}")
    name = f"small_{next(names)}"
    place = folder / "tablespace"
    place.mkdir()
    server = RestartablePostgres(servers_folder / name, {"shared_buffers": "128MB"})
    server.start()
    sockets = server.socket.parent
    owner = (server.folder / "data").stat()
    os.chown(place, owner.st_uid, owner.st_gid)
    execute(sockets, f"create tablespace {name} location '{place}'")
    execute(sockets, f"create database {name} tablespace {name}")
    yield SmallDisk(folder, embedded.database_url(sockets, name))
    execute(sockets, f"drop database {name} with (force)")
    execute(sockets, f"drop tablespace {name}")
    server.stop()
    subprocess.run(["umount", folder], check=True)
    folder.rmdir()


def large() -> str:
    """A message that no page has space for as it is."""
    return os.urandom(4000).hex()


class Room:
    """A room of an instance with one member, over REST and over a socket."""

    def __init__(self, instance: Instance, http: httpx.AsyncClient, device: Device, room_id: str) -> None:
        self.instance, self.http, self.device, self.room_id = instance, http, device, room_id

    async def send(self, content: str) -> httpx.Response:
        return await self.http.post(f"/chat/rooms/{self.room_id}/messages", json={"content": content})

    async def ready(self) -> tuple[int, dict[str, Any]]:
        answer = await self.http.get("/health/ready")
        return answer.status_code, answer.json()["checks"]

    async def is_ready(self) -> bool:
        return (await self.ready())[0] == 200

    async def assert_refused_everywhere(self, words: str) -> None:
        answer = await self.send(large())
        assert answer.status_code == 503, answer.text
        assert (answer.json()["message"], answer.json()["details"]["reason"]) == (words, "unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        error = await self.device.refused("message:send", {"roomId": self.room_id, "content": large()})
        assert (error["reason"], error["message"]) == ("unavailable", words)
        assert await self.ready() == (503, {"postgresql": "down", "redis": "ok"})
        assert (
            await self.http.get(f"/chat/rooms/{self.room_id}/messages")
        ).status_code == 200  # reading goes on


@asynccontextmanager
async def room_on(settings: Settings, url: str) -> AsyncIterator[Room]:
    instance = await Instance(replace(settings, database_url=url)).started()
    async with httpx.AsyncClient(base_url=instance.url) as http:
        signed_up = await http.post("/auth/sign-up", json={"username": "ada", "credential": PASSWORD})
        token = signed_up.json()["token"]
        http.headers["authorization"] = f"Bearer {token}"
        room = (await http.post("/chat/rooms", json={"name": "Room"})).json()
        device = await Device(instance.url, token, "websocket").connect()
        await device.authenticate()
        yield Room(instance, http, device, room["id"])
        await device.close()
    await instance.stop()


async def test_a_full_disk_is_told_at_every_door_until_there_is_space_again(
    small_disk: SmallDisk, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """With a real disk: PostgreSQL fails to extend its files."""
    await migrate(small_disk.url)
    async with room_on(settings, small_disk.url) as room:
        acked = 0
        await small_disk.fill()
        while (answer := await room.send(large())).status_code == 201:
            acked += 1
        assert answer.status_code == 503, answer.text
        await room.assert_refused_everywhere(FULL)
        words = "the disk of PostgreSQL is full: could not extend file"
        assert len([text for text in caplog.messages if text.startswith(words)]) == 1
        small_disk.grow()
        await until(room.is_ready)
        assert "PostgreSQL has space on its disk again" in caplog.text
        sent = await room.send("on")
        assert sent.status_code == 201
        found = await room.http.get(f"/chat/rooms/{room.room_id}", params={})
        assert found.json()["lastSeq"] == sent.json()["seq"]
        numbers = [message["seq"] for message in await everything(room)]
        assert len(numbers) == acked + 1  # nothing acknowledged is lost, nothing refused is there


async def everything(room: Room) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    before: dict[str, Any] = {}
    while page := (
        await room.http.get(f"/chat/rooms/{room.room_id}/messages", params={"limit": 100, **before})
    ).json():
        found += page
        before = {"before": min(page, key=lambda message: message["seq"])["id"]}
    return found


async def test_the_error_of_a_full_disk_is_told_at_every_door(
    postgres_sockets: Path, database_url: str, settings: Settings
) -> None:
    """Where no disk can be mounted: PostgreSQL raises the same error from a trigger."""
    async with room_on(settings, database_url) as room:
        name = database_url.partition("?")[0].rpartition("/")[2]
        await on_database(postgres_sockets, name, NO_SPACE)
        answer = await room.send("hello")
        assert (answer.status_code, answer.json()["message"]) == (503, FULL)
        error = await room.device.refused("message:send", {"roomId": room.room_id, "content": "hello"})
        assert (error["reason"], error["message"]) == ("unavailable", FULL)
        await on_database(postgres_sockets, name, "drop trigger no_space on messages")
        await until(room.is_ready)  # there was space all the time
        assert (await room.send("hello")).status_code == 201


NO_SPACE = """
    create function no_space() returns trigger language plpgsql as $$ begin
        raise exception 'could not extend file: No space left on device' using errcode = '53100';
    end $$;
    create trigger no_space before insert on messages for each row execute function no_space()
"""


async def on_database(sockets: Path, name: str, statement: str) -> None:
    connection = await asyncpg.connect(embedded.database_url(sockets, name))
    await connection.execute(statement)
    await connection.close()


def limit_files(pid: int, size: int | str) -> None:
    """How many bytes a file may have that a process writes. Its own account may change that; root may not always."""
    owner = psutil.Process(pid)
    ids = {"user": owner.uids().real, "group": owner.gids().real, "extra_groups": []}
    account: dict[str, Any] = ids if os.geteuid() == 0 else {}
    subprocess.run(["prlimit", "--pid", str(pid), f"--fsize={size}:"], check=True, **account)


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="util-linux is not there")
async def test_a_file_that_may_not_grow_is_on_a_full_disk(db: Database) -> None:
    """As where a quota is used up, for which PostgreSQL has no code."""

    async def fill(q: Queries) -> None:
        await q.value("create temporary table filler (bytes text) on commit drop")
        server = await q.value("select pg_backend_pid()")
        limit_files(server, 65_536)
        try:
            await q.value("insert into filler select repeat('x', 1900) from generate_series(1, 100)")
        finally:
            limit_files(server, "unlimited")

    with pytest.raises(DatabaseFull, match="could not extend file"):
        await db.transaction(fill)
    assert db.is_full
    await db.ping()
    assert not db.is_full


async def test_a_read_only_database_is_told_at_every_door(
    postgres_sockets: Path, database_url: str, settings: Settings
) -> None:
    name = database_url.partition("?")[0].rpartition("/")[2]
    async with room_on(settings, database_url) as room:
        await on_database(
            postgres_sockets,
            name,
            f"alter database {name} set default_transaction_read_only = on;"
            f" select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"
            " and pid <> pg_backend_pid()",
        )
        await until(lambda: refused(room))
        await room.assert_refused_everywhere(READ_ONLY)
        await on_database(
            postgres_sockets, name, f"set transaction_read_only = off; alter database {name} reset all"
        )


async def refused(room: Room) -> bool:
    return (await room.ready())[0] == 503
