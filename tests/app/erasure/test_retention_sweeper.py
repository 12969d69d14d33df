"""Rooms that keep their messages for some days alone."""

from typing import Any

import pytest

from app.config.settings import Settings
from app.db.database import Database
from app.erasure import retention_sweeper
from tests.support.chat.people import People, Person, together
from tests.support.waiting import until

pytestmark = pytest.mark.over_websocket


async def ok(person: Person, method: str, path: str, **options: Any) -> Any:
    answer = await person.http.request(method, path, **options)
    assert answer.is_success, answer.text
    return None if answer.status_code == 204 else answer.json()


@pytest.fixture
def settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Of an instance that looks all the time, from its start on, and erases a few messages at a time."""
    monkeypatch.setattr(retention_sweeper, "LOOK_EVERY", 0.05)
    monkeypatch.setattr(retention_sweeper, "MESSAGES_AT_ONCE", 2)
    return settings


async def test_old_messages_go_with_their_files(people: People, db: Database) -> None:
    ann, bob = await people("ann"), await people("bob")
    room, keeps = await together(ann, bob), await together(ann, bob)
    file = await ok(ann, "POST", "/chat/files", files={"file": ("notes.txt", b"all of them")})
    for place in (room, keeps):
        for number in range(5):
            body = {
                "content": f"message {number}",
                "attachments": [file["id"]] if (place, number) == (room, 0) else [],
            }
            await ok(ann, "POST", f"/chat/rooms/{place}/messages", json=body)
    (*_, oldest) = await ok(ann, "GET", f"/chat/rooms/{room}/messages")
    await ok(ann, "PATCH", f"/chat/messages/{oldest['id']}", json={"content": "edited"})
    await ok(bob, "PUT", f"/chat/messages/{oldest['id']}/saved")
    await db.value(
        "update messages set created_at = created_at - interval '3 days' where content <> 'message 4'"
    )
    before = (await ok(bob, "GET", f"/chat/rooms/{room}"))["lastSeq"]
    assert (await bob.http.put(f"/admin/rooms/{room}/retention", json={"days": 2})).status_code == 403
    await ok(ann, "PUT", f"/admin/rooms/{room}/retention", json={"days": 2})
    listed = (await ok(ann, "GET", "/admin/rooms"))["rooms"]
    assert {one["id"]: one["retentionDays"] for one in listed} == {room: 2, keeps: None}

    async def left() -> bool:
        return (
            await db.value(
                "select count(*) from messages where room_id = :room and deleted_at is null", room=room
            )
            == 1
        )

    await until(left)
    assert await db.value("select count(*) from message_edits") == 0
    assert await ok(bob, "GET", "/chat/saved") == []
    changes = await ok(bob, "GET", f"/chat/rooms/{room}/changes?after={before}")
    assert [bool(change["message"]["deletedAt"]) for change in changes["changes"]] == [True] * 4
    assert changes["lastSeq"] == before + 4
    assert (await bob.http.get(f"/chat/files/{file['id']}")).status_code in (403, 404)
    assert len(await ok(bob, "GET", f"/chat/rooms/{keeps}/messages")) == 5
    await ok(ann, "PUT", f"/admin/rooms/{room}/retention", json={})
    assert await db.value("select count(*) from rooms where retention_days is not null") == 0
