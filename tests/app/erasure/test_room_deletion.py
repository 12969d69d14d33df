"""The deletion of a room by its admins."""

import pytest

from app.db.database import Database
from tests.support.chat.people import People
from tests.support.chat.scenes import Scene
from tests.support.waiting import until

pytestmark = pytest.mark.over_websocket


async def test_an_admin_deletes_a_room_by_its_name(people: People, db: Database) -> None:
    scene = await Scene.open(people, eve=True)
    await scene.his.ok("message:send", {"roomId": scene.room, "content": "hello"})
    await scene.hers.ok("room:invite", scene.of(scene.eve))
    assert (await scene.stranger.expect("room:member-updated"))["member"]["state"] == "invited"
    deletion = {"roomId": scene.room, "name": "a room"}
    assert (await scene.his.refused("room:delete", deletion))["reason"] == "forbidden"
    assert (await scene.stranger.refused("room:delete", deletion))["reason"] == "not_a_member"
    wrong = await scene.ann.http.request("DELETE", f"/chat/rooms/{scene.room}", json={"name": "A room"})
    assert (wrong.status_code, wrong.json()["details"]["reason"]) == (409, "conflict")
    await scene.hers.ok("room:archive", {"roomId": scene.room})  # also then
    answer = await scene.ann.http.request("DELETE", f"/chat/rooms/{scene.room}", json={"name": " a room"})
    assert answer.json() == {"roomId": scene.room}
    for device, person in ((scene.hers, scene.ann), (scene.his, scene.bob)):
        left = await device.expect("room:user-left")
        assert (left["userId"], left["roomDeleted"], left["member"]["state"]) == (person.id, True, "removed")
        assert await device.ok("room:list") == []
        assert len(device.received["room:user-left"]) == 1
    assert (await scene.stranger.expect("room:member-updated"))["roomDeleted"] is True
    assert await scene.stranger.ok("room:invitations", {}) == []
    # Whoever was away hears nothing, and finds it gone.
    later = await scene.bob.device()
    assert (await later.refused("room:sync", {"roomId": scene.room, "afterSeq": 0}))["reason"] in (
        "not_a_member",
        "not_found",
    )
    assert (await scene.hers.refused("room:delete", deletion))["reason"] in ("not_a_member", "not_found")

    async def gone() -> bool:
        return not await db.value("select count(*) from rooms where id = :room", room=scene.room)

    await until(gone)
    assert await db.value("select count(*) from messages where room_id = :room", room=scene.room) == 0
