"""Memberships that end without an announcement, as when the bus is away or an instance dies in between."""

import asyncio

import pytest

from app import store
from app.announce.announcer import room_channel, user_channel
from app.db.database import Database
from app.db.queries import Queries
from app.rooms import membership_sweeper as subscriptions_module
from tests.support.chat.people import Instance, People, Person, Start
from tests.support.waiting import PATIENCE


@pytest.fixture
async def instance(start: Start, monkeypatch: pytest.MonkeyPatch) -> Instance:
    """One that looks often."""
    monkeypatch.setattr(subscriptions_module, "LOOK_EVERY", 0.02)
    return await start()


async def remove(db: Database, room_id: str, user_id: str) -> None:
    """Ends a membership and tells nobody."""

    async def work(q: Queries) -> None:
        await store.rooms.lock(q, room_id)
        seq = await store.rooms.next_seq(q, room_id)
        await store.members.mark_left(q, room_id=room_id, user_id=user_id, change_seq=seq, state="removed")

    await db.transaction(work)


async def follows(instance: Instance, person: Person, room_id: str) -> list[bool]:
    """For each socket of somebody, whether it hears of a room."""
    sockets = await instance.server.io.local.in_(user_channel(person.id)).fetch_sockets()
    return [room_channel(room_id) in socket.rooms for socket in sockets]


async def test_the_sockets_of_somebody_removed_leave_the_room(
    instance: Instance, people: People, start: Start, db: Database
) -> None:
    ann, bob = await people(), await people()
    second = await start()
    room, other = await ann.room(), await ann.room()
    admin, near, far = await ann.device(), await bob.device(), await bob.device(second.url)
    for room_id in (room, other):
        await near.ok("room:join", {"roomId": room_id})
        await far.expect("room:added")
    await remove(db, room, bob.id)
    async with asyncio.timeout(PATIENCE):
        for place in (instance, second):
            while any(await follows(place, bob, room)):  # noqa: ASYNC110 - it is another's doing
                await asyncio.sleep(0.01)
    await admin.ok("message:send", {"roomId": room, "content": "he is gone"})
    await admin.ok("message:send", {"roomId": other, "content": "he is here"})
    for device in (near, far):
        assert (await device.expect("message:new"))["content"] == "he is here"
    assert await follows(instance, ann, room) == [True]


async def test_who_has_come_back_meanwhile_misses_nothing(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and what is done about it."""
    ann, bob = await people(), await people()
    room = await ann.room()
    device = await bob.device()
    await device.ok("room:join", {"roomId": room})
    looks = 0

    async def outdated(_q: Queries, _seconds: float) -> list[dict[str, str]]:
        nonlocal looks
        looks += 1
        return [{"room_id": room, "user_id": bob.id}]

    monkeypatch.setattr(store.members, "ended_lately", outdated)
    for number in range(20):
        await device.ok("message:send", {"roomId": room, "content": str(number)})
        assert (await device.expect("message:new"))["content"] == str(number)
    async with asyncio.timeout(PATIENCE):
        while looks < 3:  # noqa: ASYNC110 - it is another's doing
            await asyncio.sleep(0.01)
