"""Pinned messages: who pins, in which order they are, and how that is told."""

import pytest

from app.rooms import pins
from tests.support.chat.people import Device, People
from tests.support.chat.scenes import Scene

pytestmark = pytest.mark.over_websocket


async def say(device: Device, room: str, *texts: str) -> list[str]:
    return [(await device.ok("message:send", {"roomId": room, "content": text}))["id"] for text in texts]


async def test_pins_have_an_order_and_are_among_the_fields_of_the_room(people: People) -> None:
    scene = await Scene.open(people)
    first, second, third = await say(scene.his, scene.room, "1", "2", "3")
    for message in (first, second, second, third):  # the same again changes nothing
        pinned = await scene.hers.ok("message:pin", {"messageId": message})
    assert pinned["pins"] == [third, second, first]
    heard = [await scene.his.expect("room:updated") for _ in range(3)]
    assert [len(info["pins"]) for info in heard] == [1, 2, 3]
    assert heard[-1] == pinned
    ordered = await scene.hers.ok(
        "room:order-pins", {"roomId": scene.room, "messageIds": [first, third, second]}
    )
    assert await scene.his.expect("room:updated") == ordered
    stale = await scene.hers.refused("room:order-pins", {"roomId": scene.room, "messageIds": [first, third]})
    assert stale["reason"] == "conflict"
    page = await scene.his.ok("room:pins", {"roomId": scene.room, "limit": 2})
    assert [(pin["message"]["content"], pin["pinnedBy"]["id"]) for pin in page["pins"]] == [
        ("1", scene.ann.id),
        ("3", scene.ann.id),
    ]
    rest = (await scene.bob.http.get(f"/chat/rooms/{scene.room}/pins", params={"after": page["next"]})).json()
    assert ([pin["message"]["id"] for pin in rest["pins"]], rest["next"]) == ([second], None)
    # A message that is deleted is pinned no more, and the room has not changed for that.
    await scene.his.ok("message:delete", {"messageId": third})
    room = await scene.his.ok("room:get", {"roomId": scene.room})
    assert (room["pins"], room["changeSeq"]) == ([first, second], ordered["changeSeq"])
    unpinned = await scene.hers.ok("message:unpin", {"messageId": first})
    assert await scene.hers.ok("message:unpin", {"messageId": first}) == unpinned
    (change,) = (
        await scene.his.ok("room:sync", {"roomId": scene.room, "afterSeq": unpinned["changeSeq"] - 1})
    )["changes"]
    assert change == {"type": "room", "seq": unpinned["changeSeq"], "room": unpinned}
    assert unpinned["pins"] == [second]


async def test_who_pins(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pins, "MOST_PINS", 1)
    scene = await Scene.open(people, eve=True)
    mine, other = await say(scene.his, scene.room, "1", "2")
    assert (await scene.his.refused("message:pin", {"messageId": mine}))["reason"] == "forbidden"
    assert (await scene.stranger.refused("message:pin", {"messageId": mine}))["reason"] == "not_a_member"
    await scene.hers.ok("message:pin", {"messageId": mine})
    assert (await scene.hers.refused("message:pin", {"messageId": other}))["reason"] == "too_many"
    assert (await scene.his.refused("message:unpin", {"messageId": mine}))["reason"] == "forbidden"
    order = {"roomId": scene.room, "messageIds": [mine]}
    assert (await scene.his.refused("room:order-pins", order))["reason"] == "forbidden"
    await scene.his.ok("message:delete", {"messageId": other})
    assert (await scene.hers.refused("message:pin", {"messageId": other}))["reason"] == "not_found"


async def test_both_pin_in_a_direct_conversation_unless_one_has_blocked_the_other(people: People) -> None:
    ann, bob = await people(), await people()
    hers, his = await ann.device(), await bob.device()
    first = await hers.ok("dm:send", {"receiverId": bob.id, "content": "1"})
    second = await his.ok("dm:send", {"receiverId": ann.id, "content": "2"})
    await his.ok("message:pin", {"messageId": first["id"]})
    await hers.ok("message:pin", {"messageId": second["id"]})
    ids = [first["id"], second["id"]]
    await his.ok("room:order-pins", {"roomId": first["roomId"], "messageIds": ids})
    (talk,) = (await hers.ok("conversation:list"))["conversations"]
    assert talk["pins"] == ids
    await hers.ok("user:block", {"userId": bob.id})
    await his.ok("message:unpin", {"messageId": first["id"]})
    assert (await his.refused("message:pin", {"messageId": first["id"]}))["reason"] == "forbidden"
    assert (await hers.refused("message:pin", {"messageId": first["id"]}))["reason"] == "conflict"
