"""Rooms at the command line, and the deletion of a room that was cut off."""

import json

import httpx
import pytest

from app import store
from app.administration.rooms import AdministeredRooms
from app.db.database import Database
from app.erasure import room_sweeper
from tests.support.chat.admin_command import Admin
from tests.support.chat.people import People, together
from tests.support.waiting import until

pytestmark = pytest.mark.over_websocket


async def test_rooms_at_the_command_line(http: httpx.AsyncClient, people: People, admin: Admin) -> None:
    ann, bob = await people("ann"), await people("bob")
    room = await together(bob, ann)
    assert await admin("take-over-room", room, "ann", refused=True) == ["a room has an admin: ask them."]
    assert await admin("take-over-room", room, "nobody", refused=True) == ["There is no such user: nobody."]
    await admin("deactivate", "bob")
    (line,) = await admin("rooms", "--without-admin", "--json", "ROOM")
    assert json.loads(line)["id"] == room
    device = await ann.device()
    assert await admin("take-over-room", room, "ann") == ["ann is the admin of a room"]
    assert (await device.expect("room:member-updated"))["member"]["role"] == "admin"
    assert await admin("rooms", "--without-admin") == []
    assert await admin("add-default-room", room) == ["new people enter a room"]
    assert [line.split("  ")[:4] for line in await admin("default-rooms")] == [
        ["a room", "public", "default", "2"]
    ]
    assert await admin("remove-default-room", room) == ["new people do not enter a room any more"]
    left = await ann.room(name="Left")
    await ann.http.post(f"/chat/rooms/{left}/leave")
    assert await admin("take-over-room", left, "bob", refused=True) == ["bob is deactivated."]
    assert "people  2" in await admin("figures")
    assert await admin("keep-messages", room, "30") == ["a room keeps its messages for 30 days"]
    assert await admin("keep-messages", room, "ever") == ["a room keeps its messages for ever"]
    kinds = [json.loads(line)["kind"] for line in await admin("export-room", room)]
    assert kinds == ["room", "member", "member"]
    assert await admin("archive-room", room) == ["a room is archived"]
    assert (await device.expect("room:updated"))["archivedAt"] is not None
    assert await admin("archive-room", room, refused=True) == ["a room is archived already."]
    (line,) = await admin("rooms", "a room")
    assert line.split("  ")[2] == "archived"
    assert await admin("add-default-room", room, refused=True) == ["a room is archived."]
    assert await admin("unarchive-room", room) == ["a room is not archived any more"]
    (line,) = await admin("delete-room", room)
    assert line.startswith("a room is being deleted")
    assert await admin("delete-room", room, refused=True) == ["There is no such room."]
    acts = [json.loads(line)["action"] for line in await admin("audit", "--json")]
    assert acts == [
        "deactivate",
        "take-over-room",
        "add-default-room",
        "remove-default-room",
        "keep-messages",
        "keep-messages",
        "export-room",
        "archive-room",
        "unarchive-room",
        "delete-room",
    ]


async def test_a_deletion_goes_on_where_it_was_cut_off(
    people: People, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a crash right after the decision; the parts are small, so that several are needed."""
    monkeypatch.setattr(room_sweeper, "MEMBERS_AT_ONCE", 2)
    monkeypatch.setattr(room_sweeper, "MESSAGES_AT_ONCE", 2)
    everybody = [await people() for _ in range(5)]
    room = await together(*everybody)
    for number in range(5):
        await everybody[0].http.post(f"/chat/rooms/{room}/messages", json={"content": f"message {number}"})
    devices = [await person.device() for person in everybody]
    await AdministeredRooms(db, "somebody").delete(room)
    for device in devices:
        assert (await device.expect("room:user-left"))["roomId"] == room

    async def gone() -> bool:
        return not await store.rooms.exists(db, room)

    await until(gone)
    assert await db.value("select count(*) from messages") == 0
