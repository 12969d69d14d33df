"""Exports of one's own data, and of a room by administrators."""

import json
from typing import Any

import pytest

from tests.support.chat.people import People, Person, together

pytestmark = pytest.mark.over_websocket


async def say(person: Person, room: str, content: str) -> Any:
    answer = await person.http.post(f"/chat/rooms/{room}/messages", json={"content": content})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_ones_own_data(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it, and nothing of others but what stands beside it; pages are small, so that several are needed."""
    monkeypatch.setattr("app.exports.account_export.IDS", 2)
    ann, bob = await people("ann"), await people("bob")
    room = await together(ann, bob)
    said = [(await say(ann, room, f"message {number}"))["id"] for number in range(5)]
    secret = await say(bob, room, "not Ann's")
    deleted = await say(ann, room, "gone")
    await ann.http.delete(f"/chat/messages/{deleted['id']}")
    await ann.http.put(f"/chat/blocks/{bob.id}")
    await ann.http.patch(f"/chat/messages/{said[0]}", json={"content": "message 0, edited"})
    await ann.http.put(f"/chat/messages/{said[1]}/saved")
    await ann.http.post("/chat/files", files={"file": ("notes.txt", b"all of them")})
    answer = await ann.http.get("/auth/export")
    assert answer.headers["content-type"] == "application/json"
    export = answer.json()
    assert export["account"]["username"] == "ann"
    assert "credential" not in answer.text
    assert [message["id"] for message in export["messages"]] == said
    assert secret["id"] not in answer.text
    assert [block["user"]["username"] for block in export["blocks"]] == ["bob"]
    assert [file["name"] for file in export["files"]] == ["notes.txt"]
    assert [one["id"] for one in export["rooms"]] == [room]
    assert len(export["sessions"]) == 1
    assert export["savedMessages"] == [said[1]]
    assert [(edit["messageId"], edit["content"]) for edit in export["edits"]] == [(said[0], "message 0")]
    assert (await bob.http.get("/auth/export")).json()["messages"][0]["id"] == secret["id"]


async def test_a_room(people: People) -> None:
    ann, bob = await people("ann"), await people("bob")
    room = await bob.room(isPrivate=True)
    for number in range(3):
        await say(bob, room, f"message {number}")
    answer = await ann.http.get(f"/admin/rooms/{room}/export")
    assert answer.status_code == 200
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["kind"] for line in lines] == ["room", "member", *["message"] * 3]
    assert lines[0]["data"]["id"] == room
    assert [line["data"]["content"] for line in lines[2:]] == [f"message {number}" for number in range(3)]
    (entry,) = (await ann.http.get("/admin/audit")).json()["entries"]
    assert (entry["action"], entry["subjectId"]) == ("export-room", room)
    assert (await ann.http.get("/admin/rooms/nowhere/export")).status_code == 404
    assert (await bob.http.get(f"/admin/rooms/{room}/export")).status_code == 403
