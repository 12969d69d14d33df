"""History, search and read marks over both transports and REST: success, refusal, malformed input."""

from typing import Any

import pytest

from app.db.database import Database
from app.messages import history as reading_module
from tests.support.chat.people import People, Person
from tests.support.chat.scenes import Scene

pytestmark = pytest.mark.one_chat

UNKNOWN = ("unknown", "", "a b", "a\0b", "x" * 100)


class Talk(Scene):
    """With 9 messages, one of which was deleted. Bob is not there."""

    messages: list[dict[str, Any]]  # the oldest first

    def ids(self, *places: int) -> list[str]:
        return [self.messages[place]["id"] for place in places]

    async def page(self, **fields: Any) -> list[str]:
        """The ids of a page, which is the same over REST."""
        page = await self.hers.ok("message:history", {"roomId": self.room, **fields})
        rest = await self.ann.http.get(f"/chat/rooms/{self.room}/messages", params=fields)
        assert rest.json() == page
        return [message["id"] for message in page]

    async def found(self, query: str, **fields: Any) -> list[str]:
        """What is found, which is the same over REST."""
        page = await self.hers.ok("message:search", {"query": query, **fields})
        rest = await self.ann.http.get("/chat/search", params={"query": query, **fields})
        assert rest.json() == page
        return [message["content"] for message in page]


@pytest.fixture
async def talk(people: People) -> Talk:
    talk = await Talk.open(people, bob=False, eve=True)
    talk.messages = [
        await talk.hers.ok("message:send", {"roomId": talk.room, "content": f"message {number}"})
        for number in range(9)
    ]
    await talk.hers.ok("message:delete", {"messageId": talk.messages[4]["id"]})
    return talk


# One message


async def test_one_message_is_read_as_it_is_now(talk: Talk) -> None:
    await talk.hers.ok("reaction:add", {"messageId": talk.messages[0]["id"], "kind": "👍"})
    for message in (talk.messages[0], talk.messages[4]):
        got = await talk.hers.ok("message:get", {"messageId": message["id"]})
        assert (got["id"], got["seq"]) == (message["id"], message["seq"])
        assert (await talk.ann.http.get(f"/chat/messages/{message['id']}")).json() == got
        around = (await talk.hers.ok("room:sync", {"roomId": talk.room, "afterSeq": got["changeSeq"] - 1}))[
            "changes"
        ]
        assert around[0]["message"] == got
    assert (got["content"], got["deletedAt"] is not None) == ("", True)


async def test_one_message_that_is_refused(talk: Talk) -> None:
    asked = {"messageId": talk.messages[0]["id"]}
    path = f"/chat/messages/{talk.messages[0]['id']}"
    for payload, reason in (
        (asked, "not_a_member"),
        ({"messageId": "unknown"}, "not_found"),
        ({"messageId": ""}, "invalid"),
        ({"messageId": 7}, "invalid"),
        ({}, "invalid"),
    ):
        error = await talk.stranger.refused("message:get", payload)
        assert (error["code"], error["reason"]) == ("GET_FAILED", reason)
    assert (await talk.eve.http.get(path)).status_code == 403
    assert (await talk.eve.http.get("/chat/messages/unknown")).status_code == 404
    assert (await talk.eve.http.get("/chat/messages/a%20b")).status_code == 404
    await talk.stranger.ok("room:join", {"roomId": talk.room})
    assert (await talk.stranger.ok("message:get", asked))["id"] == asked["messageId"]
    await talk.hers.ok("room:kick", {"roomId": talk.room, "userId": talk.eve.id})
    assert (await talk.stranger.refused("message:get", asked))["reason"] == "not_a_member"


# History


async def test_pages_before_after_and_around_a_message(talk: Talk) -> None:
    m = talk.messages
    assert await talk.page() == talk.ids(8, 7, 6, 5, 3, 2, 1, 0)
    assert await talk.page(limit=2) == talk.ids(8, 7)
    assert await talk.page(before=m[6]["id"], limit=3) == talk.ids(5, 3, 2)
    assert await talk.page(after=m[2]["id"], limit=3) == talk.ids(6, 5, 3)
    assert await talk.page(after=m[8]["id"]) == []
    assert await talk.page(before=m[0]["id"]) == []
    assert await talk.page(around=m[3]["id"], limit=4) == talk.ids(6, 5, 3, 2)
    assert await talk.page(around=m[3]["id"], limit=5) == talk.ids(6, 5, 3, 2, 1)
    assert await talk.page(around=m[3]["id"], limit=1) == talk.ids(3)
    assert await talk.page(around=m[8]["id"], limit=4) == talk.ids(8, 7)
    assert await talk.page(around=m[0]["id"]) == talk.ids(8, 7, 6, 5, 3, 2, 1, 0)


async def test_a_deleted_message_is_a_place_to_read_from_on_both_sides(talk: Talk) -> None:
    deleted = talk.messages[4]["id"]
    assert await talk.page(before=deleted, limit=2) == talk.ids(3, 2)
    assert await talk.page(after=deleted, limit=2) == talk.ids(6, 5)
    assert await talk.page(around=deleted, limit=4) == talk.ids(6, 5, 3, 2)


async def test_paging_up_and_down_gives_each_message_once(talk: Talk) -> None:
    down = await talk.page(limit=3)
    while page := await talk.page(before=down[-1], limit=3):
        down += page
    up = await talk.page(after=down[-1], limit=3)
    while page := await talk.page(after=up[0], limit=3):
        up = page + up
    assert down == [*up, talk.messages[0]["id"]] == talk.ids(8, 7, 6, 5, 3, 2, 1, 0)


async def test_history_that_is_refused(talk: Talk) -> None:
    other = await talk.ann.room()
    ids = {"roomId": talk.room}
    for fields, reason in (
        *(({side: cursor}, "not_found") for side in ("before", "after", "around") for cursor in UNKNOWN[:2]),
        *(({"after": cursor}, "not_found") for cursor in UNKNOWN),
        ({"roomId": other, "around": talk.messages[3]["id"]}, "not_found"),
        ({"roomId": "nowhere"}, "not_found"),
        ({"before": talk.messages[1]["id"], "after": talk.messages[1]["id"]}, "invalid"),
        *(({"limit": limit}, "invalid") for limit in (0, -1, 101, 1.5, "5", 10**30)),
        ({"after": 7}, "invalid"),
        ({"after": "x" * 201}, "too_long"),
    ):
        error = await talk.hers.refused("message:history", ids | fields)
        assert (error["code"], error["reason"]) == ("HISTORY_FAILED", reason), fields
    assert (await talk.stranger.refused("message:history", ids))["reason"] == "not_a_member"
    path = f"/chat/rooms/{talk.room}/messages"
    assert (await talk.ann.http.get(path, params={"around": "unknown"})).status_code == 404
    assert (await talk.ann.http.get(path, params={"around": "a", "after": "b"})).status_code == 422
    assert (await talk.eve.http.get(path)).status_code == 403


# Search


async def test_words_are_found_in_ones_own_rooms_newest_first(talk: Talk, people: People) -> None:
    bob = await people()
    his = await bob.device()
    tea, secret = await bob.room(name="tea"), await bob.room(name="secret")
    await talk.hers.ok("room:join", {"roomId": tea})
    for room, content in (
        (tea, "The kettle is on"),
        (secret, "the kettle is a secret"),
        (tea, "Kettles are two words: kettle, and drum"),
        (talk.room, "it's a KETTLE"),
    ):
        device = talk.hers if room == talk.room else his
        await device.ok("message:send", {"roomId": room, "content": content})
    await his.ok("dm:send", {"receiverId": talk.ann.id, "content": "kettle for two"})
    await his.ok("dm:send", {"receiverId": talk.eve.id, "content": "kettle not for you"})
    everywhere = [
        "kettle for two",
        "it's a KETTLE",
        "Kettles are two words: kettle, and drum",
        "The kettle is on",
    ]
    assert await talk.found("kettle") == everywhere
    assert await talk.found("kett") == everywhere  # the last word may be begun
    assert await talk.found("kettle", roomId=tea) == everywhere[2:]
    assert await talk.found("kettle dr") == [everywhere[2]]
    assert await talk.found("ket words") == []  # only the last one
    assert await talk.found('"kettle is"') == [everywhere[3]]
    assert await talk.found("kettle -two") == [everywhere[1], everywhere[3]]
    assert await talk.found("drum or KETTLE") == everywhere
    for nothing in ("absent", "!!!", "' | *", "a:*b", "<->", '"', "\\"):
        assert await talk.found(nothing) == []
    for excluding in ("-two", '-"two" -is', "-", "---", "- -", "-two or", "-two or -is"):
        assert await talk.found(excluding) == [], excluding  # nothing is asked for, so all is not found
    assert await talk.found("kettle & !") == everywhere
    assert await talk.found("--- kettle") == everywhere
    assert await talk.found("drum or -two") == [everywhere[2]]
    assert await talk.found("'':* | secret") == []


async def test_an_address_is_found_as_it_was_written(talk: Talk) -> None:
    addresses = (
        "https://example.com",
        "http://example.com/tea?pot=2",
        "see HTTPS://example.org/a/b.html now",
    )
    for content in addresses:
        await talk.hers.ok("message:send", {"roomId": talk.room, "content": content})
    for address in addresses:
        assert address in await talk.found(address)
    assert await talk.found("https://example.org/a/b.html") == [addresses[2]]
    assert await talk.found("example.org") == [addresses[2]]
    assert await talk.found('"see https://example.org/a/b.html now"') == [addresses[2]]


async def test_pages_of_what_is_found(talk: Talk) -> None:
    found = await talk.hers.ok("message:search", {"query": "message", "limit": 3})
    while page := await talk.hers.ok(
        "message:search", {"query": "message", "limit": 3, "before": found[-1]["id"]}
    ):
        found += page
    assert [message["id"] for message in found] == talk.ids(8, 7, 6, 5, 3, 2, 1, 0)
    assert await talk.found("message", before=talk.messages[4]["id"], limit=1) == ["message 3"]


async def test_what_is_edited_or_deleted_is_found_by_what_it_says_now(talk: Talk) -> None:
    await talk.hers.ok("message:edit", {"messageId": talk.messages[2]["id"], "content": "another word"})
    assert await talk.found("message 2") == []
    assert await talk.found("another") == ["another word"]
    assert await talk.found("message 4") == []


async def test_a_search_that_is_refused(talk: Talk) -> None:
    other = await talk.ann.room()
    for fields, reason in (
        ({"before": "unknown"}, "not_found"),
        ({"before": ""}, "not_found"),
        ({"before": talk.messages[3]["id"], "roomId": other}, "not_found"),
        ({"roomId": "nowhere"}, "not_found"),
        ({"query": ""}, "invalid"),
        ({"query": " "}, "invalid"),
        ({"query": "a\0b"}, "invalid"),
        ({"query": 7}, "invalid"),
        ({"query": "x" * 201}, "too_long"),
        ({"limit": 0}, "invalid"),
        ({"limit": 101}, "invalid"),
    ):
        error = await talk.hers.refused("message:search", {"query": "message"} | fields)
        assert (error["code"], error["reason"]) == ("SEARCH_FAILED", reason), fields
    for fields, reason in (
        ({"roomId": talk.room}, "not_a_member"),
        ({"before": talk.messages[3]["id"]}, "not_found"),
    ):
        error = await talk.stranger.refused("message:search", {"query": "message"} | fields)
        assert error["reason"] == reason
    assert await talk.stranger.ok("message:search", {"query": "message"}) == []
    assert (await talk.stranger.refused("message:search", "text"))["reason"] == "invalid"
    assert (await talk.ann.http.get("/chat/search")).status_code == 422
    answer = await talk.eve.http.get("/chat/search", params={"query": "message", "roomId": talk.room})
    assert answer.status_code == 403


# Read marks


async def unread(person: Person, room: str) -> int:
    count: int = (await person.http.get(f"/chat/rooms/{room}")).json()["unread"]
    return count


async def test_a_mark_moves_on_and_is_told_to_the_room(talk: Talk) -> None:
    await talk.stranger.ok("room:join", {"roomId": talk.room})
    assert await unread(talk.eve, talk.room) == 0  # what was before counts as read
    last = (await talk.hers.ok("message:send", {"roomId": talk.room, "content": "news"}))["seq"]
    assert await unread(talk.eve, talk.room) == 1
    mark = await talk.stranger.ok("room:read", {"roomId": talk.room, "seq": last, "userId": talk.ann.id})
    assert mark == {"roomId": talk.room, "userId": talk.eve.id, "seq": last, "readAt": mark["readAt"]}
    for device in (talk.hers, talk.stranger):
        assert await device.expect("room:read-updated") == mark
    assert await unread(talk.eve, talk.room) == 0
    room = (await talk.eve.http.get(f"/chat/rooms/{talk.room}")).json()
    assert (room["lastSeq"], room["membership"]["lastReadSeq"]) == (last, last)  # it took no number
    assert room["membership"]["lastReadAt"] == mark["readAt"]


async def test_a_mark_never_goes_back_nor_beyond_the_end(talk: Talk) -> None:
    seqs = [message["seq"] for message in talk.messages]
    at = {"roomId": talk.room}
    first = await talk.hers.ok("room:read", at | {"seq": seqs[5]})
    for seq in (0, seqs[2], seqs[5]):
        assert await talk.hers.ok("room:read", at | {"seq": seq}) == first
    last = (await talk.ann.http.get(f"/chat/rooms/{talk.room}")).json()["lastSeq"]
    end = await talk.hers.ok("room:read", at | {"seq": 2**62})
    assert end["seq"] == last
    rest = await talk.ann.http.put(f"/chat/rooms/{talk.room}/read", json={"seq": seqs[7]})
    assert (rest.status_code, rest.json()) == (200, end)
    for mark in (first, end):
        assert await talk.hers.expect("room:read-updated") == mark
    await talk.hers.ok("room:list")  # an answer that comes after whatever was told before
    assert len(talk.hers.received["room:read-updated"]) == 2


async def test_in_a_large_room_only_ones_own_devices_are_told(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await talk.stranger.ok("room:join", {"roomId": talk.room})
    other = await talk.eve.device()
    monkeypatch.setattr(reading_module, "MOST_TOLD", 1)
    sent = await talk.hers.ok("message:send", {"roomId": talk.room, "content": "news"})
    mark = await talk.stranger.ok("room:read", {"roomId": talk.room, "seq": sent["seq"]})
    for device in (talk.stranger, other):
        assert await device.expect("room:read-updated") == mark
    await talk.hers.ok("room:list")
    assert "room:read-updated" not in talk.hers.received


async def test_reading_waits_for_nobody_who_changes_the_room(talk: Talk, db: Database) -> None:
    """The room's row is held all the while: a room of 1,000 readers would stand in line for it."""
    last = talk.messages[-1]["seq"]

    async def hold(q: Any) -> Any:
        await q.value("select id from rooms where id = :id for update", id=talk.room)
        return await talk.hers.ok("room:read", {"roomId": talk.room, "seq": last})

    assert (await db.transaction(hold))["seq"] == last


async def test_marks_that_are_refused(talk: Talk) -> None:
    for fields, reason in (
        ({"roomId": "nowhere"}, "not_found"),
        ({"seq": -1}, "invalid"),
        ({"seq": None}, "invalid"),
        ({"seq": "3"}, "invalid"),
        ({"seq": 2**63}, "invalid"),
        ({"roomId": None}, "invalid"),
    ):
        error = await talk.hers.refused("room:read", {"roomId": talk.room, "seq": 3} | fields)
        assert (error["code"], error["reason"]) == ("READ_FAILED", reason), fields
    assert (await talk.stranger.refused("room:read", {"roomId": talk.room, "seq": 3}))[
        "reason"
    ] == "not_a_member"
    assert (await talk.eve.http.put(f"/chat/rooms/{talk.room}/read", json={"seq": 3})).status_code == 403
    assert (await talk.ann.http.put(f"/chat/rooms/{talk.room}/read", json={})).status_code == 422
