"""`room:sync` over both transports and REST, and beside changes that are made at the same time."""

import asyncio
import random
from collections.abc import AsyncIterator
from copy import copy
from typing import Any

import pytest

from app import store
from app.core.caller import Caller
from app.db.database import Database
from app.db.queries import Queries
from app.messages.sync import Sync
from app.payloads.requests import React, SendMessage, SyncRoom
from app.payloads.responses import wire
from app.payloads.room_changes import Changes
from protocol import Server
from tests.support.chat.follower import Follower
from tests.support.chat.histories import Chat, HeardBus, History
from tests.support.chat.people import Device, People

pytestmark = pytest.mark.one_chat


async def pages(device: Device, room: str, limit: int, after: int = 0) -> list[Any]:
    """All pages; each goes on where the last one ended."""
    found = [await device.ok("room:sync", {"roomId": room, "afterSeq": after, "limit": limit})]
    while found[-1]["hasMore"]:
        after = found[-1]["nextSeq"]
        found.append(await device.ok("room:sync", {"roomId": room, "afterSeq": after, "limit": limit}))
    return found


async def test_changes_come_in_order_as_they_are_now(people: People) -> None:
    ann, bob = await people(), await people()
    room = await ann.room()
    hers, his = await ann.device(), await bob.device()
    await his.ok("room:join", {"roomId": room})
    first = await hers.ok("message:send", {"roomId": room, "content": "first"})
    second = await hers.ok("message:send", {"roomId": room, "content": "second"})
    edited = await hers.ok("message:edit", {"messageId": first["id"], "content": "edited"})
    await hers.ok("room:update", {"roomId": room, "name": "renamed"})
    await his.ok("room:leave", {"roomId": room})
    await hers.ok("message:delete", {"messageId": second["id"]})

    answer = await hers.ok("room:sync", {"roomId": room, "afterSeq": 0})
    assert [(change["seq"], change["type"]) for change in answer["changes"]] == [
        (1, "member"),
        (5, "message"),
        (6, "room"),
        (7, "member"),
        (8, "message"),
    ]
    assert {key: answer[key] for key in ("roomId", "nextSeq", "lastSeq", "hasMore")} == {
        "roomId": room,
        "nextSeq": 8,
        "lastSeq": 8,
        "hasMore": False,
    }
    member, message, info, gone, deleted = answer["changes"]
    assert (member["member"]["userId"], member["member"]["role"]) == (ann.id, "admin")
    assert message["message"] == edited
    assert info["room"] == await hers.expect("room:updated")
    assert info["room"]["name"] == "renamed"
    assert gone["member"] == (await hers.expect("room:user-left"))["member"]
    assert (gone["member"]["userId"], gone["member"]["state"]) == (bob.id, "left")
    assert (deleted["message"]["id"], deleted["message"]["content"]) == (second["id"], "")
    assert deleted["message"]["deletedAt"] is not None

    for limit in (1, 2, 3, 4, 5, 500):
        found = await pages(hers, room, limit)
        assert [change for page in found for change in page["changes"]] == answer["changes"]
        assert all(len(page["changes"]) == limit for page in found[:-1])
        assert found[-1]["nextSeq"] == 8
    rest = await ann.http.get(f"/chat/rooms/{room}/changes", params={"after": 5, "limit": 2})
    assert rest.json() == answer | {"changes": answer["changes"][2:4], "nextSeq": 7, "hasMore": True}
    assert (await ann.http.get(f"/chat/rooms/{room}/changes", params={"after": 0})).json() == answer


async def test_a_page_ends_where_it_is_large(chats: list[Chat]) -> None:
    """Five messages of 60 kB and what is between them: at least one a page, and nothing left out."""
    history = History(chats[0])
    await history.begin(is_private=False)
    (place,) = history.places
    ann = Caller(history.people[0])
    for number in range(5):
        payload = SendMessage(room_id=place.id, content="x" * 10_000, metadata={"large": "y" * 50_000})
        sent = await chats[0].writer.send(ann, payload)
        await history.step("rename", 0, 0, number)
        await chats[0].revisions.add_reaction(ann, React(message_id=sent.id, kind="👍"))
    whole = await Sync(chats[0].db).changes(ann, SyncRoom(room_id=place.id, after_seq=0, limit=500))
    assert not whole.has_more
    for max_bytes, most in ((1, 1), (70_000, 2), (130_000, 3)):
        sync = Sync(chats[0].db, max_bytes=max_bytes)
        page = await sync.changes(ann, SyncRoom(room_id=place.id, after_seq=0, limit=500))
        pages = [page]
        while page.has_more:
            assert page.next_seq == page.changes[-1].seq
            page = await sync.changes(ann, SyncRoom(room_id=place.id, after_seq=page.next_seq, limit=500))
            pages.append(page)
        assert [change for page in pages for change in page.changes] == whole.changes
        assert page.next_seq == page.last_seq == whole.last_seq
        assert max(repr(page.changes).count("'large'") for page in pages) == most


async def test_pages_of_nothing_but_members(people: People) -> None:
    ann = await people()
    room = await ann.room()
    device = await ann.device()
    for person in [await people() for _ in range(3)]:
        assert (await person.http.post(f"/chat/rooms/{room}/join")).status_code == 200
    for limit in (1, 2, 3, 4):
        found = await pages(device, room, limit)
        assert [change["seq"] for page in found for change in page["changes"]] == [1, 2, 3, 4]


async def test_nothing_new(people: People) -> None:
    ann = await people()
    room = await ann.room()
    device = await ann.device()
    assert await device.ok("room:sync", {"roomId": room, "afterSeq": 1}) == {
        "roomId": room,
        "changes": [],
        "nextSeq": 1,
        "lastSeq": 1,
        "hasMore": False,
    }


async def test_a_number_that_the_log_has_not_come_to(people: People) -> None:
    ann = await people()
    room = await ann.room()
    device = await ann.device()
    error = await device.refused("room:sync", {"roomId": room, "afterSeq": 2})
    assert (error["code"], error["reason"]) == ("SYNC_FAILED", "conflict")
    assert (await ann.http.get(f"/chat/rooms/{room}/changes", params={"after": 2})).status_code == 409


async def test_only_members_are_told(people: People) -> None:
    ann, bob = await people(), await people()
    room = await ann.room()
    hers, his = await ann.device(), await bob.device()
    ask = {"roomId": room, "afterSeq": 0}
    path = f"/chat/rooms/{room}/changes"

    async def is_refused() -> None:
        assert (await his.refused("room:sync", ask))["reason"] == "not_a_member"
        assert (await bob.http.get(path, params={"after": 0})).status_code == 403

    await is_refused()  # a stranger
    await hers.ok("room:invite", {"roomId": room, "userId": bob.id})
    await is_refused()
    await his.ok("room:join", {"roomId": room})
    assert (await his.ok("room:sync", ask))["lastSeq"] == 3
    await hers.ok("room:kick", {"roomId": room, "userId": bob.id})
    await is_refused()
    await hers.ok("room:ban", {"roomId": room, "userId": bob.id})
    await is_refused()


async def test_what_is_refused(people: People) -> None:
    ann = await people()
    room = await ann.room()
    device = await ann.device()
    for fields, reason in (
        ({"roomId": "nowhere"}, "not_found"),
        *(({"afterSeq": number}, "invalid") for number in (-1, None, "0", 1.5, 2**63)),
        *(({"limit": limit}, "invalid") for limit in (0, -1, 501, "5")),
        ({"roomId": {}}, "invalid"),
    ):
        error = await device.refused("room:sync", {"roomId": room, "afterSeq": 0} | fields)
        assert (error["code"], error["reason"]) == ("SYNC_FAILED", reason), fields
    for payload in (None, 7, "text", [], b"\x00"):
        assert (await device.refused("room:sync", payload))["reason"] == "invalid"
    for query in ({}, {"after": "x"}, {"after": "-1"}, {"after": "0", "limit": "0"}):
        answer = await ann.http.get(f"/chat/rooms/{room}/changes", params=query)
        assert answer.status_code == 422
    assert (await ann.http.get("/chat/rooms/nowhere/changes?after=0")).status_code == 404


# Beside changes that are made at the same time


ACTS = [
    *["send", "reply", "edit", "react"] * 4,
    *["attach"] * 2,
    *["delete", "unreact", "retry", "join", "leave", "invite", "kick", "rename", "read"],
]


@pytest.fixture
async def chats(database_url: str) -> AsyncIterator[list[Chat]]:
    """Two instances with a pool each, which announce to one place."""
    bus = HeardBus()
    io = Server(bus=bus)
    await io.start()
    pools = [Database(database_url), Database(database_url)]
    for pool in pools:
        await pool.connect()
    chats = [Chat(pool, io, bus) for pool in pools]
    yield chats
    for chat in chats:
        await chat.writer.close()
    await io.stop()
    for pool in pools:
        await pool.close()


async def test_a_page_shows_the_room_at_one_moment(chats: list[Chat]) -> None:
    """What changed while the page was read comes under its new number later; before, everything is as it was then."""
    history = History(chats[0])
    await history.begin(is_private=False)
    (place,) = history.places
    before = await chats[0].catch_up(Follower(place.info), history.people[0], place.id, [500])
    payload = SyncRoom(room_id=place.id, after_seq=0)

    async def hold(q: Queries) -> asyncio.Task[Changes]:
        await q.value("lock table reactions in access exclusive mode")  # so messages cannot be read now
        reading = asyncio.create_task(chats[1].sync.changes(Caller(history.people[0]), payload))
        while not await chats[0].db.value("select count(*) from pg_locks where not granted"):
            pass
        seq = await store.rooms.next_seq(q, place.id)
        await store.messages.edit(
            q, message_id=history.sent[0][1], content="meanwhile", change_seq=seq, has_words=False
        )
        return reading

    page = await (await chats[0].db.transaction(hold))
    read = Follower(place.info)
    read.take(wire(page))
    assert (read.applied, read.state) == (before.applied, before.state)
    again = await chats[0].catch_up(read, history.people[0], place.id, [500])
    assert again.applied == before.applied + 1


@pytest.mark.parametrize("seed", range(3))
async def test_changes_at_once_leave_no_gap_no_double_and_no_difference(chats: list[Chat], seed: int) -> None:
    """Eight people's worth of changes on two instances, while others read pages of the room's log and listen."""
    chance = random.Random(seed)
    history = History(chats[0])
    await history.begin(is_private=False)
    twin = copy(history)  # of the same people and rooms
    twin.chat = chats[1]
    (place,) = history.places
    reader = history.people[0]

    async def change(on: History) -> None:
        for _ in range(40):
            act = chance.choice(ACTS)
            actor = chance.randrange(1 if act == "leave" else 0, 4)  # the reader stays
            await on.step(act, actor, chance.randrange(4), chance.randrange(1_000))

    async def read(chat: Chat, follower: Follower) -> None:
        place.others.append(follower)
        while not changing.done():
            await chat.page(follower, reader, place.id, chance.randint(1, 6))
            await asyncio.sleep(chance.random() * 0.01)
            if chance.random() < 0.1:
                follower.go_away()

    changing = asyncio.gather(*(change(on) for on in (history, twin) * 4))
    followers = [Follower(place.info) for _ in range(4)]
    await asyncio.gather(changing, *(read(chats[n % 2], follower) for n, follower in enumerate(followers)))

    last = await chats[0].db.value("select last_seq from rooms where id = :id", id=place.id)
    assert sorted(place.numbers) == list(range(1, last + 1))  # each once
    expected = await chats[0].catch_up(Follower(place.info), reader, place.id, [500])
    for follower in (place.always_here, *followers):
        if not follower.complete:
            await chats[0].catch_up(follower, reader, place.id, [7])
        assert (follower.applied, follower.state) == (last, expected.state)
