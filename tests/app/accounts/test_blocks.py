"""Blocks: what no longer comes from somebody who is blocked, at every door and on every instance; what still does."""

import asyncio
from typing import Any

import pytest

from app.accounts.blocks import MAX_BLOCKS
from app.db.database import Database
from tests.support.chat.people import Device, People, Person, Start
from tests.support.chat.scenes import Scene

pytestmark = pytest.mark.over_websocket

CANNOT = ("forbidden", "You cannot write to this person")
UNBLOCK_FIRST = ("conflict", "You have blocked this person: unblock them first")


class Acquaintance(Scene):
    """They have a conversation too, in which each has written. Nobody has blocked anybody."""

    conversation: str
    her_message: str
    his_message: str


@pytest.fixture
async def scene(people: People) -> Acquaintance:
    scene = await Acquaintance.open(people)
    first = await scene.hers.ok("dm:send", {"receiverId": scene.bob.id, "content": "hello"})
    second = await scene.his.ok("dm:send", {"receiverId": scene.ann.id, "content": "hello"})
    await scene.hers.ok("room:read", {"roomId": first["roomId"], "seq": second["seq"]})
    await scene.his.expect("room:read-updated")
    scene.conversation, scene.her_message, scene.his_message = first["roomId"], first["id"], second["id"]
    return scene


async def refusal(device: Device, event: str, payload: dict[str, Any]) -> tuple[str, str]:
    error = await device.refused(event, payload)
    return error["reason"], error["message"]


def writing(
    scene: Acquaintance, receiver: Person, message: str, other: str
) -> list[tuple[str, dict[str, Any]]]:
    """All by which somebody writes in the conversation, who has written `message` there."""
    return [
        ("dm:send", {"receiverId": receiver.id, "content": "x"}),
        ("message:send", {"roomId": scene.conversation, "content": "x"}),
        ("message:edit", {"messageId": message, "content": "x"}),
        ("reaction:add", {"messageId": other, "kind": "👍"}),
        ("reaction:add", {"messageId": message, "kind": "👍"}),
    ]


# Direct messages


async def test_nobody_writes_to_who_has_blocked_them_nor_the_other_way_round(scene: Acquaintance) -> None:
    await scene.hers.ok("user:block", {"userId": scene.bob.id})
    for event, payload in writing(scene, scene.ann, scene.his_message, scene.her_message):
        assert await refusal(scene.his, event, payload) == CANNOT, event
    for event, payload in writing(scene, scene.bob, scene.her_message, scene.his_message):
        assert await refusal(scene.hers, event, payload) == UNBLOCK_FIRST, event
    answers = [
        await scene.bob.http.post(f"/chat/dm/{scene.ann.id}", json={"content": "x"}),
        await scene.bob.http.post(f"/chat/rooms/{scene.conversation}/messages", json={"content": "x"}),
        await scene.bob.http.patch(f"/chat/messages/{scene.his_message}", json={"content": "x"}),
        await scene.bob.http.put(f"/chat/messages/{scene.her_message}/reactions/x"),
    ]
    assert {(answer.status_code, answer.json()["message"]) for answer in answers} == {(403, CANNOT[1])}
    assert (await scene.ann.http.post(f"/chat/dm/{scene.bob.id}", json={"content": "x"})).status_code == 409
    assert len(await scene.hers.ok("dm:history", {"userId": scene.bob.id})) == 2


async def test_what_was_written_can_be_read_and_taken_back(scene: Acquaintance) -> None:
    await scene.his.ok("reaction:add", {"messageId": scene.her_message, "kind": "👍"})
    await scene.hers.ok("user:block", {"userId": scene.bob.id})
    taken = await scene.his.ok("reaction:remove", {"messageId": scene.her_message, "kind": "👍"})
    assert taken["reactions"] == []
    await scene.his.ok("message:delete", {"messageId": scene.his_message})
    for device, other in ((scene.hers, scene.bob), (scene.his, scene.ann)):
        (left,) = await device.ok("dm:history", {"userId": other.id})
        assert left["id"] == scene.her_message


async def test_a_retry_of_what_was_sent_before_the_block_is_answered(scene: Acquaintance) -> None:
    payload = {"receiverId": scene.ann.id, "content": "once", "clientId": "c-1"}
    sent = await scene.his.ok("dm:send", payload)
    await scene.hers.ok("user:block", {"userId": scene.bob.id})
    assert await scene.his.ok("dm:send", payload) == sent


async def test_after_unblocking_both_write_again(scene: Acquaintance) -> None:
    await scene.hers.ok("user:block", {"userId": scene.bob.id})
    assert await scene.hers.ok("user:unblock", {"userId": scene.bob.id}) == {"userId": scene.bob.id}
    for event, payload in writing(scene, scene.ann, scene.his_message, scene.her_message):
        await scene.his.ok(event, payload)
    for event, payload in writing(scene, scene.bob, scene.her_message, scene.his_message):
        await scene.hers.ok(event, payload)


async def test_two_who_have_blocked_each_other_both_have_to_unblock(scene: Acquaintance) -> None:
    await scene.hers.ok("user:block", {"userId": scene.bob.id})
    await scene.his.ok("user:block", {"userId": scene.ann.id})
    payload = {"receiverId": scene.ann.id, "content": "x"}
    assert await refusal(scene.his, "dm:send", payload) == UNBLOCK_FIRST
    await scene.his.ok("user:unblock", {"userId": scene.ann.id})
    assert await refusal(scene.his, "dm:send", payload) == CANNOT
    await scene.hers.ok("user:unblock", {"userId": scene.bob.id})
    assert await scene.his.ok("dm:send", payload)


async def test_no_conversation_begins_where_there_is_a_block(people: People, db: Database) -> None:
    ann, bob = await people(), await people()
    hers, his = await ann.device(), await bob.device()
    await hers.ok("user:block", {"userId": bob.id})
    assert await refusal(his, "dm:send", {"receiverId": ann.id, "content": "x"}) == CANNOT
    assert await refusal(hers, "dm:send", {"receiverId": bob.id, "content": "x"}) == UNBLOCK_FIRST
    assert await db.value("select count(*) from rooms") == 0
    assert hers.received["room:added"] == []
    assert await hers.ok("dm:send", {"receiverId": ann.id, "content": "a note"})


async def test_a_block_holds_on_every_instance_once_it_is_made(
    scene: Acquaintance, start: Start, people: People
) -> None:
    """While somebody writes all the time, on another instance, nothing comes after the answer to the block."""
    second = await start()
    eve = await people()
    far = await scene.bob.device(second.url)
    stranger = await eve.device(second.url)
    stop = asyncio.Event()

    async def write(device: Device) -> list[Any]:
        answers = []
        while not stop.is_set():
            answers.append(await device.call("dm:send", {"receiverId": scene.ann.id, "content": "x"}))
        return answers

    writers = [asyncio.create_task(write(device)) for device in (far, stranger)]
    async with asyncio.TaskGroup() as group:
        for person in (scene.bob, eve):
            group.create_task(scene.hers.ok("user:block", {"userId": person.id}))
    newest = {
        person.id: [m["id"] for m in await scene.hers.ok("dm:history", {"userId": person.id, "limit": 1})]
        for person in (scene.bob, eve)
    }
    for device in (far, stranger):  # each has tried once more, after the block
        assert await refusal(device, "dm:send", {"receiverId": scene.ann.id, "content": "y"}) == CANNOT
    stop.set()
    for answers in await asyncio.gather(*writers):
        came = [answer["ok"] for answer in answers]
        assert came == sorted(came, reverse=True), "something came after it was refused"
    for person_id, ids in newest.items():
        page = await scene.hers.ok("dm:history", {"userId": person_id, "limit": 1})
        assert [message["id"] for message in page] == ids


# Rooms that both are in


async def test_a_mention_by_who_is_blocked_does_not_call_and_its_text_stays(scene: Acquaintance) -> None:
    name = scene.ann.user["username"]
    await scene.hers.ok("user:block", {"userId": scene.bob.id})
    sent = await scene.his.ok("message:send", {"roomId": scene.room, "content": f"@{name} look"})
    edited = await scene.his.ok("message:edit", {"messageId": sent["id"], "content": f"@{name} look here"})
    assert (sent["mentions"], edited["mentions"]) == ([], [])
    assert (await scene.hers.expect("message:new"))["content"] == f"@{name} look"
    await scene.hers.ok("user:unblock", {"userId": scene.bob.id})
    last = await scene.his.ok("message:send", {"roomId": scene.room, "content": f"@{name} again"})
    assert last["mentions"] == [scene.ann.id]
    assert (await scene.hers.expect("mention:new"))["id"] == last["id"]


async def test_who_has_blocked_can_mention_in_a_room(scene: Acquaintance) -> None:
    """A block keeps the other away; what one says oneself in a room is no secret."""
    await scene.hers.ok("user:block", {"userId": scene.bob.id})
    text = f"@{scene.bob.user['username']} no"
    sent = await scene.hers.ok("message:send", {"roomId": scene.room, "content": text})
    assert (await scene.his.expect("mention:new"))["id"] == sent["id"]


async def test_typing_is_not_told_between_them_and_is_to_others(scene: Acquaintance, people: People) -> None:
    eve = await people()
    await eve.http.post(f"/chat/rooms/{scene.room}/join")
    third = await eve.device()
    await scene.hers.ok("user:block", {"userId": scene.bob.id})
    for device, person in ((scene.his, scene.bob), (scene.hers, scene.ann)):
        for room in (scene.room, scene.conversation):
            assert (await device.ok("typing:start", {"roomId": room}))["isTyping"] is True
        assert (await third.expect("typing:update"))["userId"] == person.id
    await scene.hers.ok("message:send", {"roomId": scene.room, "content": "x"})
    await scene.his.expect("message:new")
    await scene.his.ok("message:send", {"roomId": scene.room, "content": "y"})
    for _ in range(2):
        await scene.hers.expect("message:new")
    assert scene.hers.received["typing:update"] == scene.his.received["typing:update"] == []


async def test_read_marks_are_not_told_between_them(scene: Acquaintance, people: People) -> None:
    eve = await people()
    await eve.http.post(f"/chat/rooms/{scene.room}/join")
    third = await eve.device()
    last = await scene.hers.ok("dm:send", {"receiverId": scene.bob.id, "content": "have you seen it?"})
    await scene.hers.ok("user:block", {"userId": scene.bob.id})
    told = len(scene.hers.received["room:read-updated"])
    mark = await scene.his.ok("room:read", {"roomId": scene.conversation, "seq": last["seq"]})
    assert mark["seq"] == last["seq"]
    (talk,) = (await scene.his.ok("conversation:list", {}))["conversations"]
    assert talk["unread"] == 0  # for himself it is read
    everything = await third.ok("room:get", {"roomId": scene.room})
    await scene.his.ok("room:read", {"roomId": scene.room, "seq": everything["lastSeq"]})
    assert (await third.expect("room:read-updated"))["userId"] == scene.bob.id
    await third.ok("message:send", {"roomId": scene.room, "content": "x"})
    await scene.hers.expect("message:new")
    assert len(scene.hers.received["room:read-updated"]) == told
    (newest, *_) = await scene.hers.ok("dm:history", {"userId": scene.bob.id})
    assert (newest["id"], newest["readAt"]) == (last["id"], None)
    for room in (scene.room, scene.conversation):
        for asking, about in ((scene.hers, scene.bob), (scene.his, scene.ann)):
            members = (await asking.ok("room:members", {"roomId": room}))["members"]
            changes = (await asking.ok("room:sync", {"roomId": room, "afterSeq": 0}))["changes"]
            members += [change["member"] for change in changes if change["type"] == "member"]
            shown = [m for m in members if m["userId"] == about.id]
            assert {(m["lastReadSeq"], m["lastReadAt"], m["presence"]) for m in shown} == {(0, None, None)}


async def test_presence_is_withheld_from_both_and_comes_back(scene: Acquaintance, people: People) -> None:
    eve = await people()
    await eve.http.post(f"/chat/rooms/{scene.room}/join")
    third = await eve.device()
    await scene.hers.ok("user:block", {"userId": scene.bob.id})
    for device, about in ((scene.hers, scene.bob), (scene.his, scene.ann)):
        seen = await device.expect("presence:changed")
        while seen["userId"] != about.id or seen["status"] == "online":
            seen = await device.expect("presence:changed")
        assert seen == {"userId": about.id, "status": "offline", "lastSeenAt": None}
        assert await device.ok("presence:get", {"userIds": [about.id]}) == []
        (talk,) = (await device.ok("conversation:list", {}))["conversations"]
        assert talk["presence"] is None
    again = await scene.bob.device()
    snapshot = await again.expect("presence:snapshot")
    assert scene.ann.id not in [one["userId"] for one in snapshot]
    assert eve.id in [one["userId"] for one in snapshot]
    assert [one["status"] for one in await third.ok("presence:get", {"userIds": [scene.bob.id]})] == [
        "online"
    ]
    await scene.hers.ok("user:unblock", {"userId": scene.bob.id})
    for device, about in ((scene.hers, scene.bob), (scene.his, scene.ann)):
        seen = await device.expect("presence:changed")
        while seen["userId"] != about.id:
            seen = await device.expect("presence:changed")
        assert seen["status"] == "online"
        assert [one["status"] for one in await device.ok("presence:get", {"userIds": [about.id]})] == [
            "online"
        ]


async def test_who_comes_is_told_to_others_but_not_to_who_has_blocked_them(people: People) -> None:
    ann, bob, eve = await people(), await people(), await people()
    room = await ann.room()
    for person in (bob, eve):
        await person.http.post(f"/chat/rooms/{room}/join")
    hers, third = await ann.device(), await eve.device()
    await ann.http.put(f"/chat/blocks/{bob.id}")
    told = len(hers.received["presence:changed"])
    await bob.device()
    while (await third.expect("presence:changed"))["userId"] != bob.id:
        pass
    await third.ok("message:send", {"roomId": room, "content": "x"})
    await hers.expect("message:new")
    about_bob = [one for one in hers.received["presence:changed"][told:] if one["userId"] == bob.id]
    assert {one["status"] for one in about_bob} <= {"offline"}


# Invitations


async def test_no_invitation_comes_from_who_is_blocked(scene: Acquaintance, people: People) -> None:
    his_room, other_room = await scene.bob.room(isPrivate=True), await scene.bob.room(isPrivate=True)
    await scene.his.ok("room:invite", {"roomId": other_room, "userId": scene.ann.id})
    await scene.hers.expect("room:invited")
    await scene.hers.ok("user:block", {"userId": scene.bob.id})
    words = ("forbidden", "This user takes no invitation to this room from you")
    for whom in ({"userId": scene.ann.id}, {"username": scene.ann.user["username"]}):
        assert await refusal(scene.his, "room:invite", {"roomId": his_room, **whom}) == words
    answer = await scene.bob.http.post(f"/chat/rooms/{his_room}/invitations", json={"userId": scene.ann.id})
    assert answer.status_code == 403
    assert await scene.hers.ok("room:invitations") == []  # nor is the earlier one shown
    # Another admin of that room may invite her all the same.
    eve = await people()
    await scene.his.ok("room:invite", {"roomId": other_room, "userId": eve.id})
    third = await eve.device()
    await third.ok("room:join", {"roomId": other_room})
    await scene.his.ok("room:set-role", {"roomId": other_room, "userId": eve.id, "role": "admin"})
    await third.ok("room:invite", {"roomId": other_room, "userId": scene.ann.id})
    assert (await scene.hers.expect("room:invited"))["id"] == other_room
    assert [room["id"] for room in await scene.hers.ok("room:invitations")] == [other_room]
    theirs = {"roomId": await scene.ann.room(), "userId": scene.bob.id}
    assert (await scene.hers.refused("room:invite", theirs))["reason"] == "conflict"


# Blocking


async def test_blocking_is_told_to_ones_own_devices_alone_and_once(scene: Acquaintance) -> None:
    tablet = await scene.ann.device()
    block = await scene.hers.ok("user:block", {"userId": scene.bob.id})
    assert block["user"]["username"] == scene.bob.user["username"]
    assert await scene.hers.ok("user:block", {"userId": scene.bob.id}) == block
    for device in (scene.hers, tablet):
        assert await device.expect("user:blocked") == block
    for _ in range(2):
        await tablet.ok("user:unblock", {"userId": scene.bob.id})
    for device in (scene.hers, tablet):
        assert await device.expect("user:unblocked") == {"userId": scene.bob.id}
    await tablet.ok("message:send", {"roomId": scene.room, "content": "x"})
    for device in (scene.hers, tablet, scene.his):
        await device.expect("message:new")
    assert [len(device.received["user:blocked"]) for device in (scene.hers, tablet, scene.his)] == [1, 1, 0]
    assert [len(device.received["user:unblocked"]) for device in (scene.hers, tablet, scene.his)] == [1, 1, 0]


async def test_the_blocked_are_listed_in_pages_for_who_has_blocked_them(people: People) -> None:
    ann, *others = [await people() for _ in range(4)]
    for other in others:
        assert (await ann.http.put(f"/chat/blocks/{other.id}")).status_code == 200
    first = (await ann.http.get("/chat/blocks", params={"limit": 2})).json()
    rest = (await ann.http.get("/chat/blocks", params={"limit": 2, "after": first["next"]})).json()
    assert [block["user"]["id"] for block in first["blocks"] + rest["blocks"]] == [one.id for one in others]
    assert rest["next"] is None
    assert (await others[0].http.get("/chat/blocks")).json() == {"blocks": [], "next": None}
    assert (await ann.http.delete(f"/chat/blocks/{others[0].id}")).status_code == 200
    assert len((await ann.http.get("/chat/blocks")).json()["blocks"]) == 2


async def test_blocks_that_are_refused(scene: Acquaintance, db: Database) -> None:
    assert (await scene.hers.refused("user:block", {"userId": scene.ann.id}))["reason"] == "forbidden"
    await db.value(
        """
        with made as (
            insert into users (id, username, credential)
            select 'made-' || n, 'made-' || n, '-' from generate_series(1, :most) n
            returning id
        )
        insert into user_blocks (blocker_id, blocked_id) select :ann, id from made
        """,
        most=MAX_BLOCKS,
        ann=scene.ann.id,
    )
    error = await scene.hers.refused("user:block", {"userId": scene.bob.id})
    assert (error["code"], error["reason"]) == ("BLOCK_FAILED", "too_many")
    await scene.hers.ok("user:unblock", {"userId": "made-1"})
    assert await scene.hers.ok("user:block", {"userId": scene.bob.id})
