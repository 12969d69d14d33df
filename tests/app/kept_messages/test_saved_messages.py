"""Messages that users save for themselves, and that go with the message or the membership."""

from typing import Any

import pytest

from app.kept_messages import saved_messages
from tests.support.chat.people import Device, People
from tests.support.chat.scenes import Scene

pytestmark = pytest.mark.over_websocket


async def send(scene: Scene, content: str) -> str:
    message: dict[str, Any] = await scene.hers.ok("message:send", {"roomId": scene.room, "content": content})
    return str(message["id"])


async def listed(device: Device, **payload: Any) -> list[str]:
    page = await device.ok("saved:list", payload)
    return [one["message"]["content"] for one in page["saved"]]


async def test_they_are_listed_for_the_user_alone_the_last_saved_first(people: People) -> None:
    scene = await Scene.open(people)
    tablet = await scene.bob.device()
    ids = {content: await send(scene, content) for content in ("one", "two", "three")}
    for content in ("two", "one", "three"):
        mark = await scene.his.ok("message:save", {"messageId": ids[content]})
        assert (mark["messageId"], mark["roomId"]) == (ids[content], scene.room)
        assert await tablet.expect("message:saved-updated") == mark
    again = await scene.his.ok("message:save", {"messageId": ids["two"]})
    await tablet.expect("message:saved-updated")
    page = await tablet.ok("saved:list", {"limit": 2})
    assert [one["message"]["content"] for one in page["saved"]] == ["three", "one"]
    assert await listed(tablet, before=page["next"]) == ["two"]
    rest = await scene.bob.http.get("/chat/saved", params={"limit": 2})
    assert [one["message"]["id"] for one in rest.json()] == [ids["three"], ids["one"]]
    assert f"/chat/saved?limit=2&before={page['next']}" in rest.headers["link"]
    (third,) = (await scene.bob.http.get("/chat/saved", params={"before": page["next"]})).json()
    assert third["savedAt"] == again["savedAt"], "saved again it stays where it was"

    assert (await tablet.ok("saved:ids"))["messageIds"] == [ids["three"], ids["one"], ids["two"]]
    await scene.hers.ok("message:edit", {"messageId": ids["one"], "content": "one, edited"})
    unsaved = await tablet.ok("message:unsave", {"messageId": ids["three"]})
    assert unsaved == {"messageId": ids["three"], "roomId": scene.room, "savedAt": None}
    assert await listed(scene.his) == ["one, edited", "two"]
    await scene.his.ok(
        "message:unsave", {"messageId": ids["one"]}
    )  # the place that the next page goes on from
    assert await listed(scene.his, before=page["next"]) == ["two"]
    assert await listed(scene.hers) == []
    assert scene.hers.received["message:saved-updated"] == []


async def test_they_go_with_the_message_and_with_the_membership(people: People) -> None:
    scene = await Scene.open(people)
    gone, stays = await send(scene, "gone"), await send(scene, "stays")
    talk = await scene.hers.ok("dm:send", {"receiverId": scene.bob.id, "content": "between us"})
    for device in (scene.his, scene.hers):
        for message in (gone, stays, talk["id"]):
            await device.ok("message:save", {"messageId": message})
    await scene.hers.ok("message:delete", {"messageId": gone})
    assert await listed(scene.his) == await listed(scene.hers) == ["between us", "stays"]
    assert (await scene.his.refused("message:save", {"messageId": gone}))["reason"] == "not_found"
    await scene.hers.ok("room:kick", scene.of(scene.bob))
    assert await listed(scene.his) == ["between us"]
    assert (await scene.his.refused("message:save", {"messageId": stays}))["reason"] == "not_a_member"
    await scene.his.ok("room:join", {"roomId": scene.room})
    assert await listed(scene.his) == ["between us"]
    assert await listed(scene.hers) == ["between us", "stays"]


async def test_a_user_saves_a_bounded_number(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_messages, "MAX_SAVED", 2)
    scene = await Scene.open(people, bob=False)
    first, second, third = [await send(scene, content) for content in ("1", "2", "3")]
    for message in (first, second):
        await scene.hers.ok("message:save", {"messageId": message})
    error = await scene.hers.refused("message:save", {"messageId": third})
    assert (error["code"], error["reason"]) == ("SAVE_FAILED", "too_many")
    await scene.hers.ok("message:save", {"messageId": first})  # it is saved already
    await scene.hers.ok("message:unsave", {"messageId": first})
    await scene.hers.ok("message:save", {"messageId": third})
    assert await listed(scene.hers) == ["3", "2"]
