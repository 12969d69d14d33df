"""Who is online: over several devices and instances, through reloads, deaths and a Redis that goes away."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import httpx
import pytest
import redis.asyncio

from app.config.settings import Settings
from app.core.redis_scripts import PREFIX, SoftState
from app.db.database import Database
from app.presence.announcements import PresenceNews
from app.presence.presence import PresenceTracker
from app.presence.redis_leases import LeaseClaim, Leases
from protocol import BusUnavailable
from scripts.proxy import Mode, Proxy
from tests.support.chat.other_process import OtherProcess, other_process
from tests.support.chat.people import Connect, Device, Instance, People, Person, Start, together
from tests.support.chat.row_locks import locked, somebody_waits
from tests.support.ports import find_free_port
from tests.support.redis_servers import RedisServer, rewinding
from tests.support.waiting import PATIENCE, until

AT_ONCE = 50  # ms of a hold
LONG = 600_000  # ms of a hold that no test sees the end of
SHORT_LEASE = 1_500  # ms


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Whose last socket has gone is offline soon after."""
    return replace(settings, presence_hold=AT_ONCE)


@pytest.fixture
async def in_redis(redis_url: str) -> AsyncIterator["redis.asyncio.Redis[Any]"]:
    async with redis.asyncio.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


async def news(device: Device, person: Person, *statuses: str) -> Any:
    """The next that a device hears of somebody, or the next such status."""
    while True:
        told = await device.expect("presence:changed")
        if told["userId"] == person.id and told["status"] in (statuses or (told["status"],)):
            return told


def heard(device: Device, person: Person) -> list[str]:
    """All that a device heard of somebody."""
    return [told["status"] for told in device.received["presence:changed"] if told["userId"] == person.id]


async def presence(person: Person, *others: Person) -> dict[str, str]:
    """What somebody is told who asks."""
    answer = await person.http.get("/chat/presence", params={"userIds": ",".join(one.id for one in others)})
    assert answer.status_code == 200, answer.text
    return {one["userId"]: one["status"] for one in answer.json()}


async def sockets(client: "redis.asyncio.Redis[Any]", person: Person) -> list[int]:
    """How many sockets somebody has at each instance."""
    return sorted(map(int, (await client.hgetall(f"{PREFIX}presence:user:{person.id}")).values()))


# Coming and going


async def test_who_shares_a_room_hears_of_coming_and_going(people: People, db: Database) -> None:
    ann, bob = await people(), await people()
    await together(ann, bob)
    hers = await ann.device()
    his = await bob.device()
    assert await news(hers, bob) == {"userId": bob.id, "status": "online", "lastSeenAt": None}
    await his.close()
    told = await news(hers, bob)
    assert (told["status"], heard(hers, bob)) == ("offline", ["online", "offline"])
    assert (await bob.http.get("/auth/who-am-i")).json()["lastSeenAt"] == told["lastSeenAt"]
    seen_ago = await db.value(
        "select extract(epoch from now() - last_seen_at) from users where id = :id", id=bob.id
    )
    assert AT_ONCE / 1000 <= seen_ago < PATIENCE


async def test_ones_own_devices_hear_of_it_too(people: People) -> None:
    ann = await people()
    device = await ann.device()
    assert (await news(device, ann))["status"] == "online"


async def test_a_user_is_online_until_the_last_tab_closes(
    people: People, in_redis: "redis.asyncio.Redis[Any]"
) -> None:
    ann, bob, cat = await people(), await people(), await people()
    await together(ann, bob, cat)
    hers = await ann.device()
    tab, other_tab = await bob.device(), await bob.device()
    assert await sockets(in_redis, bob) == [2]
    await tab.close()
    await until(lambda: has_sockets(in_redis, bob, [1]))
    await cat.device()
    await news(hers, cat)  # comes after whatever was told before
    assert heard(hers, bob) == ["online"]
    await other_tab.close()
    await news(hers, bob, "offline")
    assert heard(hers, bob) == ["online", "offline"]


async def has_sockets(client: "redis.asyncio.Redis[Any]", person: Person, expected: list[int]) -> bool:
    return await sockets(client, person) == expected


async def test_many_devices_at_once_come_online_once(people: People) -> None:
    ann, bob, cat = await people(), await people(), await people()
    await together(ann, bob, cat)
    hers = await ann.device()
    await asyncio.gather(*(bob.device() for _ in range(5)))
    await cat.device()
    await news(hers, cat)
    assert heard(hers, bob) == ["online"]


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_a_reload_is_no_absence(
    people: People, start: Start, in_redis: "redis.asyncio.Redis[Any]", elsewhere: bool
) -> None:
    one = await start(presence_hold=LONG)
    another = await start(presence_hold=LONG) if elsewhere else one
    ann, bob, cat = await people(), await people(), await people()
    await together(ann, bob, cat)
    hers = await ann.device(one.url)
    page = await bob.device(one.url)
    await page.close()
    await until(lambda: has_sockets(in_redis, bob, [0]))
    await bob.device(another.url)
    assert await sockets(in_redis, bob) == ([0, 1] if elsewhere else [1])
    await cat.device(another.url)
    await news(hers, cat)
    assert heard(hers, bob) == ["online"]


async def test_the_last_device_on_any_instance_counts(
    instance: Instance, people: People, start: Start, in_redis: "redis.asyncio.Redis[Any]"
) -> None:
    other = await start()
    ann, bob, cat = await people(), await people(), await people()
    await together(ann, bob, cat)
    hers = await ann.device()
    here, there = await bob.device(), await bob.device(other.url)
    await here.close()
    await until(lambda: has_sockets(in_redis, bob, [1]))  # the hold has ended
    await cat.device()
    await news(hers, cat)
    assert heard(hers, bob) == ["online"]
    await there.close()
    await news(hers, bob, "offline")
    assert heard(hers, bob) == ["online", "offline"]


# Who is told


async def test_presence_is_told_only_to_those_who_share_a_room(people: People) -> None:
    ann, bob, cat, eve = [await people() for _ in range(4)]
    await together(ann, bob)
    await together(cat, eve)
    hers = await eve.device()
    await (await bob.device()).close()
    await ann.device()
    await cat.device()
    await news(hers, cat)
    assert {told["userId"] for told in hers.received["presence:changed"]} <= {cat.id, eve.id}
    assert await presence(eve, ann, bob, cat) == {cat.id: "online"}


async def test_presence_is_told_once_however_many_rooms_are_shared(people: People) -> None:
    ann, bob, cat = await people(), await people(), await people()
    for _ in range(3):
        await together(ann, bob, cat)
    hers = await ann.device()
    await bob.device()
    await cat.device()
    await news(hers, cat)
    assert heard(hers, bob) == ["online"]


async def test_who_has_left_the_room_is_not_told_any_more(people: People) -> None:
    ann, bob, cat = await people(), await people(), await people()
    room = await together(ann, bob)
    await together(bob, cat)
    his = await bob.device()
    assert (await bob.http.post(f"/chat/rooms/{room}/leave")).status_code == 200
    await ann.device()
    await cat.device()
    await news(his, cat)
    assert heard(his, ann) == []
    assert await presence(bob, ann, cat) == {cat.id: "online"}


async def fill(db: Database, room: str, count: int, state: str = "member") -> None:
    """Adds people to a room who are nobody."""
    await db.value(
        """
        with nobodies as (
            insert into users (id, username, credential)
            select :room || '-' || :state || '-' || n, :state || '-' || n, 'none' from generate_series(1, :count) n
            returning id
        )
        insert into room_members (id, room_id, user_id, state, change_seq)
        select id, :room, id, :state, 1000 + (select count(*) from room_members) + row_number() over ()
        from nobodies
        """,
        room=room,
        count=count,
        state=state,
    )


@pytest.mark.parametrize("members", [500, 501])
async def test_a_room_of_more_than_500_is_not_told(people: People, db: Database, members: int) -> None:
    ann, bob, cat = await people(), await people(), await people()
    room = await together(ann, bob)
    await together(ann, cat)
    await fill(db, room, members - 2)
    await fill(db, room, 3, "invited")
    await fill(db, room, 3, "left")
    hers = await ann.device()
    await bob.device()
    await cat.device()
    await news(hers, cat)
    told = members <= 500
    assert heard(hers, bob) == (["online"] if told else [])
    snapshot = await (await ann.device()).expect("presence:snapshot")
    assert {one["userId"] for one in snapshot} == ({bob.id, cat.id} if told else {cat.id})
    assert await presence(ann, bob, cat) == {bob.id: "online", cat.id: "online"}


async def snapshot_with(device: Device, *people: Person) -> None:
    """Waits until a device was told that these are online, and nobody else."""
    while {one["userId"] for one in await device.expect("presence:snapshot")} != {one.id for one in people}:
        pass


async def test_who_joins_a_room_and_those_in_it_are_told_of_each_other(people: People) -> None:
    ann, bob, cat, dan = [await people() for _ in range(4)]
    room = await together(ann, cat)
    hers, his = await ann.device(), await bob.device()
    await dan.device()  # a stranger to all
    assert await his.expect("presence:snapshot") == []
    await his.ok("room:join", {"roomId": room})
    await snapshot_with(his, ann)  # cat is not here
    assert (await news(hers, bob))["status"] == "online"
    await his.ok("room:join", {"roomId": room})  # again, which tells nothing
    assert dan.id not in {told["userId"] for told in hers.received["presence:changed"]}


async def test_who_joins_without_a_device_is_not_taken_for_online(people: People) -> None:
    ann, bob, cat = await people(), await people(), await people()
    room = await together(ann)
    hers = await ann.device()
    assert (await bob.http.post(f"/chat/rooms/{room}/join")).status_code == 200
    his = await cat.device()
    await his.ok("room:join", {"roomId": room})
    await news(hers, cat)
    assert heard(hers, bob) == []
    (bobs,) = await hers.ok("presence:get", {"userIds": [bob.id]})
    assert (bobs["status"], bobs["lastSeenAt"]) == ("offline", None)


async def test_two_who_begin_a_conversation_are_told_of_each_other(people: People) -> None:
    ann, bob = await people(), await people()
    hers, his = await ann.device(), await bob.device()
    await hers.ok("dm:send", {"receiverId": bob.id, "content": "Hello"})
    await snapshot_with(hers, bob)
    await snapshot_with(his, ann)


# Asking


async def test_presences_are_given_at_the_connection(people: People, db: Database) -> None:
    ann, bob, cat, dan, eve = [await people() for _ in range(5)]
    room = await together(ann, bob, cat)
    for person in (bob, dan, eve):
        await person.device()
    await db.value(
        """
        insert into room_members (id, room_id, user_id, state, change_seq)
        values (:dan, :room, :dan, 'invited', 1000)
        """,
        dan=dan.id,
        room=room,
    )
    hers = await ann.device()
    online = {"userId": bob.id, "status": "online", "lastSeenAt": None}
    assert await hers.expect("presence:snapshot") == [online]  # cat is not here, dan not in, eve a stranger
    assert await (await ann.device()).expect("presence:snapshot") == [online]


async def test_asking_for_the_presence_of_people(people: People) -> None:
    ann, bob, cat, eve = [await people() for _ in range(4)]
    await together(ann, bob, cat)
    hers = await ann.device()
    his = await bob.device()
    await his.close()
    told = await news(hers, bob, "offline")
    await eve.device()
    asked = [cat.id, eve.id, bob.id, ann.id, bob.id, "nobody"]
    answer = await hers.ok("presence:get", {"userIds": asked, "userId": bob.id})
    assert answer == [
        {"userId": cat.id, "status": "offline", "lastSeenAt": None},
        {"userId": bob.id, "status": "offline", "lastSeenAt": told["lastSeenAt"]},
        {"userId": ann.id, "status": "online", "lastSeenAt": None},
    ]
    rest = await ann.http.get("/chat/presence", params={"userIds": ",".join(asked)})
    assert (rest.status_code, rest.json()) == (200, answer)
    assert await hers.ok("presence:get", {"userIds": []}) == []


@pytest.mark.parametrize(
    "args",
    [
        (),
        (None,),
        (7,),
        ([],),
        ({"userIds": "a"},),
        ({"userIds": None},),
        ({"userIds": [7]},),
        ({"userIds": ["a b"]},),
        ({"userIds": [f"user-{n}" for n in range(101)]},),
        (b"\x00",),
    ],
)
async def test_asking_with_a_malformed_payload(people: People, args: tuple[Any, ...]) -> None:
    device = await (await people()).device()
    error = await device.refused("presence:get", *args)
    assert error["code"] == "PRESENCE_FAILED"
    assert error["reason"] in ("invalid", "too_long")


async def test_asking_over_rest_is_refused_alike(people: People, http: httpx.AsyncClient) -> None:
    ann = await people()
    for query in ({}, {"userIds": "a b"}, {"userIds": ",".join(f"user-{n}" for n in range(101))}):
        assert (await ann.http.get("/chat/presence", params=query)).status_code == 422
    assert (await http.get("/chat/presence", params={"userIds": ann.id})).status_code == 401


async def test_a_stranger_may_not_ask(people: People, connect: Connect) -> None:
    ann = await people()
    error = await (await connect()).refused("presence:get", {"userIds": [ann.id]})
    assert (error["code"], error["reason"]) == ("PRESENCE_FAILED", "unauthenticated")


# How many sockets a user may have


async def test_more_sockets_than_a_user_may_have_are_refused(
    people: People, start: Start, connect: Connect
) -> None:
    one, another = await start(max_sockets_per_user=2), await start(max_sockets_per_user=2)
    ann = await people()
    first = await ann.device(one.url)
    await ann.device(another.url)
    await first.authenticate()  # again
    third = await connect(ann.token, url=another.url)
    answer = await third.call("authenticate")
    assert (answer["ok"], answer["error"]["code"]) == (False, "AUTHENTICATE_FAILED")
    assert (answer["error"]["reason"], answer["error"]["retryAfter"]) == ("too_many", 5000)
    assert (await third.refused("room:list"))["reason"] == "unauthenticated"
    await first.close()

    async def let_in() -> bool:
        ok: bool = (await third.call("authenticate"))["ok"]
        return ok

    await until(let_in)
    assert await third.ok("room:list") == []


async def test_of_sockets_that_come_at_once_only_as_many_as_may_are_let_in(
    people: People, start: Start, connect: Connect
) -> None:
    one, another = await start(max_sockets_per_user=3), await start(max_sockets_per_user=3)
    ann = await people()
    devices = [await connect(ann.token, url=instance.url) for instance in (one, another) * 3]
    answers = await asyncio.gather(*(device.call("authenticate") for device in devices))
    assert [answer["ok"] for answer in answers].count(True) == 3
    assert await presence(ann, ann) == {ann.id: "online"}


# The end of an instance


@pytest.fixture
async def other(settings: Settings, free_port: int) -> AsyncIterator[OtherProcess]:
    async with other_process(settings, free_port, PRESENCE_LEASE=SHORT_LEASE) as process:
        yield process


async def test_the_users_of_a_crashed_instance_go_offline(
    people: People, start: Start, other: OtherProcess
) -> None:
    here = await start(presence_lease=SHORT_LEASE)
    ann, bob = await people(), await people()
    await together(ann, bob)
    hers = await ann.device(here.url)
    await bob.device(other.url)
    assert (await news(hers, bob))["status"] == "online"
    other.kill()
    told = await news(hers, bob)
    assert told["status"] == "offline"
    assert told["lastSeenAt"] is not None
    assert await presence(ann, bob) == {bob.id: "offline"}


async def test_an_instance_that_was_frozen_brings_its_users_back(
    people: People, start: Start, other: OtherProcess
) -> None:
    here = await start(presence_lease=SHORT_LEASE)
    ann, bob = await people(), await people()
    await together(ann, bob)
    hers = await ann.device(here.url)
    his = await bob.device(other.url)
    assert (await news(hers, bob))["status"] == "online"
    other.signal(signal.SIGSTOP)
    assert (await news(hers, bob))["status"] == "offline"
    other.signal(signal.SIGCONT)
    # What it was about to tell when it froze may come first: that he is offline, as others had found.
    while (await news(hers, bob))["status"] != "online":
        pass
    assert await his.ok("presence:get", {"userIds": [bob.id]}) == [
        {"userId": bob.id, "status": "online", "lastSeenAt": None}
    ]


async def test_the_next_start_takes_out_the_users_of_the_only_instance(
    instance: Instance, people: People, start: Start, other: OtherProcess, db: Database
) -> None:
    ann, bob = await people(), await people()
    await together(ann, bob)
    await instance.stop()
    await bob.device(other.url)
    other.kill()
    next_one = await start(presence_lease=SHORT_LEASE)

    async def is_seen() -> bool:
        last_seen = "select last_seen_at is not null from users where id = :id"
        return bool(await db.value(last_seen, id=bob.id))

    await until(is_seen)
    async with httpx.AsyncClient(base_url=next_one.url, headers=ann.http.headers) as client:
        [told] = (await client.get("/chat/presence", params={"userIds": bob.id})).json()
    assert told["status"] == "offline"


async def test_users_of_an_instance_that_stops_go_offline_after_the_hold(
    people: People, start: Start
) -> None:
    here, there = await start(presence_lease=SHORT_LEASE), await start()
    ann, bob = await people(), await people()
    await together(ann, bob)
    hers = await ann.device(here.url)
    await bob.device(there.url)
    await news(hers, bob, "online")  # who goes before that was told is left to the other instances
    await there.stop()
    await news(hers, bob, "offline")
    assert heard(hers, bob) == ["online", "offline"]


async def test_who_comes_back_to_another_instance_is_not_noticed(
    people: People, start: Start, in_redis: "redis.asyncio.Redis[Any]"
) -> None:
    here, there = await start(presence_lease=SHORT_LEASE), await start(presence_hold=LONG)
    ann, bob, cat = await people(), await people(), await people()
    await together(ann, bob, cat)
    hers = await ann.device(here.url)
    await bob.device(there.url)
    await news(hers, bob, "online")  # who goes before that was told is left to the other instances
    await there.stop()
    assert await sockets(in_redis, bob) == [0]
    await bob.device(here.url)
    await cat.device(here.url)
    await news(hers, cat)
    assert heard(hers, bob) == ["online"]


async def test_thousands_of_users_of_a_dead_instance(
    instance: Instance, people: People, start: Start, db: Database, redis_url: str
) -> None:
    ann = await people()
    room = await ann.room()
    await fill(db, room, 1_200)
    soft_state = SoftState(redis_url)
    dead = Leases(soft_state, max_sockets=0)
    await dead.begin("dead", 60_000)
    await dead.count("dead", [LeaseClaim(f"{room}-member-{n}", 0, 1) for n in range(1, 1_201)])
    await dead.renew("dead", 0)
    await soft_state.close()
    await start()

    async def are_seen() -> bool:
        return bool(await db.value("select count(*) = 1200 from users where last_seen_at is not null"))

    await until(are_seen)


# Redis goes away


async def test_nobody_is_kept_out_while_redis_is_away(
    people: People,
    start: Start,
    redis_server: RedisServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = redis_server()
    here = await start(redis_url=server.url, presence_lease=SHORT_LEASE)
    ann, bob, cat, dan = [await people() for _ in range(4)]
    await together(ann, bob, cat, dan)
    hers = await ann.device(here.url)
    his = await bob.device(here.url)
    await dan.device(here.url)
    await news(hers, dan)
    server.stop()
    await cat.device(here.url)
    await his.close()
    assert await hers.ok("room:list")
    server.start()
    assert (await news(hers, cat))["status"] == "online"
    await news(hers, bob, "offline")
    assert heard(hers, bob) == ["online", "offline"]
    assert sum("presence is not kept" in line.message for line in caplog.records) == 1
    answer = await hers.ok("presence:get", {"userIds": [bob.id, cat.id, dan.id]})
    assert [one["status"] for one in answer] == ["offline", "online", "online"]


async def test_a_redis_that_has_lost_everything_is_told_who_is_here(
    people: People, start: Start, in_redis: "redis.asyncio.Redis[Any]"
) -> None:
    here = await start(presence_lease=SHORT_LEASE)
    ann, bob = await people(), await people()
    await together(ann, bob)
    hers = await ann.device(here.url)
    await bob.device(here.url)
    assert (await news(hers, bob))["status"] == "online"
    await in_redis.flushall()
    assert (await news(hers, bob))["status"] == "online"
    assert await sockets(in_redis, bob) == [1]


async def test_a_redis_that_has_lost_the_last_of_its_writes_is_told_who_is_here(
    people: People, start: Start, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    here = await start(presence_lease=SHORT_LEASE)
    ann, bob, cat = await people(), await people(), await people()
    await together(ann, bob, cat)
    hers = await ann.device(here.url)
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        rewind = await rewinding(client, f"{PREFIX}presence:*", f"{PREFIX}presence:instances")
        await bob.device(here.url)
        its = await cat.device(here.url)
        for one in (bob, cat):
            assert (await news(hers, one))["status"] == "online"
        await rewind()
    await its.close()
    # In which order they come depends on when the instance looks at its lease.
    await until(lambda: heard(hers, cat)[-1] == "offline" and heard(hers, bob) == ["online", "online"])
    assert await presence(ann, ann, bob, cat) == {ann.id: "online", bob.id: "online", cat.id: "offline"}
    assert any("has lost some of the users" in line.message for line in caplog.records)


async def test_who_comes_is_told_of_where_the_answer_of_redis_was_lost(
    instance: Instance, people: People, db: Database, redis_server: RedisServer
) -> None:
    ann, bob = await people(), await people()
    await together(ann, bob)
    hers = await ann.device()
    way = Proxy([("127.0.0.1", redis_server().port)])
    await way.start(port := find_free_port())
    soft_state = SoftState(f"redis://127.0.0.1:{port}/0")
    tracker = PresenceTracker(instance.server.io, db, soft_state, lease=SHORT_LEASE / 1000)
    assert await tracker.enter(ann.id, "her socket")
    way.stall(Mode.STALL_TO_CLIENT)
    assert not await tracker.enter(bob.id, "his socket")  # which Redis knows, and we do not
    await way.resume()
    tracker.start()
    assert (await news(hers, bob))["status"] == "online"
    await tracker.close()
    await soft_state.close()
    await way.stop()


async def test_who_was_taken_out_is_told_of_though_the_one_that_did_it_died_before_it_could(
    people: People, start: Start, redis_url: str
) -> None:
    here = await start(presence_lease=SHORT_LEASE)
    ann, bob = await people(), await people()
    await together(ann, bob)
    hers = await ann.device(here.url)
    soft_state = SoftState(redis_url)
    leases = Leases(soft_state, max_sockets=1)
    await leases.begin("left behind", LONG)
    await leases.count("left behind", [LeaseClaim(bob.id, 0, 1)])
    await leases.renew("left behind", 0)
    swept = await leases.sweep(1)  # nobody else looks just now
    assert swept is not None
    assert swept.user_ids == [bob.id]
    await soft_state.close()
    assert (await news(hers, bob))["status"] == "offline"


async def test_an_outage_that_is_longer_than_the_leases_is_not_taken_for_death(
    people: People,
    start: Start,
    redis_server: RedisServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = redis_server()
    here, there = [await start(redis_url=server.url, presence_lease=SHORT_LEASE) for _ in range(2)]
    ann, bob, cat = await people(), await people(), await people()
    await together(ann, bob, cat)
    hers = await ann.device(here.url)
    his = await bob.device(there.url)
    await news(hers, bob)
    async with redis.asyncio.Redis.from_url(server.url, decode_responses=True) as client:
        leases = f"{PREFIX}presence:instances"
        await client.zadd(leases, dict.fromkeys(await client.zrange(leases, 0, -1), 1))
    server.stop()

    async def both_noticed() -> bool:
        return sum("presence is not kept" in line.message for line in caplog.records) == 2

    await until(both_noticed)
    server.start()

    async def are_swept() -> bool:
        async with redis.asyncio.Redis.from_url(server.url) as client:
            return bool(await client.zcount(leases, 0, 1) == 0)

    await until(are_swept)
    await cat.device(here.url)
    for device, other in ((hers, bob), (his, ann)):
        await news(device, cat)
        assert set(heard(device, other)) <= {"online"}


# What is told when telling takes its time


def seen_slowly(db: Database, person: Person) -> AbstractAsyncContextManager[None]:
    """While it lasts, it cannot be written when somebody was last seen."""
    return locked(db, "select id from users where id = :id for no key update", id=person.id)


async def test_news_that_come_late_do_not_stay_the_last_word(
    people: People, start: Start, db: Database
) -> None:
    elsewhere = await start()
    ann, bob = await people(), await people()
    await together(ann, bob)
    hers = await ann.device()
    his = await bob.device()
    await news(hers, bob)
    async with seen_slowly(db, bob):
        await his.close()
        await somebody_waits(db)  # to tell that he has gone
        await bob.device(elsewhere.url)
        assert (await news(hers, bob))["status"] == "online"
    await news(hers, bob, "offline")
    await news(hers, bob, "online")
    assert heard(hers, bob) == ["online", "online", "offline", "online"]


async def test_what_an_instance_could_not_tell_before_it_stopped_is_told_by_another(
    people: People, start: Start, db: Database
) -> None:
    here, there = await start(presence_lease=SHORT_LEASE), await start()
    ann, bob = await people(), await people()
    await together(ann, bob)
    hers = await ann.device(here.url)
    his = await bob.device(there.url)
    await news(hers, bob)

    async def has_no_bus() -> bool:
        try:
            await there.server.io.emit("test:mark")
        except BusUnavailable:
            return True
        return False

    async with seen_slowly(db, bob):
        await his.close()
        await somebody_waits(db)
        stopping = asyncio.create_task(there.stop())
        await until(has_no_bus)
    await stopping
    await news(hers, bob, "offline")
    assert heard(hers, bob) == ["online", "offline"]


async def test_what_could_not_be_told_without_the_database_is_told_later(
    instance: Instance, people: People, db: Database, database_url: str, redis_url: str
) -> None:
    ann, bob = await people(), await people()
    await together(ann, bob)
    hers = await ann.device()
    impatient = Database(database_url, command_timeout=1)
    await impatient.connect()
    soft_state = SoftState(redis_url)
    telling = PresenceNews(instance.server.io, impatient, Leases(soft_state, max_sockets=0))
    async with seen_slowly(db, bob):
        telling.add([bob.id])
        assert await telling.told() == [bob.id]
        telling.resume()
        assert await telling.told() == [bob.id]
    telling.resume()
    assert await telling.told() == []
    assert (await news(hers, bob))["status"] == "offline"
    await soft_state.close()
    await impatient.close()


async def test_an_account_says_whether_one_is_online(people: People) -> None:
    ann = await people()
    assert ann.user["isOnline"] is False
    await ann.device()
    assert (await ann.http.get("/auth/who-am-i")).json()["isOnline"] is True
