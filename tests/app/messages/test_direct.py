"""Direct conversations, as events and over REST; first messages from many sides at once."""

import asyncio
from typing import Any

import pytest

from app.db.database import Database
from app.db.rows import Row
from tests.support.chat.people import Device, People, Start

pytestmark = pytest.mark.one_chat


class DirectRoomCounts(Row, frozen=True):
    members: int
    messages: int


async def direct_rooms(db: Database) -> list[DirectRoomCounts]:
    return await db.rows(
        DirectRoomCounts,
        """
        select count(distinct m.user_id) as members, count(distinct w.id) as messages
        from rooms r
        left join room_members m on m.room_id = r.id
        left join messages w on w.room_id = r.id
        where r.kind = 'direct'
        group by r.id
        """,
    )


async def conversations(device: Device, **payload: Any) -> list[dict[str, Any]]:
    page = await device.ok("conversation:list", payload)
    listed: list[dict[str, Any]] = page["conversations"]
    return listed


# Sending


async def test_the_first_message_makes_the_conversation(people: People, db: Database) -> None:
    ann, bob = await people(), await people()
    device, other = await ann.device(), await bob.device()
    sent = await device.ok(
        "dm:send",
        {"receiverId": bob.id, "content": "hello", "type": "text", "metadata": {"a": 1}, "clientId": "c-1"},
    )
    assert (sent["content"], sent["metadata"], sent["clientId"]) == ("hello", {"a": 1}, "c-1")
    assert sent["seq"] == sent["changeSeq"] == 3
    for mine, person in ((device, ann), (other, bob)):
        added = await mine.expect("room:added")
        assert (added["id"], added["kind"], added["name"]) == (sent["roomId"], "direct", None)
        assert (added["lastSeq"], added["isPrivate"], added["createdBy"]) == (2, True, ann.id)
        assert await mine.expect("dm:new") == sent
        listed = (await person.http.get("/chat/rooms")).json()
        assert listed == []
    answer = await other.ok("dm:send", {"receiverId": ann.id, "content": "hi"})
    assert (answer["roomId"], answer["seq"], answer["receiverId"]) == (sent["roomId"], 4, ann.id)
    assert len(device.received["room:added"]) == 1
    assert await direct_rooms(db) == [DirectRoomCounts(members=2, messages=2)]


async def test_a_conversation_is_a_room_for_its_two_members(people: People) -> None:
    ann, bob, eve = await people(), await people(), await people()
    device, other, stranger = await ann.device(), await bob.device(), await eve.device()
    room = (await device.ok("dm:send", {"receiverId": bob.id, "content": "1"}))["roomId"]
    sent = await other.ok("message:send", {"roomId": room, "content": "2"})
    assert (sent["receiverId"], sent["senderId"]) == (ann.id, bob.id)
    await device.expect("dm:new")
    assert await device.expect("dm:new") == sent
    assert device.received["message:new"] == []
    history = await device.ok("message:history", {"roomId": room})
    assert history == await device.ok("dm:history", {"userId": bob.id})
    for event, payload in (
        ("message:send", {"roomId": room, "content": "3"}),
        ("message:history", {"roomId": room}),
        ("room:get", {"roomId": room}),
        ("room:members", {"roomId": room}),
        ("room:leave", {"roomId": room}),
        ("join", {"rooms": [f"room:{room}"]}),
    ):
        assert (await stranger.refused(event, payload))["reason"] == "not_a_member"
    assert (await stranger.refused("room:join", {"roomId": room}))["reason"] == "forbidden"
    assert (await device.refused("room:leave", {"roomId": room}))["reason"] == "forbidden"
    assert stranger.received["dm:new"] == []


@pytest.mark.own_chat
async def test_notes_to_oneself(people: People, db: Database) -> None:
    ann = await people()
    device, tablet = await ann.device(), await ann.device()
    sent = await device.ok("dm:send", {"receiverId": ann.id, "content": "buy tea"})
    assert (sent["senderId"], sent["receiverId"], sent["seq"]) == (ann.id, ann.id, 2)
    for mine in (device, tablet):
        assert await mine.expect("dm:new") == sent
    (notes,) = await conversations(tablet)
    assert (notes["user"]["id"], notes["unread"], notes["lastMessage"]) == (ann.id, 0, sent)
    assert await device.ok("dm:history", {"userId": ann.id}) == [sent]
    assert await direct_rooms(db) == [DirectRoomCounts(members=1, messages=1)]
    more = await device.ok("dm:send", {"receiverId": ann.id, "content": "and milk"})
    for mine in (device, tablet):
        assert await mine.expect("dm:new") == more
    assert [len(mine.received["dm:new"]) for mine in (device, tablet)] == [2, 2]


async def test_a_retry_is_answered_with_the_original_and_announced_once(people: People, start: Start) -> None:
    ann, bob = await people(), await people()
    second = await start()
    device, elsewhere, other = await ann.device(), await ann.device(second.url), await bob.device()
    payload = {"receiverId": bob.id, "content": "once", "clientId": "one"}
    first = await device.ok("dm:send", payload)
    for again in (device, elsewhere):
        assert await again.ok("dm:send", payload) == first
    last = await elsewhere.ok("dm:send", {"receiverId": bob.id, "content": "last"})
    assert await other.expect("dm:new") == first
    assert await other.expect("dm:new") == last
    assert other.received["room:added"] == [other.received["room:added"][0]]


async def test_a_client_id_that_was_used_elsewhere_is_a_conflict(people: People) -> None:
    ann, bob, eve = await people(), await people(), await people()
    device, stranger = await ann.device(), await eve.device()
    await device.ok("dm:send", {"receiverId": bob.id, "content": "x", "clientId": "one"})
    error = await device.refused("dm:send", {"receiverId": eve.id, "content": "x", "clientId": "one"})
    assert error["reason"] == "conflict"
    assert await conversations(stranger) == []
    assert [talk["user"]["id"] for talk in await conversations(device)] == [bob.id]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"receiverId": None}, "invalid"),
    ({"receiverId": 7}, "invalid"),
    ({"receiverId": {"$ne": ""}}, "invalid"),
    ({"content": ""}, "invalid"),
    ({"content": " \n"}, "invalid"),
    ({"content": None}, "invalid"),
    ({"content": "x" * 10_001}, "too_long"),
    ({"type": "system"}, "invalid"),
    ({"clientId": ""}, "invalid"),
    ({"metadata": []}, "invalid"),
    ({"metadata": {"x": "y" * 65_536}}, "too_long"),
    ({"replyTo": "unknown"}, "not_found"),
]


async def test_messages_that_are_refused(people: People) -> None:
    ann, bob = await people(), await people()
    device, other = await ann.device(), await bob.device()
    for change, reason in REFUSED:
        error = await device.refused("dm:send", {"receiverId": bob.id, "content": "x", **change})
        assert (error["code"], error["reason"]) == ("DM_FAILED", reason), change
    assert await conversations(device) == await conversations(other) == []
    assert await device.ok("dm:history", {"userId": bob.id}) == []


@pytest.mark.own_chat
async def test_many_first_messages_at_once_make_one_conversation(
    people: People, start: Start, db: Database
) -> None:
    ann, bob = await people(), await people()
    second = await start()
    devices = [
        await person.device(url) for person in (ann, bob) for url in (None, second.url) for _ in range(2)
    ]
    sends = [
        device.ok("dm:send", {"receiverId": other.id, "content": f"{number}"})
        for number, (device, other) in enumerate(zip(devices, [bob] * 4 + [ann] * 4, strict=True))
    ]
    sent = await asyncio.gather(*sends)
    assert len({message["roomId"] for message in sent}) == 1
    assert sorted(message["seq"] for message in sent) == list(range(3, 11))
    assert await direct_rooms(db) == [DirectRoomCounts(members=2, messages=8)]
    for device in devices:
        heard = [await device.expect("dm:new") for _ in sent]
        assert sorted(heard, key=lambda message: message["seq"]) == sorted(
            sent, key=lambda message: message["seq"]
        )
        assert len(device.received["room:added"]) == 1


async def test_a_conversation_whose_making_was_never_announced_is_heard_all_the_same(
    people: People, db: Database
) -> None:
    """As after a crash between the commit and the announcement."""
    ann, bob = await people(), await people()
    device, other = await ann.device(), await bob.device()
    await db.value(
        """
        with room as (
            insert into rooms (id, kind, direct_key, created_by, last_seq)
            values ('lost', 'direct', least(:ann, :bob) || ':' || greatest(:ann, :bob), :ann, 2)
        )
        insert into room_members (id, room_id, user_id, change_seq)
        values ('1', 'lost', :ann, 1), ('2', 'lost', :bob, 2)
        """,
        ann=ann.id,
        bob=bob.id,
    )
    sent = await device.ok("dm:send", {"receiverId": bob.id, "content": "found"})
    assert await other.expect("dm:new") == sent
    edited = await device.ok("message:edit", {"messageId": sent["id"], "content": "found again"})
    assert await other.expect("message:edited") == edited


# Reading


async def test_history_before_and_after_and_around(people: People) -> None:
    ann, bob = await people(), await people()
    device, other = await ann.device(), await bob.device()
    sent = [await device.ok("dm:send", {"receiverId": bob.id, "content": str(n)}) for n in range(6)]
    newest_first = sent[::-1]
    for mine, person in ((device, bob), (other, ann)):
        who = {"userId": person.id}
        assert await mine.ok("dm:history", who) == newest_first
        assert await mine.ok("dm:history", {**who, "before": sent[2]["id"]}) == newest_first[4:]
        assert await mine.ok("dm:history", {**who, "after": sent[2]["id"], "limit": 2}) == newest_first[1:3]
        around = await mine.ok("dm:history", {**who, "around": sent[3]["id"], "limit": 3})
        assert [message["content"] for message in around] == ["4", "3", "2"]
    answer = await ann.http.get(f"/chat/dm/{bob.id}", params={"limit": 2, "before": sent[4]["id"]})
    assert (answer.status_code, answer.json()) == (200, newest_first[2:4])


async def test_history_that_is_refused(people: People) -> None:
    ann, bob = await people(), await people()
    device = await ann.device()
    assert await device.ok("dm:history", {"userId": bob.id}) == []
    assert (await device.refused("dm:history", {"userId": bob.id, "before": "x"}))["reason"] == "not_found"
    for unknown in ("unknown", await ann.room()):
        assert (await device.refused("dm:history", {"userId": unknown}))["reason"] == "not_found"
    for payload in (
        {},
        {"userId": 7},
        {"userId": bob.id, "limit": 0},
        {"userId": bob.id, "before": "x", "after": "y"},
    ):
        assert (await device.refused("dm:history", payload))["reason"] == "invalid"


async def test_a_conversation_tells_whether_the_other_is_here(people: People) -> None:
    ann, bob = await people(), await people()
    device = await ann.device()
    sent = await device.ok("dm:send", {"receiverId": bob.id, "content": "x"})
    (talk,) = await conversations(device)
    assert (talk["roomId"], talk["lastSeq"], talk["lastReadSeq"]) == (sent["roomId"], 3, 1)
    assert talk["presence"] == {"userId": bob.id, "status": "offline", "lastSeenAt": None}
    await bob.device()
    (talk,) = await conversations(device)
    assert talk["presence"]["status"] == "online"


async def test_a_conversation_with_nothing_left_in_it_stands_where_it_began(people: People) -> None:
    ann, bob, eve = await people(), await people(), await people()
    device = await ann.device()
    gone = await device.ok("dm:send", {"receiverId": bob.id, "content": "x"})
    await device.ok("dm:send", {"receiverId": eve.id, "content": "y"})
    await device.ok("message:delete", {"messageId": gone["id"]})
    first, second = await conversations(device)
    assert (first["user"]["id"], second["user"]["id"]) == (eve.id, bob.id)
    assert second["lastMessage"] is None
    page = await device.ok("conversation:list", {"limit": 1})
    assert await conversations(device, before=page["next"]) == [second]


async def test_conversations_that_are_refused(people: People) -> None:
    ann, bob, eve = await people(), await people(), await people()
    device, other = await ann.device(), await bob.device()
    theirs = (await other.ok("dm:send", {"receiverId": eve.id, "content": "x"}))["roomId"]
    for before in (theirs, await ann.room(), "unknown", "", "no id"):
        error = await device.refused("conversation:list", {"before": before})
        assert (error["code"], error["reason"]) == ("LIST_FAILED", "not_found")
    for payload in ({"limit": 0}, {"limit": 101}, {"before": 7}, 7, []):
        assert (await device.refused("conversation:list", payload))["reason"] == "invalid"


# Over REST


@pytest.mark.over_websocket
async def test_direct_messages_over_rest(people: People) -> None:
    ann, bob = await people(), await people()
    other = await bob.device()
    answer = await ann.http.post(f"/chat/dm/{bob.id}", json={"content": "hello", "clientId": "one"})
    assert answer.status_code == 201
    assert await other.expect("dm:new") == answer.json()
    again = await ann.http.post(f"/chat/dm/{bob.id}", json={"content": "hello", "clientId": "one"})
    assert again.json() == answer.json()
    page = await bob.http.get("/chat/conversations")
    assert page.links == {}
    (talk,) = page.json()
    assert (talk["user"]["id"], talk["unread"], talk["lastMessage"]) == (ann.id, 1, answer.json())


@pytest.mark.over_websocket
async def test_pages_of_conversations_over_rest_are_linked(people: People) -> None:
    """Each page is a list; the link leads to the next one, with the parameters of the first."""
    ann = await people()
    for _ in range(5):
        await ann.http.post(f"/chat/dm/{(await people()).id}", json={"content": "x"})
    device = await ann.device()
    url, lengths, found = "/chat/conversations?limit=2", [], []
    while url:
        answer = await ann.http.get(url)
        lengths.append(len(answer.json()))
        found += answer.json()
        url = answer.links["next"]["url"] if "link" in answer.headers else ""
        assert not url or url == f"/chat/conversations?limit=2&before={found[-1]['roomId']}"
    assert lengths == [2, 2, 1]
    assert found == await conversations(device)


@pytest.mark.over_websocket
async def test_direct_messages_over_rest_refused(people: People) -> None:
    ann, bob = await people(), await people()
    http = ann.http
    for receiver in ("unknown", "a%20b", f"user:{bob.id}", await ann.room()):
        assert (await http.post(f"/chat/dm/{receiver}", json={"content": "x"})).status_code == 404
        assert (await http.get(f"/chat/dm/{receiver}")).status_code == 404
    assert (await http.post(f"/chat/dm/{bob.id}", json={"content": ""})).status_code == 422
    assert (await http.post(f"/chat/dm/{bob.id}")).status_code == 422
    assert (await http.get(f"/chat/dm/{bob.id}", params={"limit": "0"})).status_code == 422
    assert (await http.get(f"/chat/dm/{bob.id}", params={"before": "unknown"})).status_code == 404
    assert (await http.get("/chat/conversations", params={"limit": "-1"})).status_code == 422
    assert (await http.get("/chat/conversations", params={"before": "unknown"})).status_code == 404
