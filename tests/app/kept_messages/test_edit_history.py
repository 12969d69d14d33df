"""Earlier texts of edited messages: whom they are shown to, how many are kept, and when they go."""

from functools import partial
from typing import Any

import pytest

from app.core.caller import Caller
from app.core.errors import Refusal
from app.db.database import Database
from app.kept_messages import edit_history
from app.kept_messages.edit_history import EditHistories, EditsSeenBy
from app.payloads.requests import MessageRef
from tests.support.chat.people import Device, People
from tests.support.chat.scenes import Scene

pytestmark = pytest.mark.over_websocket


async def edited(device: Device, event: str, payload: dict[str, Any], *contents: str) -> str:
    """A message that is sent, and edited to each of the contents; its id."""
    message = await device.ok(event, {**payload, "content": "first"})
    for content in contents:
        await device.ok("message:edit", {"messageId": message["id"], "content": content})
    return str(message["id"])


async def earlier(device: Device, message: str) -> list[str]:
    history = await device.ok("message:edits", {"messageId": message})
    times = [text["writtenAt"] for text in history["edits"]]
    assert times == sorted(times, reverse=True)
    return [text["content"] for text in history["edits"]]


@pytest.mark.parametrize(
    ("seen_by", "expected"),
    [("nobody", ""), ("author", "author"), ("admins", "author admin"), ("members", "author admin member")],
)
async def test_whom_they_are_shown_to(
    people: People, db: Database, seen_by: EditsSeenBy, expected: str
) -> None:
    scene = await Scene.open(people, eve=True)
    await scene.stranger.ok("room:join", {"roomId": scene.room})
    message = await edited(scene.his, "message:send", {"roomId": scene.room}, "second", "second", "third")
    histories = EditHistories(db, seen_by)
    for role, person in (("author", scene.bob), ("admin", scene.ann), ("member", scene.eve)):
        asked = histories.edits(Caller(person.id), MessageRef(message_id=message))
        if role in expected:
            history = await asked
            assert [text.content for text in history.edits] == ["second", "first"]
            assert (history.message_id, history.room_id) == (message, scene.room)
        else:
            with pytest.raises(Refusal) as refused:
                await asked
            assert refused.value.reason == "forbidden"


async def test_they_go_with_the_message_and_are_none_of_another(people: People, db: Database) -> None:
    scene = await Scene.open(people)
    message = await edited(scene.his, "message:send", {"roomId": scene.room}, "second")
    talk = await edited(scene.his, "dm:send", {"receiverId": scene.ann.id}, "between us")
    assert await earlier(scene.hers, message) == ["first"]  # an admin
    assert await earlier(scene.his, talk) == ["first"]
    assert (await scene.hers.refused("message:edits", {"messageId": talk}))["reason"] == "forbidden"
    await scene.hers.ok("message:delete", {"messageId": message})
    error = await scene.his.refused("message:edits", {"messageId": message})
    assert (error["code"], error["reason"]) == ("GET_FAILED", "not_found")
    assert await db.column(str, "select message_id from message_edits") == [talk]


async def test_a_bounded_number_and_size_is_kept_among_them_the_first(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edit_history, "MAX_EDITS", 3)
    monkeypatch.setattr(edit_history, "MAX_CHARACTERS", 12)
    scene = await Scene.open(people, bob=False)
    message = await edited(scene.hers, "message:send", {"roomId": scene.room}, "2", "3", "4", "5")
    assert await earlier(scene.hers, message) == ["4", "3", "first"]
    for content in ("123456789", "6", "7"):
        await scene.hers.ok("message:edit", {"messageId": message, "content": content})
    assert await earlier(scene.hers, message) == ["6", "123456789", "first"]
    for content in ("1234567", "1234567", "8"):
        await scene.hers.ok("message:edit", {"messageId": message, "content": content})
    assert await earlier(scene.hers, message) == ["1234567", "7", "first"]
    await scene.hers.ok("message:edit", {"messageId": message, "content": "123456"})
    await scene.hers.ok("message:edit", {"messageId": message, "content": "1234567890"})
    await scene.hers.ok("message:edit", {"messageId": message, "content": "9"})
    assert await earlier(scene.hers, message) == ["1234567890", "first"]


async def test_none_is_kept_where_nobody_may_see_it(people: People, db: Database) -> None:
    scene = await Scene.open(people, bob=False)
    message = await edited(scene.hers, "message:send", {"roomId": scene.room})
    seen: tuple[tuple[EditsSeenBy, int], ...] = (("nobody", 0), ("author", 1))
    for seen_by, kept in seen:
        histories = EditHistories(db, seen_by)
        await db.transaction(partial(histories.keep, message_id=message, change_seq=99))
        assert await db.value("select count(*) from message_edits") == kept
