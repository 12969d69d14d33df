"""How many rooms somebody may be in."""

import asyncio

import pytest

from app.db.database import Database
from tests.support.chat.people import Instance, People, Start


@pytest.fixture
async def instance(start: Start) -> Instance:
    """Where people may be in three rooms."""
    return await start(max_rooms_per_user=3)


async def test_a_user_may_be_in_so_many_rooms(people: People) -> None:
    ann, bob = await people(), await people()
    device, other = await ann.device(), await bob.device()
    rooms = [await ann.room(name=str(number)) for number in range(3)]
    assert (await device.refused("room:create", {"name": "one more"}))["reason"] == "too_many"
    theirs = await bob.room()
    error = await device.refused("room:join", {"roomId": theirs})
    assert (error["code"], error["reason"]) == ("JOIN_FAILED", "too_many")
    assert (await ann.http.post(f"/chat/rooms/{theirs}/join")).status_code == 409
    assert await other.ok("dm:send", {"receiverId": ann.id, "content": "a conversation is no such room"})
    assert await device.ok("room:join", {"roomId": rooms[0]})
    await device.ok("room:leave", {"roomId": rooms[0]})
    assert await device.ok("room:join", {"roomId": theirs})


async def test_invitations_do_not_count_as_rooms_and_joining_does(people: People) -> None:
    ann, eve = await people(), await people()
    device, invited = await ann.device(), await eve.device()
    rooms = [await ann.room(name=str(number), isPrivate=True) for number in range(3)]
    for room in rooms:
        await device.ok("room:invite", {"roomId": room, "userId": eve.id})
    for number in range(2):
        await eve.room(name=str(number))
    assert await invited.ok("room:join", {"roomId": rooms[0]})
    assert (await invited.refused("room:join", {"roomId": rooms[1]}))["reason"] == "too_many"
    assert len(await invited.ok("room:invitations")) == 2


async def test_many_joins_at_once_do_not_pass_the_limit(people: People, start: Start, db: Database) -> None:
    ann, bob, eve = await people(), await people(), await people()
    second = await start(max_rooms_per_user=3)
    rooms = [await person.room(name=str(number)) for person in (ann, bob) for number in range(3)]
    devices = [await eve.device(), await eve.device(second.url)]
    joins = [devices[number % 2].call("room:join", {"roomId": room}) for number, room in enumerate(rooms)]
    answers = await asyncio.gather(*joins)
    assert sorted(answer["ok"] for answer in answers) == [False] * 3 + [True] * 3
    assert {answer["error"]["reason"] for answer in answers if not answer["ok"]} == {"too_many"}
    count = await db.value("select count(*) from room_members where user_id = :user", user=eve.id)
    assert count == 3
