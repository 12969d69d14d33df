"""Which messages, edits, deletions, reactions and pages are refused, and that a refused request changes nothing."""

import asyncio
from typing import Any

import pytest

from app.db.database import Database
from tests.support.chat.people import People
from tests.support.chat.scenes import Scene

pytestmark = pytest.mark.one_chat


class Talk(Scene):
    """What Bob says, and what Ann reads."""

    async def send(self, content: str = "hello") -> Any:
        """A message of Bob's."""
        return await self.his.ok("message:send", {"roomId": self.room, "content": content})

    async def history(self, **query: Any) -> Any:
        return await self.ann.http.get(f"/chat/rooms/{self.room}/messages", params=query)


@pytest.fixture
async def talk(people: People) -> Talk:
    return await Talk.open(people)


async def test_a_client_cannot_send_messages_of_the_system(talk: Talk) -> None:
    for kind in ("system", "admin", "", 7):
        payload = {"roomId": talk.room, "content": "The server says", "type": kind}
        assert (await talk.his.refused("message:send", payload))["reason"] == "invalid"
    direct = {"receiverId": talk.ann.id, "content": "x", "type": "system"}
    assert (await talk.his.refused("dm:send", direct))["reason"] == "invalid"
    rest = await talk.bob.http.post(
        f"/chat/rooms/{talk.room}/messages", json={"content": "x", "type": "system"}
    )
    assert rest.status_code == 422
    assert (await talk.history()).json() == []


async def test_empty_content_is_refused(talk: Talk) -> None:
    sent = await talk.send()
    for content in ("", " ", "\n\t", "\u2003"):
        for event, payload in (
            ("message:send", {"roomId": talk.room}),
            ("dm:send", {"receiverId": talk.ann.id}),
            ("message:edit", {"messageId": sent["id"]}),
        ):
            assert (await talk.his.refused(event, payload | {"content": content}))["reason"] == "invalid"
    assert (await talk.history()).json() == [sent]


async def test_content_that_is_no_string_is_refused(talk: Talk) -> None:
    sent = await talk.send()
    for content in (None, 7, True, ["x"], {"x": 1}, b"x"):
        for event, payload in (
            ("message:send", {"roomId": talk.room}),
            ("message:edit", {"messageId": sent["id"]}),
        ):
            assert (await talk.his.refused(event, payload | {"content": content}))["reason"] == "invalid"
    assert (await talk.history()).json() == [sent]


async def test_content_over_the_limit_is_refused(talk: Talk) -> None:
    sent = await talk.send("x" * 10_000)
    for event, payload in (
        ("message:send", {"roomId": talk.room}),
        ("message:edit", {"messageId": sent["id"]}),
    ):
        refused = await talk.his.refused(event, payload | {"content": "x" * 10_001})
        assert refused["reason"] == "too_long"
    assert (await talk.history()).json() == [sent]


async def test_metadata_over_the_limit_is_refused(talk: Talk) -> None:
    payload = {"roomId": talk.room, "content": "x"}
    for metadata, reason in (
        ({"x": "y" * 65_536}, "too_long"),
        ("text", "invalid"),
        ([1], "invalid"),
        (7, "invalid"),
    ):
        refused = await talk.his.refused("message:send", payload | {"metadata": metadata})
        assert refused["reason"] == reason
    largest = {"x": "y" * (65_536 - len('{"x":""}'))}
    sent = await talk.his.ok("message:send", payload | {"metadata": largest})
    assert sent["metadata"] == largest


async def test_a_deleted_message_cannot_be_edited(talk: Talk) -> None:
    sent = await talk.send("regretted")
    await talk.his.ok("message:delete", {"messageId": sent["id"]})
    error = await talk.his.refused("message:edit", {"messageId": sent["id"], "content": "back again"})
    assert (error["code"], error["reason"]) == ("EDIT_FAILED", "not_found")
    assert "message:edited" not in talk.hers.received


async def test_a_deleted_message_takes_no_reaction(talk: Talk) -> None:
    sent = await talk.send("regretted")
    await talk.hers.ok("reaction:add", {"messageId": sent["id"], "kind": "👍"})
    await talk.his.ok("message:delete", {"messageId": sent["id"]})
    for event in ("reaction:add", "reaction:remove"):
        error = await talk.hers.refused(event, {"messageId": sent["id"], "kind": "👍"})
        assert (error["code"], error["reason"]) == ("REACTION_FAILED", "not_found")


async def test_a_deleted_message_takes_no_reply(talk: Talk) -> None:
    sent = await talk.send("regretted")
    await talk.his.ok("message:delete", {"messageId": sent["id"]})
    reply = {"roomId": talk.room, "content": "what?", "replyTo": sent["id"]}
    assert (await talk.hers.refused("message:send", reply))["reason"] == "not_found"


async def test_a_user_who_left_cannot_edit(talk: Talk) -> None:
    sent = await talk.send()
    await talk.his.ok("room:leave", {"roomId": talk.room})
    error = await talk.his.refused("message:edit", {"messageId": sent["id"], "content": "from outside"})
    assert (error["code"], error["reason"]) == ("EDIT_FAILED", "not_a_member")
    rest = await talk.bob.http.patch(f"/chat/messages/{sent['id']}", json={"content": "from outside"})
    assert rest.status_code == 403
    assert (await talk.history()).json() == [sent]


async def test_a_user_who_was_removed_can_neither_edit_nor_delete(talk: Talk) -> None:
    sent = await talk.send()
    for act in ("room:kick", "room:ban"):
        await talk.hers.ok(act, {"roomId": talk.room, "userId": talk.bob.id})
        for event in ("message:edit", "message:delete"):
            error = await talk.his.refused(event, {"messageId": sent["id"], "content": "x"})
            assert error["reason"] == "not_a_member"
    assert (await talk.history()).json() == [sent]


async def test_a_deletion_is_announced_once(talk: Talk) -> None:
    sent = await talk.send("regretted")
    answers = await asyncio.gather(
        *(device.ok("message:delete", {"messageId": sent["id"]}) for device in (talk.his, talk.hers) * 3)
    )
    assert answers == [answers[0]] * 6
    assert await talk.hers.expect("message:deleted") == answers[0]
    fence = await talk.send("fence")
    assert fence["seq"] == answers[0]["seq"] + 1  # the others took no number
    while (await talk.hers.expect("message:new")) != fence:
        pass
    assert len(talk.hers.received["message:deleted"]) == 1


async def test_an_unknown_before_is_refused(talk: Talk) -> None:
    await talk.send()
    for side in ("before", "after", "around"):
        for cursor in ("unknown", "", "0", "null", "x" * 100):
            assert (await talk.history(**{side: cursor})).status_code == 404
            payload = {"roomId": talk.room, side: cursor}
            assert (await talk.hers.refused("message:history", payload))["reason"] == "not_found"


async def test_a_before_of_another_room_is_refused(talk: Talk) -> None:
    await talk.send()
    other = await talk.ann.room()
    foreign = await talk.hers.ok("message:send", {"roomId": other, "content": "elsewhere"})
    for side in ("before", "after", "around"):
        assert (await talk.history(**{side: foreign["id"]})).status_code == 404
        payload = {"roomId": talk.room, side: foreign["id"]}
        assert (await talk.hers.refused("message:history", payload))["reason"] == "not_found"


async def test_messages_of_the_same_instant_come_once_each_in_pages(talk: Talk, db: Database) -> None:
    """All messages are of the same instant, and each comes once, whichever way one pages."""
    sent = [await talk.send(str(number)) for number in range(7)]
    await db.value("update messages set created_at = now()")
    newest_first = [message["id"] for message in reversed(sent)]
    for limit in (1, 2, 3):
        down: list[str] = []
        while page := (await talk.history(limit=limit, **({"before": down[-1]} if down else {}))).json():
            down += [message["id"] for message in page]
        assert down == newest_first
        up = down[-1:]
        while page := (await talk.history(limit=limit, after=up[0])).json():
            up = [message["id"] for message in page] + up
        assert up == newest_first


async def test_a_limit_that_is_none_is_refused(talk: Talk) -> None:
    for limit in ("0", "-1", "101", "1e9", "99999999999999999999", "NaN", "x", "", "1.5"):
        answer = await talk.history(limit=limit)
        assert answer.status_code == 422
        assert answer.json()["details"]["cause"][0]["path"] == "limit"
    for number in (0, -1, 101, 10**18, 1.5, "10"):
        payload = {"roomId": talk.room, "limit": number}
        assert (await talk.hers.refused("message:history", payload))["reason"] == "invalid"
    assert (await talk.history(limit=1)).status_code == (await talk.history(limit=100)).status_code == 200


async def test_history_has_the_sender_of_each_message(talk: Talk) -> None:
    sent = await talk.send()
    by_event = await talk.hers.ok("message:history", {"roomId": talk.room})
    by_rest = (await talk.history()).json()
    assert by_event == by_rest == [sent]
    assert sent["sender"] == {
        "id": talk.bob.id,
        "username": talk.bob.user["username"],
        "displayName": None,
        "avatar": None,
    }


async def test_a_retry_makes_no_second_message(talk: Talk) -> None:
    payload = {"roomId": talk.room, "content": "once", "clientId": "c"}
    answers = await asyncio.gather(*(talk.his.ok("message:send", payload) for _ in range(4)))
    rest = await talk.bob.http.post(f"/chat/rooms/{talk.room}/messages", json=payload)
    assert [*answers, rest.json()] == [answers[0]] * 5
    assert (await talk.history()).json() == [answers[0]]
    assert await talk.hers.expect("message:new") == answers[0]
    assert len(talk.hers.received["message:new"]) == 1


async def test_deleted_messages_are_not_listed(talk: Talk) -> None:
    kept, gone = await talk.send("kept"), await talk.send("gone")
    await talk.his.ok("message:delete", {"messageId": gone["id"]})
    assert (await talk.history()).json() == [kept]
    assert (await talk.ann.http.get("/chat/search", params={"query": "gone"})).json() == []
