"""The reading of uploads: any bytes, in any pieces."""

import asyncio
import tempfile
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from app.attachments import uploads
from app.attachments.storage.storage import StorageUnavailable
from app.attachments.uploads import AROUND_THE_FILE, BUFFER, GRACE, PACE, Body, received, time_for
from app.core.errors import Refusal

LIMIT = 50
FORM = Headers({"content-type": "multipart/form-data; boundary=x"})
BEGINNING = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
END = b"\r\n--x--\r\n"


def body_of(pieces: list[bytes], *, whole: bool = True) -> Body:
    """A body that comes in these pieces; the client goes away after them, or `whole` is true and that was all."""
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    messages.append({"type": "http.request", "body": b""} if whole else {"type": "http.disconnect"})

    async def receive() -> Any:
        return messages.pop(0)

    return Body(receive)


def any_size(_: int) -> None:
    """Refuses nothing."""


async def take(
    body: Body,
    *,
    limit: int = LIMIT,
    within: float = 10.0,
    headers: Headers = FORM,
    grow: Callable[[int], None] = any_size,
) -> tuple[str, bytes]:
    async with received(headers, body, limit=limit, within=within, grow=grow) as upload:
        upload.file.seek(0)
        content = upload.file.read()
        assert len(content) == upload.size <= limit
        return upload.name, content


def cut(content: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(content) + 1) for place in places} | {0, len(content)})
    return [content[start:stop] for start, stop in pairwise(ends)]


@given(content=st.binary(min_size=1, max_size=LIMIT), places=st.lists(st.integers(0, 500), max_size=20))
def test_any_file_comes_through_in_any_pieces(content: bytes, places: list[int]) -> None:
    if b"\r\n--x" in content:
        return
    assert anyio.run(take, body_of(cut(BEGINNING + content + END, places))) == ("a.txt", content)


ALPHABET = [
    b"--x",
    b"--x--",
    b"--",
    b"\r\n",
    b"\r",
    b"\n",
    b": ",
    b";",
    b'"',
    b"\0",
    b"\xff",
    BEGINNING,
    END,
    b"a" * 60,
]


@given(
    parts=st.lists(st.sampled_from(ALPHABET) | st.binary(max_size=10), max_size=20),
    places=st.lists(st.integers(0, 500), max_size=5),
    whole=st.booleans(),
)
def test_any_bytes_are_a_file_or_refused(parts: list[bytes], places: list[int], whole: bool) -> None:
    sent = b"".join(parts)
    outcome = anyio.run(outcome_of, body_of(cut(sent, places), whole=whole))
    if isinstance(outcome, tuple):
        name, content = outcome
        assert whole
        assert name == "a.txt"
        assert content in sent
    else:
        assert outcome in ("invalid", "too_large", 400)


@pytest.mark.parametrize("before", [b"\r\n", b"\n\r\r\n", b"\r\n" * 20])
@pytest.mark.parametrize("place", [0, 1, 3, 7])
async def test_line_breaks_may_come_before_a_form(before: bytes, place: int) -> None:
    sent = before + BEGINNING + b"a" + END
    assert await take(body_of(cut(sent, [place]))) == ("a.txt", b"a")


@pytest.mark.parametrize("places", [[], [1], [2], [3], list(range(40))], ids=str)
async def test_nothing_else_may_come_before_a_form_however_it_is_cut(places: list[int]) -> None:
    sent = b"\r\nwords" + BEGINNING + b"a" + END
    assert await outcome_of(body_of(cut(sent, places))) == 400


async def outcome_of(body: Body) -> tuple[str, bytes] | str | int:
    """The file, or the reason or status of the refusal."""
    try:
        return await take(body)
    except Refusal as refusal:
        return refusal.reason
    except HTTPException as error:
        return error.status_code


@given(st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60))
def test_any_content_type_is_a_form_or_refused(content_type: str) -> None:
    with pytest.raises((HTTPException, Refusal)):
        anyio.run(lambda: take(body_of([b"--y\r\n"]), headers=Headers({"content-type": content_type})))


async def test_more_than_the_limit_is_never_read() -> None:
    sent = 0

    async def receive() -> Any:
        nonlocal sent
        sent += 1
        return {"type": "http.request", "body": BEGINNING if sent == 1 else bytes(10), "more_body": True}

    body = Body(receive)
    with pytest.raises(Refusal, match="50 bytes is the most"):
        await take(body)
    assert sent == 1 + LIMIT // 10 + 1
    assert not body.ended


async def test_what_is_announced_as_too_much_is_not_read_at_all() -> None:
    async def receive() -> Any:
        raise AssertionError("nothing is to be read")

    announced = Headers({**FORM, "content-length": str(LIMIT + AROUND_THE_FILE + 1)})
    with pytest.raises(Refusal) as refusal:
        await take(Body(receive), headers=announced)
    assert refusal.value.reason == "too_large"


async def test_an_upload_that_stands_still_is_ended() -> None:
    async def receive() -> Any:
        await asyncio.Event().wait()

    with pytest.raises(HTTPException) as error:
        await take(Body(receive), within=0.01)
    assert error.value.status_code == 408


async def test_large_files_go_to_the_disk_in_between() -> None:
    content = bytes(range(256)) * (BUFFER // 100)
    pieces = cut(BEGINNING + content + END, list(range(0, len(content), 60_000)))
    grown: list[int] = []
    assert await take(body_of(pieces), limit=len(content), grow=grown.append) == ("a.txt", content)
    assert sum(grown) == len(content)
    assert max(grown) < BUFFER + 60_000


async def test_bytes_that_are_refused_do_not_go_to_the_disk() -> None:
    def full(size: int) -> None:
        raise Refusal("unavailable", "full")

    with pytest.raises(Refusal, match="full"):
        await take(body_of([BEGINNING, b"content", END]), grow=full)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
@pytest.mark.parametrize("content", [b"small", bytes(2 * BUFFER)])
async def test_a_full_disk_is_a_storage_that_is_away(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", partial(open, "/dev/full", "w+b"))
    with pytest.raises(StorageUnavailable, match="No space left"):
        await take(body_of([BEGINNING, content, END]), limit=len(content))


async def test_no_folder_for_temporary_files_is_a_storage_that_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(StorageUnavailable, match="missing"):
        await take(body_of([BEGINNING, b"content", END]))


@pytest.mark.parametrize(
    ("received_bytes", "seconds"),
    [(0, GRACE), (1, GRACE), (PACE, GRACE + 1), (100 * PACE, GRACE + 100), (10_000 * PACE, 600)],
)
def test_a_body_has_as_much_time_as_goes_with_what_has_come(received_bytes: int, seconds: float) -> None:
    assert time_for(received_bytes, 600) == pytest.approx(seconds, abs=0.001)


async def test_a_body_that_begins_and_then_stands_still_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "GRACE", 0.01)
    pieces = [BEGINNING, b"content"]

    async def receive() -> Any:
        if not pieces:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": pieces.pop(0), "more_body": True}

    with pytest.raises(HTTPException) as error:
        await take(Body(receive), within=600)
    assert error.value.status_code == 408


async def test_who_sends_on_is_heard_for_a_moment() -> None:
    body = body_of([b"more"] * 5)
    await body.linger()
    assert body.ended
    gone = body_of([b"more"], whole=False)
    await gone.linger()
    assert gone.ended
