"""What was committed and not announced, since its instance died, is found by another, which tells the room to sync."""

import asyncio
import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import uuid_utils

from app import store
from app.announce import log_sweeper as log_sweeper_module
from app.announce.heard_elsewhere import HeardElsewhere
from app.config.settings import Settings
from app.db.database import Database
from app.db.queries import Queries
from tests.support.chat.people import Instance, People, Person, Start, together
from tests.support.waiting import until

pytestmark = pytest.mark.over_websocket


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_sweeper_module, "LOOK_EVERY", 0.1)
    monkeypatch.setattr(log_sweeper_module, "SETTLED", 0.3)


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    """One stream for all instances, unless the test runs `in_both_modes`."""
    return replace(settings, bus=getattr(request, "param", "one"))


in_both_modes = pytest.mark.parametrize("settings", ["one", "interest"], indirect=True)
by_interest = pytest.mark.parametrize("settings", ["interest"], indirect=True)


async def write(db: Database, room: str, sender: str) -> str:
    """Commits a message as an instance does that dies right after."""
    message_id = str(uuid_utils.uuid7())
    none: list[Any] = [None]

    async def work(q: Queries) -> Any:
        await store.rooms.lock_all(q, [room])
        return await store.messages.append(
            q,
            ids=[message_id],
            room_ids=[room],
            sender_ids=[sender],
            types=["text"],
            contents=["nobody was told"],
            metadata=none,
            client_ids=none,
            reply_tos=none,
            also_to_rooms=[True],
            have_files=[True],
            words=none,
        )

    (row,) = await db.transaction(work)
    assert row.verdict == "created"
    return message_id


async def put(db: Database, room: str, user_id: str, state: str) -> None:
    """Commits a change of a membership in the same way."""

    async def work(q: Queries) -> None:
        await store.rooms.lock(q, room)
        seq = await store.rooms.next_seq(q, room)
        if state == "member":
            await store.members.put(
                q,
                member_id=str(uuid_utils.uuid7()),
                room_id=room,
                user_id=user_id,
                role="member",
                change_seq=seq,
            )
        else:
            await store.members.mark_left(q, room_id=room, user_id=user_id, change_seq=seq, state=state)

    await db.transaction(work)


async def swept(db: Database) -> None:
    """Returns when all that is committed by now has been looked at."""
    now = await db.value("select now()")

    async def done() -> bool:
        return bool(await db.value("select up_to > :now from announced_changes", now=now))

    await until(done)


async def last_seq(person: Person, room: str) -> int:
    number: int = (await person.http.get(f"/chat/rooms/{room}")).raise_for_status().json()["lastSeq"]
    return number


@in_both_modes
async def test_a_quiet_room_is_told_of_a_message_that_was_not_announced(
    db: Database, people: People, start: Start
) -> None:
    ann, bob = await people(), await people()
    room = await together(ann, bob)
    here, there = await ann.device(), await bob.device((await start()).url)
    await here.ok("message:send", {"roomId": room, "content": "announced"})
    for device in (here, there):
        known = (await device.expect("message:new"))["changeSeq"]
    message_id = await write(db, room, ann.id)
    for device in (here, there):
        # Where an announcement takes long, the room may have been told of it in this way before.
        while (told := await device.expect("room:sync-needed"))["lastSeq"] <= known:
            pass
        assert told == {"roomId": room, "lastSeq": known + 1}
        page = await device.ok("room:sync", {"roomId": room, "afterSeq": known})
        assert [change["message"]["id"] for change in page["changes"]] == [message_id]


async def test_a_room_is_told_once(db: Database, people: People) -> None:
    ann = await people()
    room = await ann.room()
    device = await ann.device()
    await write(db, room, ann.id)
    await device.expect("room:sync-needed")
    for _ in range(3):
        await swept(db)
    assert len(device.received["room:sync-needed"]) == 1


@in_both_modes
async def test_nobody_is_told_to_sync_what_was_announced(db: Database, people: People, start: Start) -> None:
    await start()
    ann, bob, eve = await people(), await people(), await people()
    room = await together(ann, bob)
    device = await bob.device()
    sent = [await device.ok("message:send", {"roomId": room, "content": str(n)}) for n in range(3)]
    await device.ok("message:edit", {"messageId": sent[0]["id"], "content": "edited"})
    await device.ok("message:delete", {"messageId": sent[1]["id"]})
    await device.ok("reaction:add", {"messageId": sent[2]["id"], "kind": "+1"})
    await device.ok("dm:send", {"receiverId": ann.id, "content": "hello"})
    hers = await ann.device()
    await hers.ok("room:update", {"roomId": room, "name": "another name"})
    await hers.ok("room:invite", {"roomId": room, "userId": eve.id})
    await hers.ok("room:kick", {"roomId": room, "userId": eve.id})
    await hers.ok("room:set-role", {"roomId": room, "userId": bob.id, "role": "admin"})
    await hers.ok("room:leave", {"roomId": room})
    await swept(db)
    await swept(db)
    assert device.received["room:sync-needed"] == hers.received["room:sync-needed"] == []


@by_interest
async def test_what_another_instance_has_heard_was_announced(
    db: Database, people: People, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that looks has no member of the room, and heard nothing of it."""
    with monkeypatch.context() as patch:  # the other one does not look, but for once at its start
        patch.setattr(log_sweeper_module, "LOOK_EVERY", 3600)
        there = await start()
    asked: set[str] = set()
    learn = HeardElsewhere.learn

    async def noted(self: HeardElsewhere, room_ids: Sequence[str]) -> None:
        asked.update(room_ids)
        await learn(self, room_ids)

    monkeypatch.setattr(HeardElsewhere, "learn", noted)
    ann = await people()
    device = await ann.device(there.url)
    room = (await device.ok("room:create", {"name": "A room"}))["id"]  # here it would be heard of for a while
    await device.ok("message:send", {"roomId": room, "content": "heard"})
    while room not in asked:  # as long as the one that has heard of it looks itself
        await device.ok("message:send", {"roomId": room, "content": "heard"})
        await swept(db)
    await swept(db)
    await swept(db)
    assert device.received["room:sync-needed"] == []


@in_both_modes
async def test_clients_of_an_instance_for_which_the_bus_has_lost_something(
    db: Database, people: People, instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tells them itself, whoever looks for all."""

    async def never(*_: Any, **__: Any) -> None:
        return None

    monkeypatch.setattr(store.announced_changes, "claim", never)
    ann = await people()
    device = await ann.device()
    rooms = [(await device.ok("room:create", {"name": "A room"}))["id"] for _ in range(3)]
    first, other, last = sorted(rooms)
    await write(db, first, ann.id)
    await write(db, last, ann.id)
    instance.server.io._adapter._fell_behind()
    told: set[str] = set()
    while not told >= {first, last}:
        told.add((await device.expect("room:sync-needed"))["roomId"])
    assert other not in told


async def test_one_who_has_joined_hears_the_room_from_then_on(db: Database, people: People) -> None:
    ann, bob = await people(), await people()
    room = await ann.room()
    device = await bob.device()
    await put(db, room, bob.id, "member")
    assert await device.expect("room:sync-needed") == {"roomId": room, "lastSeq": await last_seq(ann, room)}
    hers = await ann.device()
    sent = await hers.ok("message:send", {"roomId": room, "content": "welcome"})
    assert await device.expect("message:new") == sent


async def test_one_who_was_removed_is_told_too(db: Database, people: People) -> None:
    ann, bob = await people(), await people()
    room = await together(ann, bob)
    hers, his = await ann.device(), await bob.device()
    await put(db, room, bob.id, "removed")
    for device in (hers, his):
        assert (await device.expect("room:sync-needed"))["roomId"] == room
    assert (await his.refused("room:sync", {"roomId": room, "afterSeq": 1}))["reason"] == "not_a_member"


async def test_both_people_are_told_of_a_conversation_that_nobody_heard_of(
    db: Database, people: People
) -> None:
    ann, bob = await people(), await people()
    await ann.http.put(f"/chat/blocks/{bob.id}")  # so that the conversation begins and nothing is written
    device = await bob.device()
    room = str(uuid_utils.uuid7())

    async def work(q: Queries) -> None:
        assert await store.direct.insert(q, room_id=room, created_by=bob.id, other_id=ann.id)

    await db.transaction(work)
    for person in (ann, bob):
        await put(db, room, person.id, "member")
    await swept(db)
    assert device.received["room:sync-needed"] == []
    await ann.http.delete(f"/chat/blocks/{bob.id}")
    await write(db, room, ann.id)
    assert await device.expect("room:sync-needed") == {"roomId": room, "lastSeq": 3}


async def test_many_rooms_are_read_in_pages_and_each_is_told(
    db: Database, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await people()
    rooms = [await ann.room() for _ in range(7)]
    device = await ann.device()
    await swept(db)
    monkeypatch.setattr(store.announced_changes, "MOST_ROOMS", 2)
    monkeypatch.setattr(log_sweeper_module, "MOST_SUSPECTS", 3)
    monkeypatch.setattr(log_sweeper_module, "AT_ONCE", 2)
    for room in rooms:
        await write(db, room, ann.id)
    told = [(await device.expect("room:sync-needed"))["roomId"] for _ in rooms]
    assert sorted(told) == sorted(rooms)


async def test_of_all_who_want_to_look_one_does(db: Database) -> None:
    await db.value("update announced_changes set looked_at = now() - interval '2 minutes'")
    claims = [store.announced_changes.claim(db, every=60, late=10) for _ in range(5)]
    assert len([span for span in await asyncio.gather(*claims) if span is not None]) == 1


async def test_a_clock_that_was_set_back_stops_nobody(db: Database) -> None:
    await db.value(
        "update announced_changes set looked_at = now() + interval '1 hour', up_to = now() + interval '1 hour'"
    )
    span = await store.announced_changes.claim(db, every=60, late=10)
    assert span is not None
    assert (span.until - span.since).total_seconds() == 10


async def test_a_change_is_looked_at_until_a_look_has_ended(db: Database) -> None:
    first = await store.announced_changes.claim(db, every=0, late=10)
    again = await store.announced_changes.claim(db, every=0, late=10)
    assert first is not None
    assert again is not None
    assert again.since == first.since
    await store.announced_changes.note(db, again.until)
    third = await store.announced_changes.claim(db, every=0, late=10)
    assert third is not None
    assert (again.until - third.since).total_seconds() == 10
    assert await store.announced_changes.rooms_changed(db, third.since) == []


async def test_the_rooms_that_changed_are_found_by_their_index(db: Database) -> None:
    """A small table would be read whole, and a large one not, unless the index cannot be used at all."""

    async def work(q: Queries) -> None:
        await q.value("set local enable_seqscan = off")
        await store.announced_changes.rooms_changed(q, dt.datetime.now(dt.UTC))
        assert await q.value("select pg_stat_get_xact_numscans(cast('rooms_changed' as regclass))") == 1

    await db.transaction(work)
