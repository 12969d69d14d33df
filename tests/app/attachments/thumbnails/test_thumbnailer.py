"""Thumbnails are made by processes that have bounds, one of a user at a time, and other files do not wait for them."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import BinaryIO

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.attachments.attachments import Files
from app.attachments.storage.storage import FolderStorage
from app.attachments.thumbnails import thumbnailer as thumbnailer_module
from app.attachments.thumbnails import thumbnails
from app.attachments.thumbnails.thumbnail_result import Bounds, NotAPicture, Picture, Result, packed, unpacked
from app.attachments.thumbnails.thumbnailer import Thumbnailer
from app.attachments.uploads import Upload
from app.core.caller import Caller
from app.db.database import Database
from tests.support.chat.people import People
from tests.support.images import SAMPLES, image

pytestmark = pytest.mark.over_websocket

ENDLESS = Bounds(cpu=20.0, wall=60.0)
SOON = 0.2  # seconds


@contextmanager
def file_of(content: bytes) -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile(buffering=0) as file:
        file.write(content)
        file.seek(0)
        yield file


async def picture_of(
    thumbnailer: Thumbnailer, content: bytes, media_type: str = "image/png", user_id: str = "ann"
) -> Picture | None:
    with file_of(content) as file:
        return await thumbnailer.picture(user_id, file, media_type)


def decoders() -> list[psutil.Process]:
    """The processes of pictures; a database of the tests may be another child of this one."""
    return [child for child in psutil.Process().children() if decodes(child)]


def decodes(process: psutil.Process) -> bool:
    try:
        return "app.attachments.thumbnails.thumbnail_process" in process.cmdline()
    except psutil.NoSuchProcess:  # it has just ended
        return False


@asynccontextmanager
async def in_work(thumbnailer: Thumbnailer, user_id: str) -> AsyncIterator["asyncio.Task[Picture | None]"]:
    """A picture whose process waits for its bytes for as long as the block."""
    before = len(decoders())
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as file, os.fdopen(writing, "wb"):
        task = asyncio.create_task(thumbnailer.picture(user_id, file, "image/png"))
        while len(decoders()) == before:  # noqa: ASYNC110 - the system tells nobody
            await asyncio.sleep(0.001)
        yield task
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No test leaves a process behind."""
    yield
    assert decoders() == []


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "webp", "avif"])
async def test_a_picture_is_what_pillow_makes_of_it(kind: str) -> None:
    content, media_type = SAMPLES[kind]
    assert await picture_of(Thumbnailer(), content, media_type) == thumbnails.picture_of(content, media_type)


async def test_what_is_none_is_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    assert await picture_of(Thumbnailer(), b"no picture\n") is None
    assert "a file that begins as image/png is no picture: " in caplog.text
    assert "cannot identify" in caplog.text


async def test_a_picture_has_so_much_processor_time(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    assert await picture_of(Thumbnailer(Bounds(cpu=0.002)), image()) is None
    assert "ended by SIGPROF" in caplog.text


async def test_a_picture_has_so_much_time(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with in_work(Thumbnailer(Bounds(wall=SOON)), "ann") as task:
        assert await task is None
    assert "ended by SIGALRM" in caplog.text


def test_a_process_ends_itself_where_no_server_does() -> None:
    arguments = ["-P", "-m", "app.attachments.thumbnails.thumbnail_process", "image/png", str(os.getpid())]
    arguments += ["5", str(SOON), str(10**9)]
    process = subprocess.Popen([sys.executable, *arguments], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    with process:
        assert process.wait() == -signal.SIGALRM


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to a size of memory")
async def test_a_picture_has_so_much_memory(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    content = image("PNG", (3000, 3000), "RGBA", compress_level=1)
    assert await picture_of(Thumbnailer(Bounds(memory=80_000_000)), content) is None
    assert "MemoryError" in caplog.text
    assert await picture_of(Thumbnailer(), content) is not None


async def test_a_picture_that_nobody_waits_for_is_not_decoded_on() -> None:
    async with in_work(Thumbnailer(ENDLESS), "ann") as task:
        assert len(decoders()) == 1
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert decoders() == []


async def test_a_user_has_one_picture_in_work_and_another_user_the_next() -> None:
    thumbnailer = Thumbnailer(ENDLESS, at_once=2)
    async with in_work(thumbnailer, "ann"):
        waiting = [asyncio.create_task(picture_of(thumbnailer, image(), user_id="ann")) for _ in range(3)]
        assert await picture_of(thumbnailer, image(), user_id="bob") is not None
        assert not any(task.done() for task in waiting)
    assert all(await asyncio.gather(*waiting))


async def test_no_more_than_so_many_are_in_work() -> None:
    thumbnailer = Thumbnailer(ENDLESS, at_once=1)
    async with in_work(thumbnailer, "ann"):
        waiting = asyncio.create_task(picture_of(thumbnailer, image(), user_id="bob"))
        await asyncio.sleep(0)
        assert len(decoders()) == 1
    assert await waiting is not None


async def test_who_waits_too_long_has_no_thumbnail(caplog: pytest.LogCaptureFixture) -> None:
    thumbnailer = Thumbnailer(ENDLESS, at_once=1, patience=0.01)
    async with in_work(thumbnailer, "ann"):
        assert await picture_of(thumbnailer, image(), user_id="bob") is None
    assert "a picture of user bob has no thumbnail" in caplog.text


async def test_a_user_who_has_used_up_the_processor_time_waits_and_others_do_not() -> None:
    bounds = Bounds(cpu=15.0, wall=60.0)  # most of what a user has, and less than three small pictures leave
    thumbnailer = Thumbnailer(bounds, patience=0.5)
    for _ in range(3):  # what is not spent comes back
        assert await picture_of(thumbnailer, image()) is not None
    async with in_work(thumbnailer, "ann") as task:
        task.cancel()  # it may have spent anything
        await asyncio.gather(task, return_exceptions=True)
    assert await picture_of(thumbnailer, image()) is None
    assert await picture_of(thumbnailer, image(), user_id="bob") is not None


async def test_small_files_do_not_wait_for_pictures(db: Database, tmp_path: Path, people: People) -> None:
    ann = await people()
    thumbnailer = Thumbnailer(ENDLESS, at_once=2)
    files = Files(db, FolderStorage(tmp_path), thumbnailer)
    async with in_work(thumbnailer, ann.id), in_work(thumbnailer, "bob"):
        with file_of(b"small") as file:
            attachment = await files.add(Caller(ann.id), Upload("a.txt", file, 5))
        assert (attachment.media_type, attachment.size) == ("text/plain", 5)


async def test_a_picture_beyond_its_bounds_is_stored_as_a_file(
    db: Database, tmp_path: Path, people: People
) -> None:
    ann = await people()
    files = Files(db, FolderStorage(tmp_path), Thumbnailer(Bounds(cpu=0.002)))
    content = image()
    with file_of(content) as file:
        attachment = await files.add(Caller(ann.id), Upload("a.png", file, len(content)))
    assert (attachment.media_type, attachment.thumbnail_url) == ("application/octet-stream", None)
    row = await files.find(Caller(ann.id), attachment.id)
    assert await FolderStorage(tmp_path).read(row.storage_key, 0, len(content)) == content


SHOW_ALL = """
import os, sys
print("\\0" * 12, sorted(os.environ), sorted(map(int, os.listdir("/dev/fd")))[:4], os.getcwd(), flush=True)
"""


async def test_a_process_has_nothing_of_the_server(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setenv("JWT_SECRET", "x" * 32)
    monkeypatch.setattr(thumbnailer_module, "PROGRAM", (sys.executable, "-S", "-c", SHOW_ALL))
    reading, writing = os.pipe()
    os.set_inheritable(reading, True)
    assert await picture_of(Thumbnailer(), image()) is None
    os.close(reading)
    os.close(writing)
    # The fourth descriptor is the folder that is listed.
    assert "PYTHONPATH" in caplog.text
    assert "JWT_SECRET" not in caplog.text
    assert "[0, 1, 2, 3] /" in caplog.text


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ((sys.executable, "-c", "raise SystemExit(1)"), "ended with status 1"),
        ((sys.executable, "-c", ""), "the result is cut off"),
        ((sys.executable, "-c", "print('nonsense' * 10)"), "the result is too large"),
        (("/nowhere/python",), "No such file"),
    ],
)
async def test_a_process_that_fails_costs_the_thumbnail_alone(
    program: tuple[str, ...],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(thumbnailer_module, "PROGRAM", program)
    assert await picture_of(Thumbnailer(), image()) is None
    assert said in caplog.text


ONE_PICTURE = """
import asyncio, sys
from app.attachments.thumbnails.thumbnailer import Thumbnailer
print(asyncio.run(Thumbnailer().picture("ann", sys.stdin.buffer.raw, "image/png")))
"""


def test_a_process_ends_with_a_server_that_is_killed() -> None:
    server = subprocess.Popen(
        [sys.executable, "-P", "-c", ONE_PICTURE], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    with server:
        while not (children := psutil.Process(server.pid).children()):
            assert server.poll() is None
            time.sleep(0.005)
        server.kill()
        _gone, alive = psutil.wait_procs(children, timeout=50)
    assert not alive


def test_results_come_through() -> None:
    thumbnail = thumbnails.picture_of(image(), "image/png").thumbnail
    for result in (
        Result(1.5, Picture(40, 30, thumbnail)),
        Result(0.0, Picture(1, 50_000_000, thumbnail, animated=True)),
    ):
        assert unpacked(packed(result)) == result
    refused = unpacked(packed(Result(0.25, NotAPicture("né"))))
    assert (refused.cpu, str(refused.outcome)) == (0.25, "né")


@given(st.binary(max_size=40))
def test_any_result_is_a_picture_that_can_be_stored_or_none(content: bytes) -> None:
    try:
        result = unpacked(content)
    except ValueError:
        return
    assert isinstance(result.outcome, NotAPicture) or result.outcome.thumbnail[8:12] == b"WEBP"


@pytest.mark.parametrize("size", [(2**32 - 1, 2**32 - 1), (50_000_001, 1), (7_072, 7_072)])
def test_a_size_that_no_picture_can_have_is_no_result(size: tuple[int, int]) -> None:
    thumbnail = thumbnails.picture_of(image(), "image/png").thumbnail
    with pytest.raises(ValueError, match="too large"):
        unpacked(packed(Result(0.0, Picture(*size, thumbnail))))
    with pytest.raises(ValueError, match="no WebP"):
        unpacked(packed(Result(0.0, Picture(1, 1, b"<svg>"))))
