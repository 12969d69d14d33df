"""Uploads, and who may have them, over HTTP against whole instances."""

import asyncio
import io
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uuid_utils
from PIL import Image

from app.attachments.attachments import MAX_LOOSE, Files
from app.attachments.storage.storage import PIECE, FolderStorage
from app.attachments.upload_slots import MAX_OF_A_USER
from app.config.settings import Settings
from app.db.database import Database
from app.store.log import files as store
from tests.support.chat.people import Instance, People, Person, Start
from tests.support.images import HTML, SAMPLES, SVG, camera_jpeg, image, png_claiming
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.over_websocket

MANY = 10_000

# What is shown and played in a page; all else is bytes to be saved.
SERVED = {
    media_type: (media_type, "inline")
    for media_type in (
        *("image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"),
        *("audio/mpeg", "audio/mp4", "audio/ogg", "audio/wav", "audio/flac", "video/mp4", "video/webm"),
    )
}


@pytest.fixture
def folder(settings: Settings) -> Path:
    """Where the instances of the test keep files."""
    return settings.data_dir / "files"


def stored(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def upload(person: Person, content: bytes, name: str = "a file", *, url: str = "") -> dict[str, Any]:
    answer = await person.http.post(f"{url}/chat/files", files={"file": (name, content, "text/html")})
    assert answer.status_code == 201, answer.text
    attachment: dict[str, Any] = answer.json()
    return attachment


async def sent(db: Database, person: Person, room_id: str, *file_ids: str) -> str:
    """Attaches files to a message that the person sends; returns the message's id."""
    device = await person.device()
    message_id: str = (await device.ok("message:send", {"roomId": room_id, "content": "look"}))["id"]

    async def work(q: Any) -> None:
        assert len(await store.lock_loose(q, file_ids)) == len(file_ids)
        places = list(range(len(file_ids)))
        await store.attach(q, file_ids=file_ids, message_ids=[message_id] * len(file_ids), places=places)

    await db.transaction(work)
    return message_id


async def shown_attachments(db: Database, message_id: str) -> list[Any]:
    """The files that a message is shown with."""
    found: list[Any] = await db.value("select attachments from shown_messages where id = :id", id=message_id)
    return found


async def expire(db: Database) -> None:
    """What a day does."""
    await db.value(
        "update files set expires_at = expires_at - interval '24 hours' where expires_at is not null"
    )


def refused(answer: httpx.Response, status: int, code: str | None = None) -> None:
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body["statusCode"] == status
    assert [cause["code"] for cause in body["details"]["cause"]] == ([] if code is None else [code])


# Uploads


async def test_upload(people: People, folder: Path) -> None:
    ada = await people()
    content = image("PNG", (960, 600))
    attachment = await upload(ada, content, "Grüße.png")
    file_id = attachment["id"]
    assert attachment == {
        "id": file_id,
        "name": "Grüße.png",
        "mediaType": "image/png",
        "size": len(content),
        "width": 960,
        "height": 600,
        "url": f"/chat/files/{file_id}",
        "thumbnailUrl": f"/chat/files/{file_id}/thumbnail",
        "animated": False,
    }
    answer = await ada.http.get(attachment["url"])
    assert answer.status_code == 200
    assert answer.content == content
    assert answer.headers["content-length"] == str(len(content))
    assert len(stored(folder)) == 2
    thumbnail = await ada.http.get(attachment["thumbnailUrl"])
    assert thumbnail.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(thumbnail.content)).size == (480, 300)


async def test_a_file_that_is_no_image(people: People, folder: Path) -> None:
    ada = await people()
    attachment = await upload(ada, b"some words")
    assert attachment["mediaType"] == "text/plain"
    assert (attachment["width"], attachment["height"], attachment["thumbnailUrl"]) == (None, None, None)
    refused(await ada.http.get(f"{attachment['url']}/thumbnail"), 404)
    assert len(stored(folder)) == 1


@pytest.mark.parametrize("size", [1, PIECE - 1, PIECE, 3 * PIECE + 1])
async def test_sizes(people: People, size: int) -> None:
    ada = await people()
    content = os.urandom(size)
    attachment = await upload(ada, content)
    assert attachment["size"] == size
    assert (await ada.http.get(attachment["url"])).content == content


async def test_the_largest_file(start: Start, http: httpx.AsyncClient, people: People, folder: Path) -> None:
    small = await start(max_file_size=MANY)
    ada = await people()
    await upload(ada, bytes(MANY), url=small.url)
    answer = await ada.http.post(f"{small.url}/chat/files", files={"file": ("a", bytes(MANY + 1))})
    refused(answer, 413)
    assert len(stored(folder)) == 1


async def test_two_uploads_at_once(people: People) -> None:
    ada, bob = await people(), await people()
    contents = [os.urandom(2 * PIECE + number) for number in range(4)]
    owners = [ada, ada, bob, bob]
    attachments = await asyncio.gather(
        *(upload(owner, content) for owner, content in zip(owners, contents, strict=True))
    )
    for owner, content, attachment in zip(owners, contents, attachments, strict=True):
        assert (await owner.http.get(attachment["url"])).content == content


async def test_the_type_is_what_the_bytes_say(people: People) -> None:
    ada = await people()
    for content, media_type in SAMPLES.values():
        attachment = await upload(ada, content, "holiday.png")
        assert attachment["mediaType"] == media_type
        answer = await ada.http.get(attachment["url"])
        assert answer.content == content
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
        kind, disposition = SERVED.get(media_type, ("application/octet-stream", "attachment"))
        assert answer.headers["content-type"] == kind
        assert answer.headers["content-disposition"].startswith(f'{disposition}; filename="holiday.png"')


@pytest.mark.parametrize(
    "content", [HTML, SVG, b"GIF89a" + HTML, b"\x89PNG\r\n\x1a\n" + HTML, png_claiming(60_000, 60_000)]
)
async def test_what_only_claims_to_be_an_image_is_saved_and_not_shown(people: People, content: bytes) -> None:
    ada = await people()
    attachment = await upload(ada, content, "image.png")
    assert attachment["thumbnailUrl"] is None
    assert not attachment["mediaType"].startswith("image/")
    answer = await ada.http.get(attachment["url"])
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment;")


async def test_a_photograph(people: People) -> None:
    ada = await people()
    attachment = await upload(ada, camera_jpeg(6))
    assert (attachment["width"], attachment["height"]) == (600, 800)
    thumbnail = await ada.http.get(attachment["thumbnailUrl"])
    assert b"Secret" not in thumbnail.content


async def test_a_picture_that_moves(people: People, db: Database) -> None:
    ada = await people()
    room_id = await ada.room(name="Films")
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    content = io.BytesIO()
    frames[0].save(content, "WEBP", save_all=True, append_images=frames[1:])
    attachment = await upload(ada, content.getvalue())
    assert attachment["animated"]
    thumbnail = await ada.http.get(attachment["thumbnailUrl"])
    assert not getattr(Image.open(io.BytesIO(thumbnail.content)), "is_animated", False)
    await sent(db, ada, room_id, attachment["id"])
    shown = (await ada.http.get(f"/chat/rooms/{room_id}/messages")).json()[0]
    assert shown["attachments"] == [attachment]


@pytest.mark.parametrize(
    ("escaped", "name"),
    [
        ("../../../etc/passwd", "passwd"),
        ("a%0D%0ASet-Cookie: x=y", "a Set-Cookie: x=y"),
        ("C:\\\\Users\\\\ada\\\\cv.pdf", "cv.pdf"),
        ("%22quoted%22.txt", '"quoted".txt'),
        ("你好.txt", "你好.txt"),
        ("x" * 400 + ".txt", "x" * 251 + ".txt"),
    ],
)
async def test_names(people: People, folder: Path, escaped: str, name: str) -> None:
    ada = await people()
    answer = await post_form(ada, part(f'name="file"; filename="{escaped}"', b"x"))
    assert answer.status_code == 201, answer.text
    assert answer.json()["name"] == name
    headers = (await ada.http.get(answer.json()["url"])).headers
    assert "set-cookie" not in headers
    assert all(path.is_relative_to(folder) for path in stored(folder.parent) if path.name != "lock")


# Uploads that are refused


def part(disposition: str, content: bytes, more: bytes = b"") -> bytes:
    return (
        b"--x\r\nContent-Disposition: form-data; "
        + disposition.encode()
        + b"\r\n"
        + more
        + b"\r\n"
        + content
        + b"\r\n"
    )


async def post_form(person: Person, *parts: bytes, end: bytes = b"--x--\r\n") -> httpx.Response:
    return await post(person, b"".join(parts) + end, "multipart/form-data; boundary=x")


async def post(person: Person, content: bytes | AsyncIterator[bytes], content_type: str) -> httpx.Response:
    return await person.http.post("/chat/files", content=content, headers={"content-type": content_type})


FILE = 'name="file"; filename="a.txt"'


async def test_other_fields_are_passed_over(people: People) -> None:
    ada = await people()
    answer = await post_form(
        ada,
        part('name="comment"', b"look at this"),
        part('name="other"; filename="other.txt"', b"other"),
        part(FILE, b"this one", b"Content-Type: image/png\r\nX-More: 1\r\n"),
        part('name="file"', b"not a file"),
    )
    assert answer.status_code == 201
    assert (await ada.http.get(answer.json()["url"])).content == b"this one"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"--x--\r\n", 422, "required"),
        (part('name="other"; filename="a"', b"content") + b"--x--\r\n", 422, "required"),
        (part('name="file"', b"content") + b"--x--\r\n", 422, "required"),
        (part('name="file"; filename=""', b"") + b"--x--\r\n", 422, "required"),
        (part(FILE, b"") + b"--x--\r\n", 422, "empty"),
        (part(FILE, b"1") + part(FILE, b"2") + b"--x--\r\n", 422, "too_many"),
        (part(FILE, b"content"), 400, None),
        (part(FILE, b"content") + b"--x", 400, None),
        (b"", 400, None),
        (b"not a form at all", 400, None),
        (b"--y\r\n\r\n--y--", 400, None),
        (b"--x\r\nno header\r\n\r\n", 400, None),
        (b"--x\r\n" + b"A: b\r\n" * 1000, 400, None),
        (b"--x\r\nA: " + b"b" * 15_000 + b"\r\n\r\n", 400, None),
        (part('name="other"', b"x" * 17_000) + b"--x--\r\n", 413, None),
    ],
)
async def test_malformed_forms(
    people: People, folder: Path, db: Database, body: bytes, status: int, code: str | None
) -> None:
    ada = await people()
    refused(await post(ada, body, "multipart/form-data; boundary=x"), status, code)
    await nothing_is_left(db, folder)


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 415),
        ("multipart/mixed; boundary=x", 415),
        ("", 415),
        ("multipart/form-data", 400),
        ("multipart/form-data; boundary=", 400),
        ("multipart/form-data; boundary=" + "x" * 5000, 400),
    ],
)
async def test_what_is_no_form(people: People, content_type: str, status: int) -> None:
    ada = await people()
    refused(await post(ada, part(FILE, b"content") + b"--x--\r\n", content_type), status)


async def nothing_is_left(db: Database, folder: Path) -> None:
    assert await db.value("select count(*) from files") == 0
    assert stored(folder) == []


async def test_nobody_uploads_without_a_token(http: httpx.AsyncClient, folder: Path, db: Database) -> None:
    for headers in ({}, {"authorization": "Bearer nonsense"}):
        refused(await http.post("/chat/files", files={"file": ("a", b"x")}, headers=headers), 401)
    await nothing_is_left(db, folder)


@pytest.mark.parametrize(("token", "status"), [(True, 413), (False, 401)])
async def test_a_large_upload_is_refused_before_it_has_come(people: People, token: bool, status: int) -> None:
    """The client announces a terabyte and sends little of it; the answer comes, and then the end."""
    ada = await people()
    reader, writer = await connection(ada.url)
    writer.write(head_of_upload(ada.token if token else "nonsense", "Content-Length: 1000000000000"))
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"connection: close" in head
    assert (await reader.read()).endswith(b"}")
    writer.close()


async def test_an_upload_without_an_announced_size_is_cut_at_the_limit(
    start: Start, people: People, db: Database, folder: Path
) -> None:
    small = await start(max_file_size=MANY)
    ada = await people()
    reader, writer = await connection(small.url)
    writer.write(head_of_upload(ada.token, "Transfer-Encoding: chunked"))
    beginning = part(FILE, b"").removesuffix(b"\r\n")
    writer.write(b"%x\r\n%b\r\n" % (len(beginning), beginning))
    sending = asyncio.create_task(send_for_ever(writer))
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 ")
    await sending
    await nothing_is_left(db, folder)


def head_of_upload(token: str, length: str) -> bytes:
    lines = [
        "POST /chat/files HTTP/1.1",
        "Host: localhost",
        "Content-Type: multipart/form-data; boundary=x",
        length,
        f"Authorization: Bearer {token}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


async def connection(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = url.removeprefix("http://").partition(":")
    return await asyncio.open_connection(host, int(port))


async def send_for_ever(writer: asyncio.StreamWriter) -> None:
    """Until the server hangs up."""
    try:
        while True:
            writer.write(b"1000\r\n" + bytes(0x1000) + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)
    except ConnectionError:
        writer.close()


async def test_an_upload_that_breaks_off_leaves_nothing(
    people: People, db: Database, folder: Path, instance: Instance
) -> None:
    ada = await people()
    for after in (0, 100, PIECE):
        _reader, writer = await connection(instance.url)
        writer.write(head_of_upload(ada.token, "Content-Length: 9000000"))
        writer.write(part(FILE, bytes(after)).removesuffix(b"\r\n"))
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    await upload(ada, b"the connection after them")
    await instance.stop()
    assert await db.value("select count(*) from files") == 1
    assert len(stored(folder)) == 1


async def test_a_storage_that_is_away(start: Start, people: People, tmp_path: Path, db: Database) -> None:
    ada = await people()
    (tmp_path / "in the way").write_text("a file and no folder")
    broken = await start(file_storage=str(tmp_path / "in the way"))
    answer = await ada.http.post(f"{broken.url}/chat/files", files={"file": ("a", b"x")})
    refused(answer, 503)
    assert answer.headers["retry-after"] == "1"
    assert await db.value("select count(*) from files where expires_at > now()") == 0
    attachment = await upload(ada, b"x")
    refused(await ada.http.get(f"{broken.url}{attachment['url']}"), 503)


async def test_loose_files_are_limited(people: People, db: Database) -> None:
    ada, bob = await people(), await people()
    room_id = await ada.room()
    first = await upload(ada, b"x")
    for number in range(MAX_LOOSE - 1):
        await insert(db, ada.id, f"file-{number}")
    answer = await ada.http.post("/chat/files", files={"file": ("a", b"x")})
    refused(answer, 409)
    await upload(bob, b"x")
    await sent(db, ada, room_id, first["id"])
    await upload(ada, b"x")


async def test_the_limit_of_loose_files_holds_for_uploads_at_once(people: People, db: Database) -> None:
    ada = await people()
    for number in range(MAX_LOOSE - 2):
        await insert(db, ada.id, f"file-{number}")
    answers = await asyncio.gather(
        *(ada.http.post("/chat/files", files={"file": ("a", b"x")}) for _ in range(MAX_OF_A_USER - 1))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 201] + [409] * (MAX_OF_A_USER - 3)


async def insert(db: Database, owner_id: str, file_id: str, *, key: str = "") -> None:
    await store.insert(
        db,
        file_id=file_id,
        owner_id=owner_id,
        name="a file",
        media_type="text/plain",
        size=1,
        width=None,
        height=None,
        storage_key=key or f"00/{file_id}",
        thumbnail_key=None,
    )


# Who may have a file


async def test_a_loose_file_is_its_owners_alone(people: People) -> None:
    ada, bob = await people(), await people()
    attachment = await upload(ada, image("PNG"))
    for url in (attachment["url"], attachment["thumbnailUrl"]):
        assert (await ada.http.get(url)).status_code == 200
        refused(await bob.http.get(url), 403)
        async with httpx.AsyncClient(base_url=ada.url) as nobody:
            refused(await nobody.get(url), 401)


async def test_a_sent_file_is_for_the_members_of_its_room(people: People, db: Database) -> None:
    ada, bob, eve = await people(), await people(), await people()
    room_id = await ada.room()
    attachment = await upload(ada, image("PNG"))
    await bob.http.post(f"/chat/rooms/{room_id}/join")
    await eve.room()
    await sent(db, ada, room_id, attachment["id"])
    for url in (attachment["url"], attachment["thumbnailUrl"]):
        assert (await ada.http.get(url)).status_code == 200
        assert (await bob.http.get(url)).status_code == 200
        refused(await eve.http.get(url), 403)
    await bob.http.post(f"/chat/rooms/{room_id}/leave")
    for url in (attachment["url"], attachment["thumbnailUrl"]):
        refused(await bob.http.get(url), 403)


async def test_the_owner_who_left_the_room_has_the_file_no_more(people: People, db: Database) -> None:
    ada, bob = await people(), await people()
    room_id = await ada.room()
    await bob.http.post(f"/chat/rooms/{room_id}/join")
    attachment = await upload(bob, b"x")
    await sent(db, bob, room_id, attachment["id"])
    await bob.http.post(f"/chat/rooms/{room_id}/leave")
    refused(await bob.http.get(attachment["url"]), 403)
    assert (await ada.http.get(attachment["url"])).status_code == 200


@pytest.mark.parametrize("state", ["invited", "left", "removed", "banned"])
async def test_who_is_no_member_now_has_nothing(people: People, db: Database, state: str) -> None:
    ada, bob = await people(), await people()
    room_id = await ada.room()
    await bob.http.post(f"/chat/rooms/{room_id}/join")
    attachment = await upload(ada, b"x")
    await sent(db, ada, room_id, attachment["id"])
    await db.value(
        "update room_members set state = :state where user_id = :user_id", state=state, user_id=bob.id
    )
    refused(await bob.http.get(attachment["url"]), 403)


async def test_unknown_files(people: People) -> None:
    ada = await people()
    for file_id in ("unknown", str(uuid_utils.uuid7()), "..%2F..%2Fetc%2Fpasswd", "a%00b", "x" * 200):
        refused(await ada.http.get(f"/chat/files/{file_id}"), 404)
        refused(await ada.http.get(f"/chat/files/{file_id}/thumbnail"), 404)


@pytest.mark.usefixtures("swept_at_start")
async def test_the_files_of_a_deleted_message_are_gone(people: People, db: Database, folder: Path) -> None:
    ada = await people()
    room_id = await ada.room()
    attachments = [await upload(ada, image("PNG")), await upload(ada, b"x")]
    message_id = await sent(db, ada, room_id, *(attachment["id"] for attachment in attachments))
    await store.detach_of_message(db, message_id)
    assert await shown_attachments(db, message_id) == []
    for attachment in attachments:
        refused(await ada.http.get(attachment["url"]), 404)
    assert await store.lock_loose(db, [attachment["id"] for attachment in attachments]) == []
    assert await Files(db, FolderStorage(folder)).sweep() == 2
    await nothing_is_left(db, folder)


async def test_a_file_that_the_storage_lost_is_not_found(people: People, folder: Path) -> None:
    ada = await people()
    attachment = await upload(ada, image("PNG"))
    for path in stored(folder):
        path.unlink()
    for url in (attachment["url"], attachment["thumbnailUrl"]):
        answer = await ada.http.get(url)
        refused(answer, 404)
        assert answer.json()["message"] == "The chat has lost this file"


@pytest.mark.parametrize("size", [PIECE // 2, 2 * PIECE])
async def test_a_file_that_lost_its_end_is_refused_as_a_whole_and_named_in_the_log(
    people: People, folder: Path, caplog: pytest.LogCaptureFixture, size: int
) -> None:
    ada = await people()
    attachment = await upload(ada, os.urandom(size))
    (path,) = stored(folder)
    os.truncate(path, size - 10)
    answer = await ada.http.get(attachment["url"])
    refused(answer, 404)
    assert answer.json()["message"] == "The chat has lost this file"
    assert f"the storage has lost the end of {path.parent.name}/{path.name}" in caplog.text
    part = await ada.http.get(attachment["url"], headers={"range": "bytes=0-99"})
    assert part.status_code == 206  # which is there


# How it is served


async def test_caching(people: People, db: Database) -> None:
    ada, bob = await people(), await people()
    attachment = await upload(ada, image("PNG"))
    for url in (attachment["url"], attachment["thumbnailUrl"]):
        first = await ada.http.get(url)
        assert first.headers["cache-control"] == "private, max-age=31536000, immutable"
        etag = first.headers["etag"]
        for tags in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            again = await ada.http.get(url, headers={"if-none-match": tags})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert (await ada.http.get(url, headers={"if-none-match": '"other"'})).status_code == 200
        refused(await bob.http.get(url, headers={"if-none-match": etag}), 403)


async def test_head(people: People) -> None:
    ada = await people()
    attachment = await upload(ada, image("PNG"))
    for url in (attachment["url"], attachment["thumbnailUrl"]):
        full, head = await ada.http.get(url), await ada.http.head(url)
        assert (head.status_code, head.content) == (200, b"")
        for name in ("content-length", "content-type", "etag", "content-disposition"):
            assert head.headers[name] == full.headers[name]


async def test_ranges(people: People) -> None:
    ada = await people()
    content = os.urandom(3 * PIECE)
    size = len(content)
    url = (await upload(ada, content))["url"]
    for header, first, stop in (
        ("bytes=0-0", 0, 1),
        ("bytes=5-", 5, size),
        ("bytes=-7", size - 7, size),
        ("bytes=100-2000000", 100, 2_000_001),
    ):
        answer = await ada.http.get(url, headers={"range": header})
        assert answer.status_code == 206
        assert answer.content == content[first:stop]
        assert answer.headers["content-range"] == f"bytes {first}-{stop - 1}/{size}"
        head = await ada.http.head(url, headers={"range": header})
        assert (head.status_code, head.headers["content-length"]) == (206, str(stop - first))


async def test_ranges_that_are_not_there(people: People) -> None:
    ada = await people()
    url = (await upload(ada, b"0123456789"))["url"]
    answer = await ada.http.get(url, headers={"range": "bytes=10-"})
    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */10")
    whole = await ada.http.get(url, headers={"range": "bytes=0-1,4-5"})
    assert (whole.status_code, whole.content) == (200, b"0123456789")


async def test_a_range_of_another_file_is_the_whole_of_this(people: People) -> None:
    ada = await people()
    url = (await upload(ada, b"0123456789"))["url"]
    etag = (await ada.http.get(url)).headers["etag"]
    assert (await ada.http.get(url, headers={"range": "bytes=0-1", "if-range": etag})).content == b"01"
    assert (await ada.http.get(url, headers={"range": "bytes=0-1", "if-range": '"other"'})).status_code == 200


async def test_other_methods(people: People) -> None:
    ada = await people()
    for method, path in (
        ("GET", ""),
        ("PUT", ""),
        ("POST", "/x"),
        ("DELETE", "/x"),
        ("POST", "/x/thumbnail"),
    ):
        refused(await ada.http.request(method, f"/chat/files{path}"), 405)


# What expires


@pytest.mark.usefixtures("swept_at_start")
async def test_loose_files_expire(people: People, db: Database, folder: Path) -> None:
    ada = await people()
    room_id = await ada.room()
    loose, kept = await upload(ada, image("PNG")), await upload(ada, b"kept")
    await sent(db, ada, room_id, kept["id"])
    files = Files(db, FolderStorage(folder))
    assert await files.sweep() == 0
    await expire(db)
    refused(await ada.http.get(loose["url"]), 404)
    assert await store.lock_loose(db, [loose["id"]]) == []
    assert await files.sweep() == 1
    assert (await ada.http.get(kept["url"])).content == b"kept"
    assert len(stored(folder)) == 1
    assert await db.value("select count(*) from files") == 1


@pytest.mark.usefixtures("swept_at_start")
async def test_two_instances_sweep_at_once(people: People, db: Database, folder: Path) -> None:
    ada = await people()
    for number in range(90):
        await insert(db, ada.id, f"file-{number}", key=f"{number:02d}/file-{number}")
        await FolderStorage(folder).write(f"{number:02d}/file-{number}", io.BytesIO(b"x"))
    await expire(db)
    swept = await asyncio.gather(*(Files(db, FolderStorage(folder)).sweep() for _ in range(3)))
    assert sum(swept) == 90
    await nothing_is_left(db, folder)


@pytest.mark.usefixtures("swept_at_start")
async def test_what_the_storage_cannot_delete_stays_for_the_next_time(
    people: People, db: Database, tmp_path: Path
) -> None:
    ada = await people()
    (tmp_path / "in the way").write_text("a file and no folder")
    await insert(db, ada.id, "file-1")
    await expire(db)
    assert await Files(db, FolderStorage(tmp_path / "in the way")).sweep() == 0
    assert await db.value("select count(*) from files") == 1
    assert await Files(db, FolderStorage(tmp_path / "a folder")).sweep() == 1
    assert await db.value("select count(*) from files") == 0


async def test_a_running_instance_sweeps(people: People, db: Database, folder: Path, start: Start) -> None:
    ada = await people()
    await upload(ada, image("PNG"))
    await expire(db)
    await start()
    async with asyncio.timeout(PATIENCE):
        while stored(folder) or await db.value("select count(*) from files"):  # noqa: ASYNC110 - the database tells
            await asyncio.sleep(0.02)


async def test_a_file_is_attached_once_and_in_order(people: People, db: Database) -> None:
    ada = await people()
    room_id = await ada.room()
    ids = [(await upload(ada, b"x", f"{number}"))["id"] for number in range(3)]
    ids.reverse()
    message_id = await sent(db, ada, room_id, *ids)
    shown = [(file["id"], file["name"]) for file in await shown_attachments(db, message_id)]
    assert shown == list(zip(ids, "210", strict=True))
    assert await store.lock_loose(db, ids) == []
