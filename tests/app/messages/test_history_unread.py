"""A room that is marked as unread again, while the mark of what was read stays."""

from typing import Any

import pytest

from app.db.database import Database
from tests.support.chat.people import Device, People
from tests.support.chat.scenes import Scene

pytestmark = [pytest.mark.over_websocket, pytest.mark.one_chat]


class Read(Scene):
    """Bob, with two devices, has read what Ann wrote and he answered: his mark is at the last of `messages`."""

    tablet: Device
    messages: list[dict[str, Any]]


@pytest.fixture
async def scene(people: People) -> Read:
    scene = await Read.open(people)
    scene.tablet = await scene.bob.device()
    named = f"@{scene.bob.user['username']} three"
    said = [(scene.hers, "one"), (scene.his, "two"), (scene.hers, named), (scene.hers, "four")]
    scene.messages = [
        await device.ok("message:send", {"roomId": scene.room, "content": content})
        for device, content in said
    ]
    await scene.his.ok("room:read", {"roomId": scene.room, "seq": scene.messages[-1]["seq"]})
    for device in (scene.hers, scene.his, scene.tablet):
        await device.expect("room:read-updated")
    return scene


async def stands(device: Device, room: str) -> tuple[int, int, int | None]:
    """Unread messages, unread mentions, and from where on, as a room has them."""
    shown = await device.ok("room:get", {"roomId": room})
    return shown["unread"], shown["mentions"], shown["membership"]["unreadFrom"]


async def test_the_devices_of_the_user_agree_and_others_hear_nothing(scene: Read) -> None:
    room, (first, own, named, last) = scene.room, scene.messages
    mark = await scene.his.ok("message:mark-unread", {"messageId": own["id"]})
    assert mark == {
        "roomId": room,
        "unreadFrom": own["seq"],
        "lastReadSeq": last["seq"],
        "lastSeq": last["seq"],
        "unread": 3,  # with one's own, from which on it is
        "mentions": 1,
    }
    assert await scene.tablet.expect("room:unread-updated") == mark
    assert await stands(scene.tablet, room) == (3, 1, own["seq"])
    (listed,) = await scene.tablet.ok("room:list")
    assert (listed["unread"], listed["membership"]["lastReadSeq"]) == (3, last["seq"])
    answer = await scene.bob.http.put(f"/chat/messages/{first['id']}/unread")
    assert answer.json() == mark | {"unreadFrom": first["seq"], "unread": 3}
    await scene.his.ok("message:mark-unread", {"messageId": named["id"]})
    assert await stands(scene.his, room) == (2, 1, named["seq"])
    await scene.hers.ok("message:delete", {"messageId": named["id"]})
    assert await stands(scene.his, room) == (1, 0, named["seq"])
    members = (await scene.hers.ok("room:members", {"roomId": room}))["members"]
    (his,) = [member for member in members if member["userId"] == scene.bob.id]
    assert his["lastReadSeq"] == last["seq"]
    assert scene.hers.received["room:unread-updated"] == []
    assert len(scene.hers.received["room:read-updated"]) == 1


async def test_reading_again_takes_it_away_as_far_as_one_has_read(scene: Read) -> None:
    room, (first, own, named, last) = scene.room, scene.messages
    await scene.his.ok("message:mark-unread", {"messageId": first["id"]})
    await scene.tablet.expect("room:unread-updated")
    for seq, unread_from, unread in (
        (0, first["seq"], 3),  # what comes before it changes nothing
        (own["seq"], named["seq"], 2),
        (2**63 - 1, None, 0),
    ):
        answer = await scene.his.ok("room:read", {"roomId": room, "seq": seq})
        assert answer["seq"] == last["seq"], "a mark never goes back"
        assert await stands(scene.his, room) == (unread, min(unread, 1), unread_from)
        if seq:
            told = await scene.tablet.expect("room:unread-updated")
            assert (told["unreadFrom"], told["unread"]) == (unread_from, unread)
    await scene.his.ok("message:mark-unread", {"messageId": last["id"]})
    more = await scene.hers.ok("message:send", {"roomId": room, "content": "five"})
    assert await stands(scene.his, room) == (2, 0, last["seq"])
    await scene.his.ok("message:mark-unread", {"messageId": more["id"]})  # it is unread anyway
    assert await stands(scene.his, room) == (2, 0, last["seq"])
    await scene.his.ok("room:read", {"roomId": room, "seq": last["seq"]})
    assert await stands(scene.his, room) == (1, 0, None)  # what came after the mark still is
    await scene.tablet.ok("room:read", {"roomId": room, "seq": more["seq"]})
    assert await stands(scene.his, room) == (0, 0, None)
    assert (await scene.his.expect("room:read-updated"))["seq"] == more["seq"]


async def test_an_instance_of_before_takes_it_away_by_moving_the_mark(scene: Read, db: Database) -> None:
    await scene.his.ok("message:mark-unread", {"messageId": scene.messages[0]["id"]})
    await scene.hers.ok("message:send", {"roomId": scene.room, "content": "five"})
    await db.value("update room_members set last_read_seq = last_read_seq + 1")
    assert await stands(scene.his, scene.room) == (0, 0, None)


async def test_what_cannot_be_marked(scene: Read) -> None:
    reply = {"roomId": scene.room, "content": "r", "replyTo": scene.messages[0]["id"], "alsoToRoom": False}
    alone = await scene.hers.ok("message:send", reply)
    gone = scene.messages[0]
    await scene.hers.ok("message:delete", {"messageId": gone["id"]})
    for message, reason in ((alone["id"], "conflict"), (gone["id"], "not_found"), ("unknown", "not_found")):
        error = await scene.his.refused("message:mark-unread", {"messageId": message})
        assert (error["code"], error["reason"]) == ("READ_FAILED", reason)
    assert await stands(scene.his, scene.room) == (0, 0, None)


async def test_notes_to_oneself_can_be_unread(people: People) -> None:
    ann = await people()
    device = await ann.device()
    note = await device.ok("dm:send", {"receiverId": ann.id, "content": "milk"})
    await device.ok("room:read", {"roomId": note["roomId"], "seq": note["seq"]})
    await device.ok("message:mark-unread", {"messageId": note["id"]})
    (talk,) = (await device.ok("conversation:list"))["conversations"]
    assert (talk["unread"], talk["unreadFrom"], talk["lastReadSeq"]) == (1, note["seq"], note["seq"])
