"""What users tell of themselves: names, status, time zone and avatar; who hears of it, and who does not."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image

from app.db.database import Database
from tests.support.chat.people import People, Person, together
from tests.support.images import image

pytestmark = pytest.mark.over_websocket


async def ok(person: Person, method: str, path: str, **options: Any) -> Any:
    answer = await person.http.request(method, path, **options)
    assert answer.is_success, answer.text
    return None if answer.status_code == 204 else answer.json()


async def change(person: Person, **fields: Any) -> Any:
    return await ok(person, "PATCH", "/chat/profile", json=fields)


async def upload(person: Person, content: bytes, name: str = "a.png") -> str:
    id_: str = (await ok(person, "POST", "/chat/files", files={"file": (name, content)}))["id"]
    return id_


async def test_who_shares_a_room_hears_of_it(people: People, db: Database) -> None:
    ann, bob, eve, dan = [await people(name) for name in ("ann", "bob", "eve", "dan")]
    await together(ann, bob, dan)
    await ok(ann, "PUT", f"/chat/blocks/{dan.id}")
    devices = [await person.device() for person in (ann, bob)]
    apart = [await person.device() for person in (eve, dan)]
    until = datetime.now(UTC) + timedelta(hours=1)
    changed = await change(
        ann,
        displayName="Ann  Lee",
        status=" At lunch ",
        statusUntil=until.isoformat(),
        timeZone="Europe/Paris",
    )
    assert changed["user"] == {"id": ann.id, "username": "ann", "displayName": "Ann Lee", "avatar": None}
    assert (changed["status"], changed["timeZone"]) == ("At lunch", "Europe/Paris")
    for device in devices:
        assert await device.expect("user:profile-updated") == changed
    assert await ok(bob, "GET", f"/chat/users/{ann.id}/profile") == changed
    withheld = await ok(dan, "GET", f"/chat/users/{ann.id}/profile")
    assert (withheld["user"], withheld["status"], withheld["timeZone"]) == (changed["user"], None, None)
    assert [user["username"] for user in await ok(bob, "GET", "/chat/users?query=lee")] == ["ann"]
    await db.value("update users set status_until = now() where id = :id", id=ann.id)
    over = await ok(bob, "GET", f"/chat/users/{ann.id}/profile")
    assert (over["status"], over["statusUntil"]) == (None, None)
    plain = await change(ann, displayName="", status="")
    assert (plain["user"]["displayName"], plain["status"], plain["timeZone"]) == (None, None, "Europe/Paris")
    for device in apart:
        await device.ok("room:list")
        assert device.received["user:profile-updated"] == []
    for wrong in ({}, {"timeZone": "Nowhere/Else"}, {"displayName": "a@b"}, {"status": "\u200b"}):
        assert (await ann.http.patch("/chat/profile", json=wrong)).status_code == 422
    assert (await ann.http.get("/chat/users/nobody/profile")).status_code == 404


@pytest.mark.usefixtures("swept_at_start")
async def test_an_avatar_is_a_square_that_every_user_may_see(
    http: httpx.AsyncClient, people: People, db: Database
) -> None:
    ann, bob = await people("ann"), await people("bob")
    first, second = [await upload(ann, image(size=(300, 100))) for _ in range(2)]
    profile = await change(ann, avatar=first)
    address = profile["user"]["avatar"]
    seen = await bob.http.get(address)
    assert seen.headers["content-type"] == "image/webp"
    with Image.open(BytesIO(seen.content)) as picture:
        assert picture.size == (256, 256)
    assert (await http.get(address)).status_code == 401
    assert (await bob.http.get(f"/chat/files/{first}")).status_code == 403
    assert await db.value("select expires_at is null from files where id = :id", id=first)
    room = await together(ann, bob)
    sent = {"content": "", "attachments": [first]}
    assert (await ann.http.post(f"/chat/rooms/{room}/messages", json=sent)).status_code == 404
    said = await ok(ann, "POST", f"/chat/rooms/{room}/messages", json={"content": "hello"})
    assert said["sender"]["avatar"] == address
    await change(ann, avatar=second)
    assert (await bob.http.get(address)).status_code == 404
    expired = await db.column(str, "select id from files where expires_at <= now()")
    assert expired == [first]
    assert (await change(ann, removeAvatar=True))["user"]["avatar"] is None
    assert set(await db.column(str, "select id from files where expires_at <= now()")) == {first, second}


async def test_what_can_be_no_avatar(people: People) -> None:
    ann, bob = await people("ann"), await people("bob")
    text, theirs = await upload(ann, b"no picture", "a.txt"), await upload(bob, image())
    answers = [
        (await ann.http.patch("/chat/profile", json={"avatar": file})).status_code
        for file in (text, theirs, "nowhere")
    ]
    assert answers == [422, 404, 404]
