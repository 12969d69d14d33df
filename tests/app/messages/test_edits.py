"""Edits, deletions and reactions over both transports and REST: success, refusal, malformed input, and who hears."""

import asyncio
from typing import Any
from urllib.parse import quote

import pytest

from app.db.database import Database
from app.messages.edits import MAX_KINDS, MAX_KINDS_OF_USER, MAX_REACTIONS
from tests.support.chat.people import Device, People
from tests.support.chat.scenes import Scene

pytestmark = pytest.mark.one_chat

EVENTS = {
    "message:edit": "EDIT_FAILED",
    "message:delete": "DELETE_FAILED",
    "reaction:add": "REACTION_FAILED",
    "reaction:remove": "REACTION_FAILED",
}
FIELDS = {"content": "changed", "kind": "👍"}


class Talk(Scene):
    """With a message of Bob's."""

    message: dict[str, Any]

    async def fence(self, *devices: Device) -> None:
        """What was announced before has come when this returns."""
        await self.hers.ok("message:send", {"roomId": self.room, "content": "fence"})
        for device in devices:
            while (await device.expect("message:new"))["content"] != "fence":
                pass


@pytest.fixture
async def talk(people: People) -> Talk:
    talk = await Talk.open(people, eve=True)
    talk.message = await talk.his.ok("message:send", {"roomId": talk.room, "content": "first"})
    return talk


# All of them


async def test_who_may_not_and_what_is_not_there(talk: Talk) -> None:
    ref = FIELDS | {"messageId": talk.message["id"]}
    for event, code in EVENTS.items():
        for device, payload, reason in (
            (talk.stranger, ref, "not_a_member"),
            (talk.his, FIELDS | {"messageId": "unknown"}, "not_found"),
            (talk.his, FIELDS | {"messageId": talk.room}, "not_found"),
        ):
            error = await device.refused(event, payload)
            assert (error["code"], error["reason"]) == (code, reason)
    await talk.his.ok("room:leave", {"roomId": talk.room})
    for event in EVENTS:
        assert (await talk.his.refused(event, ref))["reason"] == "not_a_member"  # author or not


async def test_malformed_payloads(talk: Talk) -> None:
    ref = FIELDS | {"messageId": talk.message["id"]}
    for event in EVENTS:
        for payload in (
            None,
            7,
            "text",
            [],
            b"\x00\xff",
            {},
            *({"messageId": x} for x in ({}, "a b", "", None)),
        ):
            given = FIELDS | payload if isinstance(payload, dict) else payload
            assert (await talk.his.refused(event, given))["reason"] == "invalid"
    for event, field, reason in (
        ("message:edit", {"content": None}, "invalid"),
        ("message:edit", {"content": " \n"}, "invalid"),
        ("message:edit", {"content": "\u200b\u3164"}, "invalid"),
        ("reaction:add", {"kind": "\ufe0f"}, "invalid"),
        ("message:edit", {"content": "a\0b"}, "invalid"),
        ("message:edit", {"content": "x" * 10_001}, "too_long"),
        ("reaction:add", {"kind": ""}, "invalid"),
        ("reaction:add", {"kind": " "}, "invalid"),
        ("reaction:add", {"kind": 7}, "invalid"),
        ("reaction:add", {"kind": "x" * 33}, "too_long"),
        ("reaction:remove", {"kind": "a\0"}, "invalid"),
    ):
        assert (await talk.his.refused(event, ref | field))["reason"] == reason
    assert (await talk.ann.http.get(f"/chat/rooms/{talk.room}/messages")).json() == [talk.message]


# Edits


async def test_an_edit_reaches_the_room(talk: Talk) -> None:
    payload = {"messageId": talk.message["id"], "content": "second", "userId": talk.ann.id}
    edited = await talk.his.ok("message:edit", payload)
    was = talk.message
    assert edited == was | {
        "content": "second",
        "changeSeq": was["seq"] + 1,
        "editedAt": edited["editedAt"],
        "modifiedAt": edited["editedAt"],
    }
    assert edited["editedAt"] > was["createdAt"]
    for device in (talk.hers, talk.his):
        assert await device.expect("message:edited") == edited
    assert (await talk.ann.http.get(f"/chat/rooms/{talk.room}/messages")).json() == [edited]
    assert "message:edited" not in talk.stranger.received


async def test_an_edit_that_changes_nothing_is_not_announced(talk: Talk) -> None:
    ref = {"messageId": talk.message["id"]}
    assert await talk.his.ok("message:edit", ref | {"content": "first"}) == talk.message
    edited = await talk.his.ok("message:edit", ref | {"content": "second"})
    assert edited["changeSeq"] == talk.message["seq"] + 1
    assert await talk.hers.expect("message:edited") == edited


async def test_only_the_author_edits(talk: Talk) -> None:
    error = await talk.hers.refused("message:edit", {"messageId": talk.message["id"], "content": "hers"})
    assert (error["code"], error["reason"]) == ("EDIT_FAILED", "forbidden")


async def test_edit_over_rest(talk: Talk) -> None:
    path = f"/chat/messages/{talk.message['id']}"
    answer = await talk.bob.http.patch(path, json={"content": "by rest"})
    assert (answer.status_code, answer.json()["content"]) == (200, "by rest")
    assert await talk.hers.expect("message:edited") == answer.json()
    for person, where, body, status in (
        (talk.ann, path, {"content": "x"}, 403),
        (talk.eve, path, {"content": "x"}, 403),
        (talk.bob, "/chat/messages/unknown", {"content": "x"}, 404),
        (talk.bob, "/chat/messages/a%20b", {"content": "x"}, 404),
        (talk.bob, path, {"content": ""}, 422),
        (talk.bob, path, {}, 422),
        (talk.bob, path, [], 422),
    ):
        assert (await person.http.patch(where, json=body)).status_code == status


# Deletions


async def test_a_deletion_leaves_a_trace_and_nothing_else(talk: Talk, db: Database) -> None:
    files = {"file": ("a.txt", b"secret", "text/plain")}
    file = (await talk.bob.http.post("/chat/files", files=files)).json()
    name = talk.ann.user["username"]
    sent = await talk.his.ok(
        "message:send",
        {
            "roomId": talk.room,
            "content": f"@{name} secret",
            "metadata": {"secret": 1},
            "attachments": [file["id"]],
            "replyTo": talk.message["id"],
        },
    )
    assert (sent["mentions"], sent["attachments"]) == ([talk.ann.id], [file])
    await talk.hers.ok("reaction:add", {"messageId": sent["id"], "kind": "👍"})
    deleted = await talk.his.ok("message:delete", {"messageId": sent["id"]})
    assert deleted == {
        "messageId": sent["id"],
        "roomId": talk.room,
        "seq": sent["seq"] + 2,
        "deletedAt": deleted["deletedAt"],
        "thread": sent["thread"]
        | {"replyCount": 0, "lastReplySeq": None, "lastReplyAt": None, "changeSeq": sent["seq"] + 2},
    }
    for device in (talk.hers, talk.his):
        assert await device.expect("message:deleted") == deleted
    left = "select array[content, cast(metadata as text), deleted_by] from messages where id = :id"
    assert await db.value(left, id=sent["id"]) == ["", None, talk.bob.id]
    for table in ("reactions", "mentions", "files"):
        assert await db.value(f"select count(*) from {table} where message_id = :id", id=sent["id"]) == 0
    assert (await talk.ann.http.get(file["url"])).status_code == 404
    changes = await talk.hers.ok("room:sync", {"roomId": talk.room, "afterSeq": sent["seq"]})
    assert changes["changes"] == [
        {
            "type": "message",
            "seq": deleted["seq"],
            "message": sent
            | {
                "changeSeq": deleted["seq"],
                "deletedAt": deleted["deletedAt"],
                "thread": deleted["thread"],
                "modifiedAt": deleted["deletedAt"],
                "content": "",
                "metadata": None,
                "attachments": [],
                "reactions": [],
                "mentions": [],
            },
        }
    ]


async def test_who_may_delete(talk: Talk) -> None:
    hers = await talk.hers.ok("message:send", {"roomId": talk.room, "content": "ann's"})
    error = await talk.his.refused("message:delete", {"messageId": hers["id"]})
    assert (error["code"], error["reason"]) == ("DELETE_FAILED", "forbidden")
    await talk.hers.ok("message:delete", {"messageId": talk.message["id"]})  # an admin
    await talk.hers.ok("message:delete", {"messageId": hers["id"]})
    assert (await talk.ann.http.get(f"/chat/rooms/{talk.room}/messages")).json() == []


async def test_nobody_is_an_admin_of_a_direct_conversation(talk: Talk) -> None:
    sent = await talk.his.ok("dm:send", {"receiverId": talk.ann.id, "content": "his"})
    assert (await talk.hers.refused("message:delete", {"messageId": sent["id"]}))["reason"] == "forbidden"
    edited = await talk.his.ok("message:edit", {"messageId": sent["id"], "content": "edited"})
    assert (edited["receiverId"], edited["readAt"]) == (talk.ann.id, None)
    assert await talk.hers.expect("message:edited") == edited
    deleted = await talk.his.ok("message:delete", {"messageId": sent["id"]})
    assert await talk.hers.expect("message:deleted") == deleted


async def test_delete_over_rest(talk: Talk) -> None:
    path = f"/chat/messages/{talk.message['id']}"
    assert (await talk.eve.http.delete(path)).status_code == 403
    assert (await talk.bob.http.delete("/chat/messages/unknown")).status_code == 404
    first, again = await talk.bob.http.delete(path), await talk.ann.http.delete(path)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json() == await talk.hers.expect("message:deleted")
    assert (await talk.bob.http.patch(path, json={"content": "x"})).status_code == 404


# Reactions


async def test_reactions_are_counted_once_and_told_to_the_room(talk: Talk) -> None:
    message_id, seq = talk.message["id"], talk.message["seq"]
    ref = {"messageId": message_id, "kind": "👍"}
    first = await talk.his.ok("reaction:add", ref)
    assert first == {
        "roomId": talk.room,
        "messageId": message_id,
        "seq": seq + 1,
        "reactions": [{"kind": "👍", "userIds": [talk.bob.id]}],
    }
    assert await talk.his.ok("reaction:add", ref) == first
    second = await talk.hers.ok("reaction:add", ref)
    third = await talk.hers.ok("reaction:add", {"messageId": message_id, "kind": "not an emoji"})
    assert third["reactions"] == [
        {"kind": "👍", "userIds": [talk.bob.id, talk.ann.id]},
        {"kind": "not an emoji", "userIds": [talk.ann.id]},
    ]
    fourth = await talk.his.ok("reaction:remove", ref)
    assert await talk.his.ok("reaction:remove", ref) == fourth
    assert (fourth["seq"], [r["userIds"] for r in fourth["reactions"]]) == (seq + 4, [[talk.ann.id]] * 2)
    for device in (talk.hers, talk.his):
        assert [await device.expect("reaction:updated") for _ in range(4)] == [first, second, third, fourth]
    (message,) = (await talk.ann.http.get(f"/chat/rooms/{talk.room}/messages")).json()
    assert message == talk.message | {"changeSeq": seq + 4, "reactions": fourth["reactions"]}


async def test_a_message_takes_so_many_kinds_of_reactions(talk: Talk, people: People) -> None:
    ref = {"messageId": talk.message["id"]}
    third = await people()
    await third.http.post(f"/chat/rooms/{talk.room}/join")
    theirs = await third.device()
    for number in range(MAX_KINDS):
        device = talk.his if number < MAX_KINDS_OF_USER else talk.hers
        await device.ok("reaction:add", ref | {"kind": f"k{number}"})
    error = await theirs.refused("reaction:add", ref | {"kind": "one more"})
    assert (error["code"], error["reason"]) == ("REACTION_FAILED", "too_many")
    await theirs.ok("reaction:add", ref | {"kind": "k7"})  # no new kind
    await talk.his.ok("reaction:remove", ref | {"kind": "k0"})
    await theirs.ok("reaction:add", ref | {"kind": "one more"})


async def test_one_person_does_not_take_all_kinds_of_reactions(talk: Talk) -> None:
    ref = {"messageId": talk.message["id"]}
    for number in range(MAX_KINDS_OF_USER):
        await talk.his.ok("reaction:add", ref | {"kind": f"k{number}"})
    await talk.hers.ok("reaction:add", ref | {"kind": "hers"})
    for kind in ("one more", "hers"):
        assert (await talk.his.refused("reaction:add", ref | {"kind": kind}))["reason"] == "too_many"
    refused = await talk.bob.http.put(f"/chat/messages/{talk.message['id']}/reactions/more")
    assert refused.status_code == 409
    await talk.his.ok("reaction:add", ref | {"kind": "k0"})  # it is there
    await talk.his.ok("reaction:remove", ref | {"kind": "k0"})
    await talk.his.ok("reaction:add", ref | {"kind": "hers"})


async def test_a_message_takes_so_many_reactions(talk: Talk, db: Database) -> None:
    await db.value(
        """
        with users as (
            insert into users (id, username, credential)
            select 'many-' || n, 'many-' || n, '-' from generate_series(1, cast(:n as integer)) n returning id
        )
        insert into reactions (message_id, kind, user_id) select :message, '👍', id from users
        """,
        n=MAX_REACTIONS - 1,
        message=talk.message["id"],
    )
    ref = {"messageId": talk.message["id"], "kind": "👍"}
    await talk.hers.ok("reaction:add", ref)
    assert (await talk.his.refused("reaction:add", ref))["reason"] == "too_many"
    await talk.hers.ok("reaction:add", ref)  # it is there
    await talk.hers.ok("reaction:remove", ref)
    await talk.his.ok("reaction:add", ref)


async def test_reactions_over_rest(talk: Talk) -> None:
    path = f"/chat/messages/{talk.message['id']}/reactions"
    added = await talk.ann.http.put(f"{path}/%F0%9F%91%8D")
    assert (added.status_code, added.json()["reactions"][0]["kind"]) == (200, "👍")
    assert await talk.his.expect("reaction:updated") == added.json()
    removed = await talk.ann.http.delete(f"{path}/%F0%9F%91%8D")
    assert (removed.status_code, removed.json()["reactions"]) == (200, [])
    assert (await talk.eve.http.put(f"{path}/x")).status_code == 403
    assert (await talk.eve.http.delete(f"{path}/x")).status_code == 403
    assert (await talk.ann.http.put("/chat/messages/unknown/reactions/x")).status_code == 404
    assert (await talk.ann.http.put(f"{path}/{'x' * 33}")).status_code == 422
    assert (await talk.ann.http.put(f"{path}/%20")).status_code == 422


async def test_one_emoji_is_one_reaction(talk: Talk) -> None:
    path = f"/chat/messages/{talk.message['id']}/reactions"
    for device, kind in ((talk.hers, "❤"), (talk.his, "❤\ufe0f"), (talk.hers, "❤\ufe0f")):
        reacted = await device.ok("reaction:add", {"messageId": talk.message["id"], "kind": kind})
    assert reacted["reactions"] == [{"kind": "❤\ufe0f", "userIds": [talk.ann.id, talk.bob.id]}]
    assert (await talk.bob.http.delete(f"{path}/%E2%9D%A4")).json()["reactions"][0]["userIds"] == [
        talk.ann.id
    ]
    await talk.hers.ok("reaction:remove", {"messageId": talk.message["id"], "kind": "❤"})
    (message,) = (await talk.ann.http.get(f"/chat/rooms/{talk.room}/messages")).json()
    assert message["reactions"] == []


@pytest.mark.parametrize("kind", ["w/o", "1/2", "a//b", "/", "a/", "reactions/x"])
async def test_a_kind_with_a_slash_works_over_rest(talk: Talk, kind: str) -> None:
    path = f"/chat/messages/{talk.message['id']}/reactions/{quote(kind, safe='')}"
    added = await talk.ann.http.put(path)
    assert (added.status_code, [one["kind"] for one in added.json()["reactions"]]) == (200, [kind])
    assert (await talk.ann.http.delete(path)).json()["reactions"] == []


async def test_changes_at_once_each_take_one_number(talk: Talk) -> None:
    ref = {"messageId": talk.message["id"]}
    await asyncio.gather(
        *(talk.hers.ok("reaction:add", ref | {"kind": f"a{n}"}) for n in range(8)),
        *(talk.his.ok("message:edit", ref | {"content": f"e{n}"}) for n in range(8)),
        *(talk.his.ok("message:send", {"roomId": talk.room, "content": f"s{n}"}) for n in range(8)),
    )
    await talk.fence(talk.hers)
    heard = talk.hers.received
    numbers = [
        *(event["seq"] for event in heard["reaction:updated"]),
        *(event["changeSeq"] for event in heard["message:edited"]),
        *(event["changeSeq"] for event in heard["message:new"]),
    ]
    start = talk.message["seq"]
    assert sorted(numbers) == list(range(start, start + 26))
