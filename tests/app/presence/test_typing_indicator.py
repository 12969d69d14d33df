"""Who is typing: over real connections, and, where time matters, against a clock that the test turns."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis

from app.core.caller import Caller
from app.core.errors import Refusal
from app.core.redis_scripts import SoftState
from app.db.database import Database
from app.payloads.requests import RoomRef
from app.presence import typing_indicator as typing_module
from app.presence.typing_indicator import TypingIndicator
from tests.support.chat.people import Connect, Device, Instance, People, Person, Start, together
from tests.support.redis_servers import RedisServer

# Over real connections


async def test_typing_is_not_echoed_to_the_sender(people: People, start: Start) -> None:
    elsewhere = await start()
    ann, bob = await people(), await people()
    room = await together(ann, bob)
    hers, her_other, his = await ann.device(), await ann.device(), await bob.device(elsewhere.url)
    answer = await hers.ok("typing:start", {"roomId": room, "userId": bob.id})
    assert answer == {"roomId": room, "userId": ann.id, "isTyping": True, "expiresAt": answer["expiresAt"]}
    update = await his.expect("typing:update")
    assert (update["roomId"], update["userId"], update["isTyping"]) == (room, ann.id, True)
    left = dt.datetime.fromisoformat(update["expiresAt"]) - dt.datetime.now(dt.UTC)
    assert left < dt.timedelta(seconds=3)
    stopped = {"roomId": room, "userId": ann.id, "isTyping": False, "expiresAt": None}
    assert await hers.ok("typing:stop", {"roomId": room}) == stopped
    assert await his.expect("typing:update") == stopped
    await his.ok("message:send", {"roomId": room, "content": "hello"})
    for device in (hers, her_other):
        await device.expect("message:new")
        assert device.received["typing:update"] == []


async def test_it_ends_by_itself(people: People) -> None:
    ann, bob = await people(), await people()
    room = await together(ann, bob)
    hers, his = await ann.device(), await bob.device()
    await hers.ok("typing:start", {"roomId": room})
    assert [(await his.expect("typing:update"))["isTyping"] for _ in range(2)] == [True, False]


async def test_a_send_ends_no_typing_that_never_began(people: People) -> None:
    ann, bob = await people(), await people()
    room = await together(ann, bob)
    hers, his = await ann.device(), await bob.device()
    await hers.ok("message:send", {"roomId": room, "content": "nobody was typing"})
    await his.expect("message:new")
    assert his.received["typing:update"] == []
    await hers.ok("typing:start", {"roomId": room})
    answer = await ann.http.post(f"/chat/rooms/{room}/messages", json={"content": "done"})
    assert answer.status_code == 201, answer.text
    assert [(await his.expect("typing:update"))["isTyping"] for _ in range(2)] == [True, False]


async def test_typing_ends_at_a_disconnect(people: People) -> None:
    ann, bob = await people(), await people()
    room = await together(ann, bob)
    hers, his = await ann.device(), await bob.device()
    await hers.ok("typing:start", {"roomId": room})
    await hers.close()
    assert [(await his.expect("typing:update"))["isTyping"] for _ in range(2)] == [True, False]


async def test_a_stop_without_a_start_tells_nothing(people: People) -> None:
    ann, bob = await people(), await people()
    room = await together(ann, bob)
    hers, his = await ann.device(), await bob.device()
    stopped = {"roomId": room, "userId": ann.id, "isTyping": False, "expiresAt": None}
    assert await hers.ok("typing:stop", {"roomId": room}) == stopped
    await hers.ok("message:send", {"roomId": room, "content": "hello"})
    await his.expect("message:new")
    assert his.received["typing:update"] == []


@pytest.mark.parametrize("event", ["typing:start", "typing:stop"])
async def test_typing_in_a_room_of_others_is_refused(people: People, event: str) -> None:
    ann, bob, eve = await people(), await people(), await people()
    room = await together(ann, bob)
    his, evil = await bob.device(), await eve.device()
    error = await evil.refused(event, {"roomId": room, "userId": ann.id})
    assert (error["code"], error["reason"]) == ("TYPING_FAILED", "not_a_member")
    error = await evil.refused(event, {"roomId": "nowhere"})
    assert (error["code"], error["reason"]) == ("TYPING_FAILED", "not_found")
    await his.ok("message:send", {"roomId": room, "content": "hello"})
    await his.expect("message:new")
    assert his.received["typing:update"] == []


@pytest.mark.parametrize("event", ["typing:start", "typing:stop"])
async def test_malformed_payloads_and_strangers(people: People, connect: Connect, event: str) -> None:
    device = await (await people()).device()
    malformed: list[tuple[Any, ...]] = [
        (),
        (None,),
        (7,),
        ("room",),
        ([],),
        ({},),
        ({"roomId": 7},),
        (b"\x00",),
    ]
    for args in malformed:
        error = await device.refused(event, *args)
        assert (error["code"], error["reason"]) == ("TYPING_FAILED", "invalid")
    error = await (await connect()).refused(event, {"roomId": "room"})
    assert (error["code"], error["reason"]) == ("TYPING_FAILED", "unauthenticated")


async def test_in_a_direct_conversation(people: People, db: Database) -> None:
    ann, bob = await people(), await people()
    await db.value(
        "insert into rooms (id, kind, direct_key, created_by) values ('direct', 'direct', :key, :ann)",
        key=":".join(sorted((ann.id, bob.id))),
        ann=ann.id,
    )
    await db.value(
        """
        insert into room_members (id, room_id, user_id, change_seq)
        values (:ann, 'direct', :ann, 1), (:bob, 'direct', :bob, 2)
        """,
        ann=ann.id,
        bob=bob.id,
    )
    hers, his = await ann.device(), await bob.device()
    await hers.ok("typing:start", {"roomId": "direct"})
    update = await his.expect("typing:update")
    assert (update["roomId"], update["userId"], update["isTyping"]) == ("direct", ann.id, True)


async def test_on_two_instances_both_must_stop(people: People, start: Start) -> None:
    there = await start()
    ann, bob = await people(), await people()
    room = {"roomId": await together(ann, bob)}
    phone, laptop, his = await ann.device(), await ann.device(there.url), await bob.device()
    await phone.ok("typing:start", room)
    await laptop.ok("typing:start", room)
    assert [(await his.expect("typing:update"))["isTyping"] for _ in range(2)] == [True, True]
    await phone.ok("typing:stop", room)
    await laptop.ok("typing:stop", room)
    assert (await his.expect("typing:update"))["isTyping"] is False


# Against a clock


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


class Scene:
    """Ann types on some device in a room, Bob's device hears of it. Nothing happens but what the test does."""

    def __init__(
        self, instance: Instance, db: Database, soft_state: SoftState, ann: Person, room: str, his: Device
    ) -> None:
        self.clock = Clock()
        self.typing = TypingIndicator(instance.server.io, db, soft_state, clock=self.clock)
        self.ann = ann
        self.room = room
        self.his = his
        self.io = instance.server.io

    def ann_on(self, device: str) -> Caller:
        return Caller(self.ann.id, "", device)

    async def start(self, device: str = "phone") -> None:
        answer = await self.typing.start(self.ann_on(device), RoomRef(room_id=self.room))
        assert answer.is_typing
        await self.typing.all_told()

    async def stop(self, device: str = "phone") -> None:
        await self.typing.stop(self.ann_on(device), RoomRef(room_id=self.room))
        await self.typing.all_told()

    async def at(self, seconds: float) -> None:
        """The time since the beginning, with a sweep then."""
        self.clock.time = 1000.0 + seconds
        self.typing.sweep()
        await self.typing.all_told()

    async def heard(self) -> list[bool]:
        """All that was told up to now."""
        await self.typing.all_told()
        await self.io.to(f"room:{self.room}").emit("test:mark")
        await self.his.expect("test:mark")
        return [update["isTyping"] for update in self.his.received["typing:update"]]


@pytest.fixture
async def soft_state(redis_url: str) -> AsyncIterator[SoftState]:
    soft_state = SoftState(redis_url)
    yield soft_state
    await soft_state.close()


@pytest.fixture
async def scene(instance: Instance, db: Database, soft_state: SoftState, people: People) -> Scene:
    ann, bob = await people(), await people()
    room = await together(ann, bob)
    return Scene(instance, db, soft_state, ann, room, await bob.device())


over_one_transport = pytest.mark.over_websocket


@over_one_transport
async def test_typing_is_throttled(scene: Scene) -> None:
    for tenth in range(31):
        await scene.at(tenth / 10)
        await scene.start()
    assert await scene.heard() == [True] * 4
    expiries = [update["expiresAt"] for update in scene.his.received["typing:update"]]
    assert expiries == sorted(set(expiries))


@over_one_transport
async def test_it_ends_three_seconds_after_the_last_start(scene: Scene) -> None:
    await scene.start()
    await scene.at(0.5)
    await scene.start()
    await scene.at(3.4)
    assert await scene.heard() == [True]
    await scene.at(3.5)
    assert await scene.heard() == [True, False]
    await scene.at(10)
    assert await scene.heard() == [True, False]


@over_one_transport
async def test_what_happens_within_a_second_is_told_when_it_is_over(scene: Scene) -> None:
    await scene.start()
    await scene.at(0.1)
    await scene.stop()
    await scene.at(0.9)
    assert await scene.heard() == [True]
    await scene.at(1.0)
    assert await scene.heard() == [True, False]
    await scene.start()
    await scene.at(1.9)
    assert await scene.heard() == [True, False]
    await scene.at(2.0)
    assert await scene.heard() == [True, False, True]


@over_one_transport
async def test_what_is_taken_back_within_a_second_is_not_told(scene: Scene) -> None:
    await scene.start()
    for time in (0.1, 0.3, 0.5):
        await scene.at(time)
        await scene.stop()
        await scene.at(time + 0.1)
        await scene.start()
    await scene.at(1.5)
    assert await scene.heard() == [True]


@over_one_transport
async def test_who_types_on_after_a_message_is_told_again(scene: Scene) -> None:
    await scene.start()
    await scene.at(0.1)
    scene.typing.sent(scene.ann.id, scene.room)
    await scene.at(0.2)
    await scene.start()
    assert await scene.heard() == [True]
    await scene.at(1.0)
    assert await scene.heard() == [True, True]


@over_one_transport
async def test_of_two_devices_both_must_stop(scene: Scene) -> None:
    await scene.start("phone")
    await scene.start("laptop")
    await scene.at(1.2)
    await scene.stop("phone")
    assert await scene.heard() == [True]
    scene.typing.disconnected("laptop")
    assert await scene.heard() == [True, False]
    scene.typing.disconnected("laptop")
    assert await scene.heard() == [True, False]


@over_one_transport
async def test_a_message_from_any_device_ends_it(scene: Scene) -> None:
    await scene.start("phone")
    await scene.start("laptop")
    await scene.at(1.2)
    scene.typing.sent(scene.ann.id, scene.room)
    assert await scene.heard() == [True, False]
    await scene.at(2.5)
    scene.typing.sent(scene.ann.id, scene.room)
    await scene.at(5)
    assert await scene.heard() == [True, False]


@over_one_transport
async def test_who_was_removed_is_not_announced(scene: Scene, db: Database) -> None:
    await scene.start()
    await scene.at(1.2)
    await scene.stop()
    await scene.at(1.5)
    await scene.start()  # to be told at 2.2
    await db.value(
        "update room_members set state = 'removed', left_at = now() where user_id = :id", id=scene.ann.id
    )
    await scene.at(2.2)
    assert await scene.heard() == [True, False]
    with pytest.raises(Refusal) as refused:
        await scene.start()
    assert refused.value.reason == "not_a_member"


@over_one_transport
async def test_whoever_is_a_member_no_more_is_refused_at_once_and_ends_what_was_told(
    scene: Scene, db: Database
) -> None:
    await scene.start()
    await db.value(
        "update room_members set state = 'removed', left_at = now() where user_id = :id", id=scene.ann.id
    )
    await scene.at(0.5)
    with pytest.raises(Refusal):
        await scene.start()
    await scene.at(1.5)
    with pytest.raises(Refusal):
        await scene.stop()
    assert await scene.heard() == [True, False]


@over_one_transport
async def test_as_many_states_as_may_be(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typing_module, "MAX_STATES", 1)
    room = await scene.ann.room()
    await scene.start()
    await scene.start()
    with pytest.raises(Refusal) as refused:
        await scene.typing.start(scene.ann_on("phone"), RoomRef(room_id=room))
    assert (refused.value.reason, refused.value.retry_after) == ("unavailable", 1000)
    await scene.at(3)
    await scene.at(4)
    assert (await scene.typing.start(scene.ann_on("phone"), RoomRef(room_id=room))).is_typing


@over_one_transport
async def test_nobody_takes_the_place_of_the_others(
    scene: Scene, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    eve = await people()
    await eve.http.post(f"/chat/rooms/{scene.room}/join")
    monkeypatch.setattr(typing_module, "MAX_STATES_OF_USER", 1)
    room = await scene.ann.room()
    await scene.start()
    with pytest.raises(Refusal) as refused:
        await scene.typing.start(scene.ann_on("phone"), RoomRef(room_id=room))
    assert (refused.value.reason, refused.value.retry_after) == ("too_many", 1000)
    assert (await scene.typing.start(Caller(eve.id), RoomRef(room_id=scene.room))).is_typing
    await scene.at(3)
    await scene.at(4)
    assert (await scene.typing.start(scene.ann_on("phone"), RoomRef(room_id=room))).is_typing


# Several instances, against a clock


@pytest.fixture
def other(scene: Scene, db: Database, soft_state: SoftState) -> TypingIndicator:
    """Another instance, at which the same people are."""
    return TypingIndicator(scene.io, db, soft_state, clock=scene.clock)


@over_one_transport
async def test_who_types_on_at_another_instance_has_not_stopped(scene: Scene, other: TypingIndicator) -> None:
    await scene.start("phone")
    await other.start(scene.ann_on("laptop"), RoomRef(room_id=scene.room))
    await other.all_told()
    await scene.at(1.2)
    await scene.stop("phone")
    assert await scene.heard() == [True, True]
    other.disconnected("laptop")
    await other.all_told()
    assert await scene.heard() == [True, True, False]


@over_one_transport
async def test_what_a_dead_instance_noted_ends_by_itself(
    scene: Scene, other: TypingIndicator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typing_module, "LASTS", 0.2)
    await other.start(scene.ann_on("laptop"), RoomRef(room_id=scene.room))
    await other.all_told()
    monkeypatch.undo()
    await scene.start("phone")
    await scene.at(1.2)
    await asyncio.sleep(0.3)  # Redis has a clock of its own
    await scene.stop("phone")
    assert await scene.heard() == [True, True, False]


@over_one_transport
async def test_without_redis_each_instance_tells_what_it_knows(
    scene: Scene, db: Database, redis_server: RedisServer
) -> None:
    valkey = redis_server()
    soft_state = SoftState(valkey.url)
    scene.typing = TypingIndicator(scene.io, db, soft_state, clock=scene.clock)
    valkey.stop()
    await scene.start()
    await scene.at(1.2)
    await scene.stop()
    assert await scene.heard() == [True, False]
    await soft_state.close()


@over_one_transport
async def test_nothing_is_left_in_redis(scene: Scene, redis_url: str) -> None:
    await scene.start()
    with redis.Redis.from_url(redis_url) as client:
        (key,) = client.keys("{parley}:typing:*")
        assert 0 < client.pttl(key) <= 3_000
        await scene.at(1.2)
        await scene.stop()
        assert client.keys("{parley}:typing:*") == []
