"""The decisions of admins about a room: archived rooms, which are read and not written."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.chat.people import People
from tests.support.chat.scenes import Scene

pytestmark = pytest.mark.over_websocket

# Whatever changes a room, by Ann, its admin; `m` is a message of hers.
WRITING: dict[str, Callable[[Scene, str], dict[str, Any]]] = {
    "message:send": lambda scene, m: {"roomId": scene.room, "content": "more"},
    "message:edit": lambda scene, m: {"messageId": m, "content": "other"},
    "message:delete": lambda scene, m: {"messageId": m},
    "message:pin": lambda scene, m: {"messageId": m},
    "message:unpin": lambda scene, m: {"messageId": m},
    "room:order-pins": lambda scene, m: {"roomId": scene.room, "messageIds": [m]},
    "reaction:add": lambda scene, m: {"messageId": m, "kind": "👍"},
    "reaction:remove": lambda scene, m: {"messageId": m, "kind": "👍"},
    "room:update": lambda scene, m: {"roomId": scene.room, "name": "other"},
    "room:invite": lambda scene, m: scene.of(scene.eve),
    "room:set-role": lambda scene, m: scene.of(scene.bob, role="admin"),
    "room:kick": lambda scene, m: scene.of(scene.bob),
    "room:ban": lambda scene, m: scene.of(scene.bob),
    "room:unban": lambda scene, m: scene.of(scene.bob),
    "typing:start": lambda scene, m: {"roomId": scene.room},
}


async def test_an_archived_room_is_read_and_not_written(people: People) -> None:
    scene = await Scene.open(people, eve=True)
    of_room = {"roomId": scene.room}
    sent = {**of_room, "content": "first words", "clientId": "1"}
    message = await scene.hers.ok("message:send", sent)
    await scene.hers.ok("message:pin", {"messageId": message["id"]})
    await scene.his.expect("room:updated")
    assert (await scene.his.refused("room:archive", of_room))["reason"] == "forbidden"
    room = await scene.hers.ok("room:archive", of_room)
    assert (await scene.his.expect("room:updated"))["archivedAt"] == room["archivedAt"] is not None
    assert (await scene.hers.ok("room:archive", of_room))["changeSeq"] == room["changeSeq"]
    for event, payload in WRITING.items():
        assert (await scene.hers.refused(event, payload(scene, message["id"])))["reason"] == "archived", event
    answer = await scene.ann.http.post(f"/chat/rooms/{scene.room}/messages", json={"content": "more"})
    assert (answer.status_code, answer.json()["details"]["reason"]) == (409, "archived")
    assert (await scene.hers.ok("message:send", sent))["id"] == message[
        "id"
    ]  # a retry of what was written before
    # It is not found by others, and not entered.
    assert (await scene.stranger.refused("room:join", of_room))["reason"] == "archived"
    assert (await scene.stranger.refused("room:look-up", of_room))["reason"] == "not_found"
    assert (await scene.stranger.ok("room:discover", {}))["rooms"] == []
    # Its members read and search it, and choose for themselves.
    assert [one["id"] for one in await scene.his.ok("message:history", of_room)] == [message["id"]]
    assert [one["id"] for one in await scene.his.ok("message:search", {"query": "words"})] == [message["id"]]
    assert len((await scene.his.ok("room:pins", of_room))["pins"]) == 1
    changes = (await scene.his.ok("room:sync", {**of_room, "afterSeq": room["changeSeq"] - 1}))["changes"]
    assert [change["room"]["archivedAt"] for change in changes] == [room["archivedAt"]]
    await scene.his.ok("room:read", {**of_room, "seq": message["seq"]})
    await scene.his.ok("room:mute", of_room)
    await scene.his.ok("room:leave", of_room)
    assert (await scene.hers.ok("room:unarchive", of_room))["archivedAt"] is None
    await scene.his.ok("room:join", of_room)
    await scene.hers.ok("message:edit", {"messageId": message["id"], "content": "other"})


async def test_a_direct_conversation_is_not_archived(people: People) -> None:
    ann, bob = await people(), await people()
    device = await ann.device()
    sent = await device.ok("dm:send", {"receiverId": bob.id, "content": "1"})
    assert (await device.refused("room:archive", {"roomId": sent["roomId"]}))["reason"] == "forbidden"


async def test_a_room_becomes_public_and_private(people: People) -> None:
    scene = await Scene.open(people, private=True, eve=True)
    of_room = {"roomId": scene.room}
    assert (await scene.his.refused("room:update", {**of_room, "isPrivate": False}))["reason"] == "forbidden"
    opened = await scene.hers.ok("room:update", {**of_room, "isPrivate": False})
    heard = await scene.his.expect("room:updated")
    assert (heard["kind"], heard["isPrivate"], heard["changeSeq"]) == ("public", False, opened["changeSeq"])
    again = await scene.hers.ok("room:update", {**of_room, "isPrivate": False})
    assert again["changeSeq"] == opened["changeSeq"]
    assert [room["id"] for room in (await scene.stranger.ok("room:discover", {}))["rooms"]] == [scene.room]
    await scene.stranger.ok("room:join", of_room)
    closed = await scene.ann.http.patch(
        f"/chat/rooms/{scene.room}", json={"isPrivate": True, "name": "Closed"}
    )
    assert (closed.json()["kind"], closed.json()["name"]) == ("private", "Closed")
    changes = (await scene.his.ok("room:sync", {**of_room, "afterSeq": closed.json()["lastSeq"] - 1}))[
        "changes"
    ]
    assert [change["room"]["kind"] for change in changes] == ["private"]
    await scene.stranger.ok("message:send", {**of_room, "content": "still here"})
    await scene.stranger.ok("room:leave", of_room)
    assert (await scene.stranger.refused("room:join", of_room))["reason"] == "forbidden"
