"""One suite that every storage passes: the folder, and a bucket of a real S3 server over HTTP."""

import errno
import io
import logging
import os
import re
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import anyio
import httpx
import pytest
from moto.server import ThreadedMotoServer

from app.attachments.storage.s3_storage import PART
from app.attachments.storage.storage import (
    PIECE,
    FolderStorage,
    NotStored,
    NotWhole,
    Storage,
    StorageFull,
    StorageUnavailable,
    open_storage,
    stream,
)
from app.config.settings import Settings, load_settings
from app.core.errors import as_refusal
from tests.support.chat.people import PASSWORD, Start

KEY = "0f/0190a5e2-7b1c-7000-8000-00000000000f"
OTHER = "0f/0190a5e2-7b1c-7000-8000-00000000000f.webp"
BUCKET = "parley-files"

NO_KEYS = [
    "",
    "..",
    "../../etc/passwd",
    "/etc/passwd",
    "0f/../../x",
    "0f/",
    "0f",
    "0f/a/b",
    "0f/a\0",
    "0F/a",
    "0f/a.",
    "0f/A",
]


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    """The URL of an S3 server that has the bucket."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    urllib.request.urlopen(urllib.request.Request(f"{url}/{BUCKET}", method="PUT")).close()
    yield url
    server.stop()


def bucket_settings(url: str, place: str = f"s3://{BUCKET}/some/prefix") -> Settings:
    return load_settings(
        {"FILE_STORAGE": place, "S3_ENDPOINT": url, "S3_ACCESS_KEY": "key", "S3_SECRET_KEY": "secret"}
    )


@pytest.fixture(params=["folder", "bucket"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return open_storage(Settings(data_dir=tmp_path))
    return open_storage(bucket_settings(request.getfixturevalue("s3_server")))


@pytest.fixture(params=["folder", "bucket"])
def broken_storage(request: pytest.FixtureRequest, tmp_path: Path, free_port: int) -> Storage:
    """One that cannot work: its folder is a file, or nobody listens at its address."""
    if request.param == "folder":
        (tmp_path / "file").write_text("in the way")
        return FolderStorage(tmp_path / "file")
    return open_storage(bucket_settings(f"http://127.0.0.1:{free_port}"))


async def whole(storage: Storage, key: str, size: int) -> bytes:
    return b"".join([piece async for piece in stream(storage, key, 0, size)])


async def test_what_is_written_is_read(storage: Storage) -> None:
    await storage.write(KEY, io.BytesIO(b"all of it"))
    assert await storage.read(KEY, 0, 9) == b"all of it"


async def test_a_part_is_read(storage: Storage) -> None:
    await storage.write(KEY, io.BytesIO(b"0123456789"))
    assert await storage.read(KEY, 3, 5) == b"34"
    assert await storage.read(KEY, 9, 10) == b"9"
    assert await storage.read(KEY, 8, 1000) == b"89"


@pytest.mark.parametrize("size", [1, PIECE, PIECE + 1, PART, PART + 1])
async def test_files_of_all_sizes_are_streamed(storage: Storage, size: int) -> None:
    content = os.urandom(size)
    with tempfile.TemporaryFile() as file:
        file.write(content)  # which leaves the position at the end
        await storage.write(KEY, file)
    assert await whole(storage, KEY, size) == content
    assert (
        b"".join([piece async for piece in stream(storage, KEY, size // 3, size // 2)])
        == content[size // 3 : size // 2]
    )


async def test_no_piece_of_a_stream_is_large(storage: Storage) -> None:
    await storage.write(KEY, io.BytesIO(bytes(3 * PIECE + 5)))
    assert [len(piece) async for piece in stream(storage, KEY, 0, 3 * PIECE + 5)] == [PIECE, PIECE, PIECE, 5]


async def test_keys_are_apart(storage: Storage) -> None:
    await storage.write(KEY, io.BytesIO(b"the file"))
    await storage.write(OTHER, io.BytesIO(b"its thumbnail"))
    await storage.delete(KEY)
    assert await whole(storage, OTHER, 13) == b"its thumbnail"
    with pytest.raises(NotStored):
        await storage.read(KEY, 0, 8)


async def test_what_was_never_there_is_not_stored(storage: Storage) -> None:
    with pytest.raises(NotStored):
        await storage.read(OTHER.replace("0f/", "aa/"), 0, 1)


async def test_deleting_again_changes_nothing(storage: Storage) -> None:
    await storage.write(KEY, io.BytesIO(b"x"))
    await storage.delete(KEY)
    await storage.delete(KEY)
    with pytest.raises(NotStored):
        await storage.read(KEY, 0, 1)


@pytest.mark.parametrize("key", NO_KEYS)
async def test_nothing_leads_out_of_the_storage(storage: Storage, key: str) -> None:
    for attempt in (storage.write(key, io.BytesIO(b"x")), storage.read(key, 0, 1), storage.delete(key)):
        with pytest.raises(ValueError, match="cannot be a key"):
            await attempt


async def test_many_at_once(storage: Storage) -> None:
    keys = [f"{number:02x}/{number}" for number in range(20)]

    async def there_and_back(key: str) -> None:
        await storage.write(key, io.BytesIO(key.encode()))
        assert await whole(storage, key, len(key)) == key.encode()

    async with anyio.create_task_group() as group:
        for key in keys:
            group.start_soon(there_and_back, key)


async def test_a_file_that_lost_its_end_is_told_of(storage: Storage) -> None:
    for size in (10, PIECE, PIECE + 10):
        key = KEY.replace("0f/", f"{size % 251:02x}/")
        await storage.write(key, io.BytesIO(bytes(size)))
        for stored in (size + 1, size + PIECE, size + 2 * PIECE):
            with pytest.raises(NotWhole):
                await anext(stream(storage, key, 0, stored))  # before the first piece
        with pytest.raises(NotWhole):
            await anext(stream(storage, key, size + 1, size + 2))


async def test_it_is_empty_until_something_is_stored(
    storage: Storage, request: pytest.FixtureRequest
) -> None:
    if "bucket" in request.node.name:  # whose prefix other tests share
        storage = open_storage(bucket_settings(request.getfixturevalue("s3_server"), f"s3://{BUCKET}/empty"))
    assert await storage.is_empty()
    await storage.write(KEY, io.BytesIO(b"x"))
    assert not await storage.is_empty()
    await storage.delete(KEY)
    assert await storage.is_empty()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
async def test_a_full_disk_has_words_of_its_own(tmp_path: Path, number: int) -> None:
    class Full(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(number, os.strerror(number))

    with pytest.raises(StorageFull, match=os.strerror(number)) as error:
        await FolderStorage(tmp_path / "files").write(KEY, Full(b"x"))
    refusal = as_refusal(error.value)
    assert refusal is not None
    assert (refusal.reason, refusal.message) == (
        "unavailable",
        "The chat has no space left for this file. Try again later",
    )


async def test_unavailable(broken_storage: Storage) -> None:
    with pytest.raises(StorageUnavailable):
        await broken_storage.write(KEY, io.BytesIO(b"x"))
    with pytest.raises(StorageUnavailable):
        await broken_storage.read(KEY, 0, 1)
    with pytest.raises(StorageUnavailable):
        await broken_storage.delete(KEY)
    if not isinstance(broken_storage, FolderStorage):
        with pytest.raises(StorageUnavailable):
            await broken_storage.is_empty()


async def test_an_unknown_bucket_is_unavailable(s3_server: str) -> None:
    storage = open_storage(bucket_settings(s3_server, "s3://nobodys"))
    with pytest.raises(StorageUnavailable, match="NoSuchBucket"):
        await storage.write(KEY, io.BytesIO(b"x"))


async def test_errors_and_objects_do_not_tell_the_secret(s3_server: str) -> None:
    settings = bucket_settings(s3_server, "s3://nobodys")
    with pytest.raises(StorageUnavailable) as error:
        await open_storage(settings).write(KEY, io.BytesIO(b"x"))
    assert (
        re.search(r"S3_SECRET_KEY|\bsecret\b", f"{error.value} {settings!r} {open_storage(settings)!r}")
        is None
    )


async def test_a_bucket_keeps_to_its_prefix(s3_server: str) -> None:
    await open_storage(bucket_settings(s3_server, f"s3://{BUCKET}/one/")).write(KEY, io.BytesIO(b"x"))
    async with httpx.AsyncClient() as http:
        listing = await http.get(f"{s3_server}/{BUCKET}?prefix=one")
    assert f"<Key>one/{KEY}</Key>" in listing.text
    with pytest.raises(NotStored):
        await open_storage(bucket_settings(s3_server, f"s3://{BUCKET}/two")).read(KEY, 0, 1)


async def test_an_instance_with_a_bucket(start: Start, s3_server: str) -> None:
    changes = bucket_settings(s3_server)
    names = ("file_storage", "s3_endpoint", "s3_access_key", "s3_secret_key")
    instance = await start(**{name: getattr(changes, name) for name in names})
    account = {"username": "ada", "credential": PASSWORD}
    content = os.urandom(PART + 1)
    async with httpx.AsyncClient(base_url=instance.url) as http:
        token = (await http.post("/auth/sign-up", json=account)).json()["token"]
        http.headers["authorization"] = f"Bearer {token}"
        uploaded = await http.post("/chat/files", files={"file": ("a.bin", content)})
        assert uploaded.status_code == 201
        part = await http.get(uploaded.json()["url"], headers={"range": f"bytes=5-{PIECE + 5}"})
        assert part.content == content[5 : PIECE + 6]
        assert (await http.get(uploaded.json()["url"])).content == content


async def test_a_folder_has_the_whole_file_or_none(tmp_path: Path) -> None:
    class Torn(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError("the disk is gone")

    storage = FolderStorage(tmp_path / "files")
    with pytest.raises(StorageUnavailable):
        await storage.write(KEY, Torn(b"x"))
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []


async def test_a_folder_forgets_what_a_crash_left(tmp_path: Path) -> None:
    unfinished = tmp_path / f"{KEY}.part"
    unfinished.parent.mkdir()
    unfinished.write_bytes(b"half")
    storage = FolderStorage(tmp_path)
    with pytest.raises(NotStored):
        await storage.read(KEY, 0, 1)
    await storage.delete(KEY)
    assert not unfinished.exists()


async def test_a_folder_is_its_users_alone(tmp_path: Path) -> None:
    await FolderStorage(tmp_path / "deep" / "files").write(KEY, io.BytesIO(b"x"))
    assert (tmp_path / "deep" / "files").stat().st_mode & 0o777 == 0o700


async def test_files_go_where_the_settings_say(tmp_path: Path) -> None:
    await open_storage(load_settings({"FILE_STORAGE": str(tmp_path / "here")})).write(KEY, io.BytesIO(b"x"))
    await open_storage(load_settings({"DATA_DIR": str(tmp_path)})).write(KEY, io.BytesIO(b"x"))
    assert (tmp_path / "here" / KEY).is_file()
    assert (tmp_path / "files" / KEY).is_file()
