"""Each change of the chat is one record of the bus, however many have to be told of it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import redis.asyncio

from app.announce.announcer import Announcer
from app.config.settings import Settings
from app.db.database import Database
from protocol.cluster.record_batches import unfold
from protocol.cluster.stream_records import Broadcast, Join, Leave, decode
from tests.support.chat.people import Device, Instance, People, Person

# What a sweeper tells at its first look would be counted, too.
pytestmark = pytest.mark.usefixtures("swept_at_start")


class Bus:
    """What a Redis was asked to store in streams and to send to channels, and the stream's records."""

    def __init__(self, client: "redis.asyncio.Redis[Any]") -> None:
        self._client = client

    async def counts(self) -> tuple[int, int]:
        stats: Any = await self._client.info("commandstats")
        xadd, publish = (stats.get(f"cmdstat_{command}", {"calls": 0}) for command in ("xadd", "publish"))
        return xadd["calls"], publish["calls"]

    async def last(self) -> list[str]:
        """What the last record does, in its order."""
        [(offset, fields)] = await self._client.xrevrange("socket.io", count=1)
        record = decode(fields)
        assert record is not None
        return [told(single) for single, _, _ in unfold(record, offset, 0)]


def told(record: object) -> str:
    match record:
        case Broadcast(data=[str(event), *_]):
            return event
        case Join() | Leave():
            return type(record).__name__
    raise AssertionError(record)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """One stream, in which the records are looked for."""
    return replace(settings, bus="one")


@pytest.fixture
async def bus(redis_url: str) -> AsyncIterator[Bus]:
    async with redis.asyncio.Redis.from_url(redis_url, decode_responses=True) as client:
        yield Bus(client)


async def test_a_room_that_is_made_is_one_record_of_the_bus(
    instance: Instance, people: People, bus: Bus
) -> None:
    ann = await people()
    device = await ann.device()
    other = await ann.device()
    await one_by_one(ann, device)
    stored, sent = await bus.counts()
    room = await ann.room()
    assert await bus.counts() == (stored + 1, sent)
    assert await bus.last() == ["Join", "room:added", "room:user-joined"]
    for each in (device, other):
        assert (await each.expect("room:added"))["id"] == room
        assert (await each.expect("room:user-joined"))["roomId"] == room
        names = [event for event, _ in each.heard]
        assert names[-2:] == ["room:added", "room:user-joined"]
    await ann.http.post(f"/chat/rooms/{room}/messages", json={"content": "both follow it"})
    for each in (device, other):
        assert (await each.expect("message:new"))["roomId"] == room


async def test_who_has_left_a_group_stays_out_where_another_opens_it_again(people: People, bus: Bus) -> None:
    ann, bob, eve = await people(), await people(), await people()
    device = await ann.device()
    await one_by_one(ann, device)
    group = {"userIds": [bob.id, eve.id]}
    room = (await device.ok("group:open", group))["id"]
    assert (await bob.http.post(f"/chat/rooms/{room}/leave")).status_code == 200
    stored, sent = await bus.counts()
    assert (await device.ok("group:open", group))["id"] == room
    assert await bus.counts() == (stored + 1, sent)  # and none that has bob's devices leave
    assert await bus.last() == ["Join", "Join"]


async def one_by_one(person: Person, first: Device) -> None:
    """Returns when nothing more comes of a person's arrival, by their first device or another one."""
    await first.expect("presence:changed")
    device = await person.device()
    await device.ok("presence:get", {"userIds": [person.id]})
    await device.expect("presence:snapshot")


@pytest.mark.over_websocket
async def test_each_other_change_is_one_record_too(people: People, bus: Bus) -> None:
    ann, bob = await people(), await people()
    room = f"/chat/rooms/{await ann.room()}"

    async def change(person: Person, method: str, path: str, *records: list[str], **body: Any) -> Any:
        before, sent = await bus.counts()
        answer = await person.http.request(method, path, **({"json": body} if body else {}))
        assert answer.status_code < 300, answer.text
        assert await bus.counts() == (before + len(records), sent)
        assert await bus.last() == records[-1]
        return answer.json()

    joined, left = ["Join", "room:added", "room:user-joined"], ["Leave", "room:user-left"]
    barred, updated = ["Leave", "room:member-updated"], ["room:member-updated"]
    invited = ["room:invited", "room:member-updated"]
    of_bob = {"userId": bob.id}
    await change(ann, "POST", f"{room}/invitations", invited, **of_bob)
    await change(bob, "POST", f"{room}/join", joined)
    await change(bob, "POST", f"{room}/join", ["Join"])  # for what was not announced the first time
    await change(ann, "PUT", f"{room}/members/{bob.id}/role", updated, role="admin")
    await change(ann, "PUT", f"{room}/members/{bob.id}/role", updated, role="member")
    mention = f"for @{bob.user['username']}"
    message = await change(ann, "POST", f"{room}/messages", ["message:new", "mention:new"], content=mention)
    await change(ann, "PATCH", f"/chat/messages/{message['id']}", ["message:edited"], content="for nobody")
    edited = ["message:edited", "mention:new"]
    await change(ann, "PATCH", f"/chat/messages/{message['id']}", edited, content=mention)
    both = ["presence:changed", "presence:changed"]
    await change(bob, "PUT", f"/chat/blocks/{ann.id}", ["user:blocked", *both])
    await change(bob, "DELETE", f"/chat/blocks/{ann.id}", ["user:unblocked", *both])
    begun = ["Join", "Join", "room:added", "room:added"]
    await change(bob, "POST", f"/chat/dm/{ann.id}", begun, ["dm:new"], content="hello")
    await change(bob, "POST", f"{room}/leave", left)
    await change(bob, "POST", f"{room}/join", joined)
    await change(ann, "DELETE", f"{room}/members/{bob.id}", left)
    await change(ann, "PUT", f"{room}/bans/{bob.id}", barred)
    await change(ann, "DELETE", f"{room}/bans/{bob.id}", barred)


async def test_whoever_a_late_record_kept_out_is_let_in_again_and_told_to_sync(
    people: People, instance: Instance, db: Database
) -> None:
    """A record by which a user leaves may wait for Redis until the user has come back by another instance."""
    ann, bob = await people(), await people()
    room = await ann.room()
    await bob.http.post(f"/chat/rooms/{room}/join")
    device = await bob.device()
    announcer = Announcer(instance.server.io, db)
    await announcer.follow(bob.id, room, member=False)
    needed = await device.expect("room:sync-needed")
    assert needed == {"roomId": room, "lastSeq": 2}
    await ann.http.post(f"/chat/rooms/{room}/messages", json={"content": "he is there"})
    assert (await device.expect("message:new"))["content"] == "he is there"
