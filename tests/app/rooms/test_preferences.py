"""What members choose for themselves: favourites, muted rooms and hidden conversations."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.db.database import Database
from tests.support.chat.people import Device, People

pytestmark = [pytest.mark.over_websocket, pytest.mark.one_chat]


async def conversations(device: Device, **payload: Any) -> list[str]:
    page = await device.ok("conversation:list", payload)
    return [talk["user"]["id"] for talk in page["conversations"]]


async def test_a_hidden_conversation_is_listed_again_with_its_next_message(people: People) -> None:
    ann, bob, eve = await people(), await people(), await people()
    device, tablet, his = await ann.device(), await ann.device(), await bob.device()
    first = await his.ok("dm:send", {"receiverId": ann.id, "content": "1"})
    await device.ok("dm:send", {"receiverId": eve.id, "content": "x"})
    hidden = await device.ok("conversation:hide", {"roomId": first["roomId"]})
    assert hidden == {"roomId": first["roomId"], "seq": first["seq"]}
    assert await tablet.expect("conversation:hidden") == hidden
    assert await conversations(device) == [eve.id]
    assert await conversations(his) == [ann.id]
    assert [one["content"] for one in await device.ok("dm:history", {"userId": bob.id})] == ["1"]
    await his.ok("message:edit", {"messageId": first["id"], "content": "2"})
    await his.ok("reaction:add", {"messageId": first["id"], "kind": "👍"})
    assert await conversations(device) == [eve.id]  # only a new message brings it back
    second = await his.ok("dm:send", {"receiverId": ann.id, "content": "3"})
    assert await conversations(device) == [bob.id, eve.id]
    await his.ok("message:delete", {"messageId": second["id"]})
    assert bob.id in await conversations(device)
    answer = await ann.http.put(f"/chat/conversations/{first['roomId']}/hidden")
    assert answer.status_code == 200
    assert await conversations(device) == [eve.id]
    await device.ok("dm:send", {"receiverId": bob.id, "content": "mine"})
    assert await conversations(device) == [bob.id, eve.id]
    assert his.received["conversation:hidden"] == []


async def test_pages_go_on_after_a_conversation_that_was_hidden_meanwhile(people: People) -> None:
    ann, *others = [await people() for _ in range(4)]
    device = await ann.device()
    rooms = [
        (await device.ok("dm:send", {"receiverId": other.id, "content": "x"}))["roomId"] for other in others
    ]
    page = await device.ok("conversation:list", {"limit": 2})
    assert page["next"] == rooms[1]
    await device.ok("conversation:hide", {"roomId": rooms[1]})
    assert await conversations(device, before=page["next"]) == [others[0].id]


async def test_what_cannot_be_hidden(people: People) -> None:
    ann, bob, eve = await people(), await people(), await people()
    device = await ann.device()
    theirs = (await bob.http.post(f"/chat/dm/{eve.id}", json={"content": "x"})).json()["roomId"]
    for room, reason, status in (
        (await ann.room(), "forbidden", 403),
        (theirs, "not_a_member", 403),
        ("unknown", "not_found", 404),
    ):
        error = await device.refused("conversation:hide", {"roomId": room})
        assert (error["code"], error["reason"]) == ("HIDE_FAILED", reason)
        assert (await ann.http.put(f"/chat/conversations/{room}/hidden")).status_code == status


async def test_rooms_and_conversations_are_muted_for_ones_own_devices(people: People, db: Database) -> None:
    ann, bob = await people(), await people()
    device, tablet, his = await ann.device(), await ann.device(), await bob.device()
    room = await ann.room()
    await his.ok("room:join", {"roomId": room})
    talk = (await his.ok("dm:send", {"receiverId": ann.id, "content": "x"}))["roomId"]
    for place in (room, talk):
        mute = await device.ok("room:mute", {"roomId": place})
        assert mute == {"roomId": place, "muted": True, "mutedUntil": None}
        assert await tablet.expect("room:mute-updated") == mute
        membership = (await tablet.ok("room:get", {"roomId": place}))["membership"]
        assert (membership["muted"], membership["mutedUntil"]) == (True, None)
        assert (await his.ok("room:get", {"roomId": place}))["membership"]["muted"] is False
    (listed,) = await tablet.ok("room:list")
    assert listed["membership"]["muted"] is True
    (conversation,) = (await tablet.ok("conversation:list"))["conversations"]
    assert (conversation["muted"], conversation["unread"]) == (True, 1)
    await his.ok("message:send", {"roomId": room, "content": f"@{ann.user['username']} still comes"})
    await device.expect("message:new")
    await device.expect("mention:new")
    unmuted = await tablet.ok("room:unmute", {"roomId": room})
    assert unmuted == {"roomId": room, "muted": False, "mutedUntil": None}
    await device.expect("room:mute-updated")
    await device.expect("room:mute-updated")
    assert await device.expect("room:mute-updated") == unmuted
    assert (await device.ok("room:get", {"roomId": room}))["membership"]["muted"] is False
    assert his.received["room:mute-updated"] == []


async def test_a_favourite_is_one_on_all_devices_until_the_membership_ends(people: People) -> None:
    ann, bob = await people(), await people()
    device, tablet, his = await ann.device(), await ann.device(), await bob.device()
    room = await bob.room()
    await device.ok("room:join", {"roomId": room})
    talk = (await his.ok("dm:send", {"receiverId": ann.id, "content": "x"}))["roomId"]
    for place in (room, talk):
        favorite = await device.ok("room:favorite", {"roomId": place})
        assert favorite == {"roomId": place, "favorite": True}
        assert await tablet.expect("room:favorite-updated") == favorite
        await device.ok("room:favorite", {"roomId": place})
    (listed,) = await tablet.ok("room:list")
    (conversation,) = (await tablet.ok("conversation:list"))["conversations"]
    assert listed["membership"]["favorite"] is conversation["favorite"] is True
    assert (await his.ok("room:get", {"roomId": room}))["membership"]["favorite"] is False
    await tablet.ok("room:unfavorite", {"roomId": talk})
    assert await tablet.expect("room:favorite-updated") == {"roomId": talk, "favorite": False}
    await device.ok("room:leave", {"roomId": room})
    joined = await device.ok("room:join", {"roomId": room})
    assert joined["membership"]["favorite"] is False
    assert his.received["room:favorite-updated"] == []


async def test_a_mute_of_so_many_seconds_ends(people: People, db: Database) -> None:
    ann = await people()
    room = await ann.room()
    answer = (await ann.http.put(f"/chat/rooms/{room}/mute", json={"seconds": 3600})).json()
    left = datetime.fromisoformat(answer["mutedUntil"]) - datetime.now(UTC)
    assert timedelta(minutes=30) < left < timedelta(minutes=90)
    membership = (await ann.http.get(f"/chat/rooms/{room}")).json()["membership"]
    assert (membership["muted"], membership["mutedUntil"]) == (True, answer["mutedUntil"])
    await db.value("update room_members set muted_until = now() - interval '1 second'")
    membership = (await ann.http.get(f"/chat/rooms/{room}")).json()["membership"]
    assert (membership["muted"], membership["mutedUntil"]) == (False, None)


async def test_who_comes_again_finds_the_room_unmuted(people: People) -> None:
    ann, bob = await people(), await people()
    room = await ann.room()
    await bob.http.post(f"/chat/rooms/{room}/join")
    await bob.http.put(f"/chat/rooms/{room}/mute")
    await bob.http.post(f"/chat/rooms/{room}/leave")
    joined = (await bob.http.post(f"/chat/rooms/{room}/join")).json()
    assert joined["membership"]["muted"] is False


async def test_mutes_that_are_refused(people: People) -> None:
    ann, bob = await people(), await people()
    device = await ann.device()
    theirs = await bob.room()
    for event in ("room:mute", "room:unmute"):
        assert (await device.refused(event, {"roomId": theirs}))["reason"] == "not_a_member"
        assert (await device.refused(event, {"roomId": "unknown"}))["reason"] == "not_found"
    room = await ann.room()
    for seconds in (0, -1, 366 * 86_400 + 1, "60", 1.5):
        error = await device.refused("room:mute", {"roomId": room, "seconds": seconds})
        assert (error["code"], error["reason"]) == ("MUTE_FAILED", "invalid")
    assert (await ann.http.put(f"/chat/rooms/{theirs}/mute")).status_code == 403
    assert (await ann.http.delete("/chat/rooms/unknown/mute")).status_code == 404
