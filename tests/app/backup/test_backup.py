"""Backups of a chat that is in use, restored into new places; and every way in which one can be damaged or refused."""

import asyncio
import io
import logging
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from moto.server import ThreadedMotoServer

from app.attachments.attachments import Files
from app.attachments.storage.storage import FolderStorage, NotStored, open_storage
from app.backup.backup import back_up
from app.backup.manifest import BackupError, read_manifest, write_manifest
from app.backup.programs import find_programs, libpq_environment
from app.backup.restore import Destination, restore
from app.backup.snapshot import held_snapshot
from app.cli import main
from app.config.settings import Settings
from app.db.database import Database
from app.embedded import embedded
from app.store.log import files
from tests.conftest import new_database
from tests.support.chat.people import PASSWORD
from tests.support.chat.served import Served
from tests.support.chat.talking_members import PythonMember
from tests.support.postgres_servers import connected
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("logging_as_it_was")

UPLOADERS = 3


@pytest.fixture
def new_place(postgres_sockets: Path, tmp_path: Path) -> Iterator[Destination]:
    with new_database(postgres_sockets) as url:
        yield Destination(url, FolderStorage(tmp_path / "new-files"))


@pytest.fixture
async def served(settings: Settings) -> AsyncIterator[Served]:
    served = await (await Served.start(settings=settings)).ready()
    yield served
    await served.stop()


async def sign_up(http: httpx.AsyncClient, name: str) -> dict[str, Any]:
    answer = await http.post("/auth/sign-up", json={"username": name, "credential": PASSWORD})
    assert answer.status_code == 201, answer.text
    session: dict[str, Any] = answer.json()
    return session


def bearer(session: dict[str, Any]) -> dict[str, str]:
    return {"authorization": f"Bearer {session['token']}"}


class Uploader:
    """Sends files, and deletes every third message with one; `kept` are the contents by the message's id."""

    def __init__(self, http: httpx.AsyncClient, session: dict[str, Any], room_id: str) -> None:
        self.http, self.headers, self.room_id = http, bearer(session), room_id
        self.kept: dict[str, tuple[str, bytes]] = {}
        self.enough = asyncio.Event()
        self.silent = False

    async def talk(self) -> None:
        number = 0
        while not self.silent:
            number += 1
            content = os.urandom(20_000)
            uploaded = await self.http.post(
                "/chat/files", files={"file": (f"{number}.bin", content)}, headers=self.headers
            )
            assert uploaded.status_code == 201, uploaded.text
            body = {"content": f"file {number}", "attachments": [uploaded.json()["id"]]}
            sent = await self.http.post(
                f"/chat/rooms/{self.room_id}/messages", json=body, headers=self.headers
            )
            assert sent.status_code == 201, sent.text
            self.kept[sent.json()["id"]] = (uploaded.json()["url"], content)
            if number % 3 == 0:
                message_id = next(iter(self.kept))
                gone = await self.http.delete(f"/chat/messages/{message_id}", headers=self.headers)
                assert gone.status_code < 300
                del self.kept[message_id]
            if number >= 10:
                self.enough.set()


async def pages(http: httpx.AsyncClient, session: dict[str, Any], room_id: str) -> list[dict[str, Any]]:
    """All messages of a room, oldest first."""
    found: list[dict[str, Any]] = []
    before: dict[str, Any] = {}
    while True:
        answer = await http.get(
            f"/chat/rooms/{room_id}/messages", params={"limit": 100, **before}, headers=bearer(session)
        )
        assert answer.status_code == 200, answer.text
        if not (page := answer.json()):
            return sorted(found, key=lambda message: message["seq"])
        found += page
        before = {"before": min(page, key=lambda message: message["seq"])["id"]}


# Under load


async def test_a_backup_under_load_is_served_from_a_new_place(
    settings: Settings, served: Served, new_place: Destination, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    async with httpx.AsyncClient(base_url=served.url, timeout=30) as http:
        sessions = [await sign_up(http, f"loud-{number}") for number in range(UPLOADERS)]
        room_id = (await http.post("/chat/rooms", json={"name": "Busy"}, headers=bearer(sessions[0]))).json()[
            "id"
        ]
        for session in sessions[1:]:
            await http.post(f"/chat/rooms/{room_id}/join", json={}, headers=bearer(session))
        uploaders = [Uploader(http, session, room_id) for session in sessions]
        talker = PythonMember(served.url, await sign_up(http, "talker"), room_id)
        await http.post(
            f"/chat/rooms/{room_id}/join", json={}, headers={"authorization": f"Bearer {talker.token}"}
        )
        await talker.start()
        talking = [asyncio.create_task(uploader.talk()) for uploader in uploaders]
        await asyncio.gather(*(uploader.enough.wait() for uploader in uploaders))
        acked = dict(talker.acked)

        environ = {"DATABASE_URL": settings.database_url, "DATA_DIR": str(settings.data_dir)}
        done = await asyncio.to_thread(command, ["backup", str(backup)], environ)
        assert done.returncode == 0, done.stderr
        for uploader in uploaders:
            uploader.silent = True
        await asyncio.gather(*talking)
        await talker.fall_silent()
        talker.assert_well()
        await talker.stop()
        after = await pages(http, sessions[0], room_id)

    manifest = read_manifest(backup)
    assert (manifest.lost, manifest.files > 0) == ([], True)
    await restore(backup, new_place)
    there = replace(
        settings,
        database_url=new_place.url,
        data_dir=tmp_path / "new",
        file_storage=str(tmp_path / "new-files"),
    )
    again = await (await Served.start(settings=there, FILE_STORAGE=there.file_storage)).ready()
    try:
        async with httpx.AsyncClient(base_url=again.url, timeout=30) as http:
            restored = await pages(http, sessions[0], room_id)
            by_id = {message["id"]: message for message in after}
            # A moment: a beginning of the log, with all that had been acknowledged before.
            numbers = [message["seq"] for message in restored]
            kept = [message["seq"] for message in after if message["seq"] <= numbers[-1]]
            assert set(kept) <= set(numbers)  # of the others each was deleted after that moment
            assert len(after) > len(kept)  # people went on meanwhile
            assert set(acked) <= {message["content"] for message in restored}
            for message in restored:
                now = by_id.get(message["id"], message)  # deleted meanwhile, where it is not there
                assert message["content"] == now["content"]
                for file in message["attachments"]:
                    got = await http.get(file["url"], headers=bearer(sessions[0]))
                    assert (got.status_code, len(got.content)) == (200, file["size"])
                    contents = [up.kept[message["id"]][1] for up in uploaders if message["id"] in up.kept]
                    assert contents in ([], [got.content])
            sent = await http.post(
                f"/chat/rooms/{room_id}/messages", json={"content": "on"}, headers=bearer(sessions[0])
            )
            assert sent.json()["seq"] > numbers[-1]
    finally:
        await again.stop()


def command(arguments: list[str], environ: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """A command of the console, as an operator starts it."""
    own = {"JWT_SECRET": "for-tests-only-" * 3, **environ}
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        check=False,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
    )


# What is copied


async def small_chat(settings: Settings) -> str:
    """The key of the one file that a message has, in a chat of two people."""
    storage = open_storage(settings)
    key = "0f/01a2266b-830b-77f7-9ac9-80da1296490f"
    async with connected(settings.database_url) as driver:
        await driver.execute(SMALL_CHAT.replace("KEY", key))
    for stored in (key, f"{key}.webp"):
        await storage.write(stored, io.BytesIO(CONTENT))
    return key


CONTENT = b"twelve bytes"
SMALL_CHAT = """
    insert into users (id, username, credential) values ('ada', 'ada', 'x'), ('bob', 'bob', 'x');
    insert into rooms (id, kind, name, created_by) values ('room', 'public', 'Room', 'ada');
    insert into messages (id, room_id, sender_id, seq, change_seq, content)
    values ('message', 'room', 'ada', 1, 1, 'here it is');
    insert into files (id, owner_id, message_id, name, media_type, size, storage_key, thumbnail_key, expires_at)
    values ('file', 'ada', 'message', 'a.bin', 'text/plain', 12, 'KEY', 'KEY.webp', null)
"""


async def test_a_backup_and_its_list_can_be_checked_without_parley(
    settings: Settings, tmp_path: Path
) -> None:
    key = await small_chat(settings)
    manifest = await back_up(settings.database_url, open_storage(settings), tmp_path / "backup")
    assert (manifest.rows["users"], manifest.files, manifest.file_bytes) == (2, 2, 24)
    checked = await asyncio.to_thread(
        subprocess.run,
        ["sha256sum", "--check", "../files.sha256"],
        cwd=tmp_path / "backup" / "files",
        check=True,
        capture_output=True,
    )
    assert sorted(checked.stdout.decode().split()[::2]) == [f"{key}.webp:", f"{key}:"]
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o700


async def test_no_file_is_deleted_while_a_backup_copies(settings: Settings, tmp_path: Path) -> None:
    """A message is deleted after the snapshot; its file, which the snapshot has, stays until the copy has ended."""
    key = await small_chat(settings)
    db = Database(settings.database_url)
    await db.connect()
    chat = Files(db, open_storage(settings))
    async with held_snapshot(settings.database_url) as snapshot:
        await files.detach_of_message(db, "message")
        assert await chat.sweep() == 0
        assert [row.id async for page in snapshot.kept_files() for row in page] == ["file"]
        assert await open_storage(settings).read(key, 0, 12) == CONTENT
    assert await chat.sweep() == 1
    await db.close()


async def test_two_backups_at_once(settings: Settings, tmp_path: Path) -> None:
    await small_chat(settings)
    made = await asyncio.gather(
        *(back_up(settings.database_url, open_storage(settings), tmp_path / name) for name in ("one", "two"))
    )
    assert [manifest.files for manifest in made] == [2, 2]


@pytest.mark.parametrize("left", [b"", b"twelve"])
async def test_a_file_that_the_storage_lost_is_told_and_the_rest_is_kept(
    settings: Settings,
    tmp_path: Path,
    new_place: Destination,
    capsys: pytest.CaptureFixture[str],
    left: bytes,
) -> None:
    key = await small_chat(settings)
    file = settings.data_dir / "files" / key
    file.write_bytes(left) if left else file.unlink()
    environ = {"DATABASE_URL": settings.database_url, "DATA_DIR": str(settings.data_dir)}
    status = await asyncio.to_thread(command, ["backup", str(tmp_path / "backup")], environ)
    assert status.returncode == 1
    assert status.stderr.splitlines()[-1] == (
        f"parley: the backup has all else, but the storage had lost 1 files of messages: {key}."
    )
    assert (await restore(tmp_path / "backup", new_place)).lost == [key]


async def test_an_upload_that_was_under_way_is_no_loss(settings: Settings, tmp_path: Path) -> None:
    key = await small_chat(settings)
    async with connected(settings.database_url) as driver:
        await driver.execute("update files set message_id = null, expires_at = now() + interval '1 hour'")
    await open_storage(settings).delete(key)
    manifest = await back_up(settings.database_url, open_storage(settings), tmp_path / "backup")
    assert (manifest.lost, manifest.unfinished, manifest.files) == ([], 1, 1)


# Where it is restored to


async def rows_of(url: str) -> int:
    async with connected(url) as driver:
        found: int = await driver.fetchval("select count(*) from users")
    return found


async def test_a_place_that_is_not_empty_is_refused_unless_told(settings: Settings, tmp_path: Path) -> None:
    key = await small_chat(settings)
    storage = open_storage(settings)
    await back_up(settings.database_url, storage, tmp_path / "backup")
    async with connected(settings.database_url) as driver:
        await driver.execute("insert into users (id, username, credential) values ('cyd', 'cyd', 'x')")
        await driver.execute(
            "insert into files (id, owner_id, name, media_type, size, storage_key)"
            " values ('later', 'cyd', 'b', 'text/plain', 12, 'aa/later')"
        )
    await storage.write("aa/later", io.BytesIO(CONTENT))
    await storage.delete(key)
    place = Destination(settings.database_url, storage)
    with pytest.raises(BackupError, match=r"the database is not empty: .* --replace"):
        await restore(tmp_path / "backup", place)
    assert await rows_of(settings.database_url) == 3
    await restore(tmp_path / "backup", place, replace=True)
    assert await rows_of(settings.database_url) == 2
    assert await storage.read(key, 0, 12) == CONTENT
    with pytest.raises(NotStored):  # nothing names it any more
        await storage.read("aa/later", 0, 12)


async def test_a_storage_of_another_chat_is_refused(
    settings: Settings, tmp_path: Path, new_place: Destination
) -> None:
    await small_chat(settings)
    await back_up(settings.database_url, open_storage(settings), tmp_path / "backup")
    await new_place.storage.write("aa/other", io.BytesIO(CONTENT))
    with pytest.raises(BackupError, match="there are files in FILE_STORAGE already"):
        await restore(tmp_path / "backup", new_place)


async def test_a_database_that_an_instance_uses_is_refused(settings: Settings, tmp_path: Path) -> None:
    await small_chat(settings)
    await back_up(settings.database_url, open_storage(settings), tmp_path / "backup")
    db = Database(settings.database_url)
    await db.connect()
    with pytest.raises(BackupError, match=r"connections of running instances .* stop them first"):
        await restore(
            tmp_path / "backup", Destination(settings.database_url, open_storage(settings)), replace=True
        )
    await db.close()


# Damaged backups


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-10])


@pytest.mark.parametrize("damage", [flip, cut, Path.unlink])
@pytest.mark.parametrize(
    "part",
    ["database.dump", "files.sha256", "files/KEY", "files/KEY.webp", "manifest.json", "manifest.sha256"],
)
async def test_a_damaged_backup_is_named_and_changes_nothing(
    settings: Settings, tmp_path: Path, new_place: Destination, damage: Callable[[Path], None], part: str
) -> None:
    key = await small_chat(settings)
    await back_up(settings.database_url, open_storage(settings), tmp_path / "backup")
    damage(tmp_path / "backup" / part.replace("KEY", key))
    names = part.replace("KEY", key).removeprefix("files/")
    with pytest.raises(BackupError, match=re.escape(names)):
        await restore(tmp_path / "backup", new_place)
    assert await new_place.storage.is_empty()
    async with connected(new_place.url) as driver:
        assert await driver.fetchval("select to_regclass('users')") is None


async def test_a_dump_that_does_not_hold_what_the_manifest_says_is_rolled_back(
    settings: Settings, tmp_path: Path, new_place: Destination
) -> None:
    await small_chat(settings)
    manifest = await back_up(settings.database_url, open_storage(settings), tmp_path / "backup")
    write_manifest(tmp_path / "backup", msgspec.structs.replace(manifest, rows={**manifest.rows, "users": 3}))
    with pytest.raises(BackupError, match="the table users has 2 rows, and the backup had 3"):
        await restore(tmp_path / "backup", new_place)
    assert await new_place.storage.is_empty()
    async with connected(new_place.url) as driver:
        assert await driver.fetchval("select to_regclass('users')") is None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 2}', "\0"])
def test_a_manifest_that_is_none_is_a_sentence(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "manifest.json").write_text(text)
    assert main(["restore", "--check", str(tmp_path)], {}) == 1
    sentence = capsys.readouterr().err
    assert sentence.startswith("parley: ")
    assert str(tmp_path) in sentence


# Programs, and what is told to them


async def test_older_programs_are_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("pg_dump", "pg_restore", "psql"):
        (tmp_path / name).write_text('#!/bin/sh\necho "$0 (PostgreSQL) 12.3"\n')
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(
        BackupError, match=rf"a backup needs .* of PostgreSQL 99 or newer, and {tmp_path} has 12 and"
    ):
        await find_programs(99, "a backup")
    assert (await find_programs(12, "a backup")).folder == tmp_path


def test_secrets_are_told_by_the_environment_alone() -> None:
    url = "postgresql://me:p%40ss@one,[::2]:6543/chat?sslmode=verify-full&sslrootcert=/ca.pem"
    environment = libpq_environment(
        url, {"JWT_SECRET": "s", "S3_SECRET_KEY": "s", "PATH": "/bin", "PGPASSFILE": "/p"}
    )
    assert environment == {
        "PATH": "/bin",
        "PGPASSFILE": "/p",
        "LC_ALL": "C",
        "PGAPPNAME": "parley-backup",
        "PGCONNECT_TIMEOUT": "10",
        "PGHOST": "one,::2",
        "PGPORT": "5432,6543",
        "PGUSER": "me",
        "PGPASSWORD": "p@ss",
        "PGDATABASE": "chat",
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": "/ca.pem",
        "PGTARGETSESSIONATTRS": "read-write",
    }


# With the servers that Parley starts


def test_a_backup_of_the_embedded_database_while_it_runs_and_while_it_does_not(servers_folder: Path) -> None:
    data, place = servers_folder / "backed-up", servers_folder / "restored"
    environ = {"DATABASE_URL": "", "DATA_DIR": str(data)}
    assert command(["migrate"], environ).returncode == 0
    idle = command(["backup", str(servers_folder / "idle")], environ)
    assert idle.returncode == 0, idle.stderr
    with embedded(data, postgres=True, valkey=False):
        running = command(["backup", str(servers_folder / "running")], environ)
    assert running.returncode == 0, running.stderr
    restored = command(["restore", str(servers_folder / "running")], {**environ, "DATA_DIR": str(place)})
    assert restored.returncode == 0, restored.stderr
    assert restored.stdout.startswith("restored 0 users, 0 rooms, 0 messages and 0 files of ")
    again = command(["restore", str(servers_folder / "running")], {**environ, "DATA_DIR": str(place)})
    assert (again.returncode, "the database is not empty" in again.stderr) == (1, True)


async def test_files_of_a_bucket_are_backed_up_and_restored_into_another(
    settings: Settings, tmp_path: Path, new_place: Destination
) -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        keys = {"s3_endpoint": f"http://{host}:{port}", "s3_access_key": "key", "s3_secret_key": "secret"}
        async with httpx.AsyncClient(base_url=keys["s3_endpoint"]) as http:
            for bucket in ("old-files", "new-files"):
                assert (await http.put(f"/{bucket}")).status_code == 200
        old, new = (
            replace(settings, file_storage=f"s3://{name}/prefix", **keys)
            for name in ("old-files", "new-files")
        )
        key = await small_chat(old)
        manifest = await back_up(settings.database_url, open_storage(old), tmp_path / "backup")
        assert (manifest.files, manifest.lost) == (2, [])
        await restore(tmp_path / "backup", Destination(new_place.url, open_storage(new)))
        assert await open_storage(new).read(key, 0, 12) == CONTENT
    finally:
        server.stop()


# Backups that end early


async def test_a_backup_that_is_stopped_leaves_nothing_and_is_no_success(
    settings: Settings, tmp_path: Path
) -> None:
    await small_chat(settings)
    async with connected(settings.database_url) as driver, driver.transaction():
        await driver.execute("lock table users in access exclusive mode")  # which pg_dump has to wait for
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app", "backup", str(tmp_path / "backup")),
            env={**os.environ, "DATABASE_URL": settings.database_url, "DATA_DIR": str(settings.data_dir)},
            stderr=asyncio.subprocess.DEVNULL,
        )
        await until(lambda: list(tmp_path.glob("backup.unfinished-*")))
        process.terminate()
        assert await process.wait() == 143
    assert await asyncio.to_thread(lambda: list(tmp_path.glob("backup*"))) == []


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one page."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", folder]
    if (mounted := subprocess.run(mount, check=False, capture_output=True)).returncode != 0:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_of_the_backup_is_a_sentence_and_leaves_nothing(
    settings: Settings, full_disk: Path
) -> None:
    environ = {"DATABASE_URL": settings.database_url, "DATA_DIR": str(settings.data_dir)}
    done = command(["backup", str(full_disk / "backup")], environ)
    assert done.returncode == 1, done.stderr
    (sentence,) = [line for line in done.stderr.splitlines() if line.startswith("parley: ")]
    assert "pg_dump failed" in sentence
    assert "No space left on device" in sentence
    assert list(full_disk.iterdir()) == []
