"""How many rooms somebody may be in."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from app.db import Database
from tests.app.conftest import Instance, Person

People = Callable[..., Awaitable[Person]]
Start = Callable[..., Awaitable[Instance]]


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


async def test_a_user_may_have_so_many_invitations(people: People) -> None:
    ann, bob, eve = await people(), await people(), await people()
    device, other = await ann.device(), await bob.device()
    for number in range(3):
        room = await ann.room(name=str(number))
        await device.ok("room:invite", {"roomId": room, "userId": eve.id})
    room = await bob.room()
    error = await other.refused("room:invite", {"roomId": room, "userId": eve.id})
    assert (error["code"], error["reason"]) == ("INVITE_FAILED", "too_many")
    assert (await eve.http.get("/chat/invitations")).json()[0]["membership"]["state"] == "invited"
    assert await eve.room()


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


async def test_many_invitations_at_once_do_not_pass_the_limit(
    people: People, start: Start, db: Database
) -> None:
    ann, bob, eve = await people(), await people(), await people()
    second = await start(max_rooms_per_user=3)
    owned = [(person, await person.room(name=str(number))) for person in (ann, bob) for number in range(3)]
    devices = {ann.id: [await ann.device() for _ in range(3)], bob.id: []}
    devices[bob.id] = [await bob.device(second.url) for _ in range(3)]
    invitations = [
        devices[person.id][number % 3].call("room:invite", {"roomId": room, "userId": eve.id})
        for number, (person, room) in enumerate(owned)
    ]
    answers = await asyncio.gather(*invitations)
    assert sorted(answer["ok"] for answer in answers) == [False] * 3 + [True] * 3
    assert await db.value("select count(*) from room_members where user_id = :user", user=eve.id) == 3
