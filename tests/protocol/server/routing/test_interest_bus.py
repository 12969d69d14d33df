"""Instances that route by interest, on a Redis that is well, emptied or killed, or has instances of the other mode."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any, TypeAlias

import pytest
import redis
import redis.asyncio

from protocol.cluster.requests import AskClients, FetchSockets
from protocol.cluster.stream_positions import position
from protocol.cluster.stream_records import Broadcast, Join, Target
from protocol.errors import BusUnavailable, OtherBusMode
from protocol.server.bus.redis_bus import RedisBus
from protocol.server.redis.topology import slot_of
from protocol.server.routing import interest_keeper
from protocol.server.routing.interest_bus import InterestBus
from tests.support.inbox import Inbox, event, started
from tests.support.redis_servers import Cluster, RedisServer, rewinding
from tests.support.waiting import until

Instances: TypeAlias = list[tuple[InterestBus, Inbox]]


def to(room: str, *data: object) -> Broadcast:
    return Broadcast("/", Target((room,)), list(data))


def heard(inbox: Inbox) -> list[Any]:
    return [record.data[0] for record in inbox.records if isinstance(record, Broadcast)]


async def enter(bus: InterestBus, *rooms: str) -> None:
    """Have members in rooms."""
    for room in rooms:
        bus.interest("/", room, True)
    await bus.announced("/", rooms)


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs of life come more often than in earnest, so that no test waits for one."""
    monkeypatch.setattr(interest_keeper, "RENEW_EVERY", 0.1)
    monkeypatch.setattr(interest_keeper, "SETTLE", 500)


@pytest.fixture
async def instances(redis_url: str) -> AsyncIterator[Instances]:
    """Three."""
    async with AsyncExitStack() as stack:
        inboxes = [Inbox() for _ in range(3)]
        yield [
            (await stack.enter_async_context(started(InterestBus(redis_url), inbox, listens=True)), inbox)
            for inbox in inboxes
        ]


@pytest.fixture
def client(redis_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


def calls(client: "redis.Redis") -> int:
    """How many functions were called."""
    return int(client.info("commandstats")["cmdstat_fcall"]["calls"])


async def test_a_record_comes_to_those_with_members_and_to_its_publisher(instances: Instances) -> None:
    (one, first), (two, second), (three, third) = instances
    await enter(two, "r", "q")
    await enter(three, "q")
    await one.publish(to("r", "for two"))
    await two.publish(to("q", "for two and three"))
    await three.publish(event("for all"))
    for inbox in (first, second, third):
        await inbox.until(lambda inbox=inbox: "for all" in heard(inbox))
    assert heard(first) == ["for two", "for all"]
    assert heard(second) == ["for two", "for two and three", "for all"]
    assert heard(third) == ["for two and three", "for all"]


async def test_all_see_what_they_hear_in_one_order(instances: Instances) -> None:
    for number, (bus, _) in enumerate(instances):
        await enter(bus, "all", f"not {number}")
    sends = [
        bus.publish(to("all" if n % 3 else f"not {n % 9 // 3}", f"{which} {n}"))
        for n in range(90)
        for which, (bus, _) in enumerate(instances)
    ]
    offsets = await asyncio.gather(*sends)
    assert len(set(offsets)) == len(offsets)
    order: dict[str, str] = {}
    for _, inbox in instances:
        await inbox.wait_for(180)
        await inbox.until(lambda inbox=inbox: inbox.offsets[-1] == max(offsets, key=position))
        assert inbox.offsets == sorted(inbox.offsets, key=position)
        for offset, name in zip(inbox.offsets, heard(inbox), strict=True):
            assert order.setdefault(offset, name) == name


async def test_a_common_stream_that_is_gone_is_a_gap(instances: Instances, client: "redis.Redis") -> None:
    (one, first), (_, second), _ = instances
    await one.publish(event(1))
    await second.wait_for(1)
    client.delete("{socket.io}:common")
    await one.publish(event(2))
    await second.wait_for(2)
    await until(lambda: first.gaps and second.gaps)
    assert heard(first) == heard(second) == [1, 2]


async def test_the_joins_of_one_turn_are_one_command(instances: Instances, client: "redis.Redis") -> None:
    bus, inbox = instances[0]
    await until(lambda: bus.failure is None)
    before = calls(client)
    rooms = [f"room {number}" for number in range(1_000)]
    await asyncio.gather(*(enter(bus, room) for room in rooms))
    assert calls(client) - before < 10
    await instances[1][0].publish(to("room 777", "heard"))
    assert heard(inbox) == ["heard"] or await inbox.wait_for(1)


async def test_what_one_turn_publishes_is_a_few_calls(instances: Instances, client: "redis.Redis") -> None:
    before = calls(client)
    await asyncio.gather(*(instances[0][0].publish(to("r", n)) for n in range(1_000)))
    assert calls(client) - before < 30
    await instances[0][1].wait_for(1_000)
    assert heard(instances[0][1]) == list(range(1_000))


async def test_a_room_is_heard_of_for_a_while_after_its_last_member(
    instances: Instances, client: "redis.Redis"
) -> None:
    one, two = instances[0][0], instances[1][0]
    one._keeper._table.linger = 0.05
    await enter(one, "r")
    one.interest("/", "r", False)
    one.interest("/", "r", True)
    await two.publish(to("r", "reloaded"))
    one.interest("/", "r", False)
    await until(lambda: not client.exists("{socket.io}:interest:/,r"))
    await two.publish(to("r", "nobody hears"))
    await two.publish(event("for all"))
    await instances[0][1].until(lambda: "for all" in heard(instances[0][1]))
    assert heard(instances[0][1]) == ["reloaded", "for all"]


async def test_sockets_that_a_record_makes_join_miss_nothing(instances: Instances) -> None:
    """What is sent to the room after it comes, though their instance has not said that it hears of the room."""
    (one, _), (two, second), _ = instances
    await enter(two, "user")
    for number in range(20):
        await one.publish(Join("/", Target(("user",)), (f"room {number}",)))
        await one.publish(to(f"room {number}", number))
    await second.wait_for(40)
    assert heard(second) == list(range(20))


async def test_one_who_takes_a_client_over_finds_what_was_for_it(instances: Instances) -> None:
    """Up to an offset in the inbox of the other instance, and after it in the own one: nothing is missing or twice."""
    (one, _), (two, second), (three, _) = instances
    await enter(one, "r")
    sent = 0

    async def send() -> None:
        nonlocal sent
        for _ in range(200):
            await three.publish(to("r", sent))
            sent += 1

    sending = asyncio.create_task(send())
    await until(lambda: sent > 50)
    offset = await two.hold("/", ["r"])
    await sending
    before = await two.read(one.inbox, "", 10_000, 1_000_000)
    await second.until(lambda: sent - 1 in heard(second))
    until_then = [record.data[0] for at, record, _ in before.entries if position(at) <= position(offset)]
    after = [
        record.data[0]
        for at, record in zip(second.offsets, second.records, strict=True)
        if position(at) > position(offset)
    ]
    assert until_then + after == list(range(200))
    assert until_then
    assert after


async def test_reading_on_in_an_inbox(instances: Instances) -> None:
    (one, _), (two, _), _ = instances
    offsets = [await one.publish(event(number)) for number in range(250)]
    whole = await two.read(one.inbox, "", 10_000, 1_000_000)
    assert [offset for offset, _, _ in whole.entries] == offsets
    assert position(whole.floor) < position(offsets[0])
    rest = await two.read(one.inbox, offsets[99], 10_000, 1_000_000)
    assert (rest.floor, [offset for offset, _, _ in rest.entries]) == (offsets[99], offsets[100:])
    assert await two.read(one.inbox, offsets[-1], 10_000, 1_000_000) == ([], offsets[-1])
    part = await two.read(one.inbox, "", 150, 1_000_000)
    assert (part.floor, part.entries[0][0]) == (offsets[50], offsets[50])
    assert await two.read("unknown", "", 10, 10) == ([], "")


async def test_requests_go_to_the_instances_that_hear_of_the_rooms(instances: Instances) -> None:
    (one, first), (two, second), (three, third) = instances
    for bus, _ in instances:
        await bus.request(FetchSockets("/", "all", Target()))  # each listens now
    await first.wait_for_messages(3)
    await enter(two, "r")
    for request in (FetchSockets("/", "1", Target(("r",))), AskClients("2", to("r", "x"))):
        assert await one.request(request) == 2
        await first.until_last((one.uid, request)[1])
        await second.until_last(request)
    assert await two.request(FetchSockets("/", "3", Target(("r",)))) == 1
    assert await one.request(FetchSockets("/", "4", Target(("r",), ("q",)))) == 2
    assert await three.request(FetchSockets("/", "5", Target())) == 3
    await third.until_last(FetchSockets("/", "5", Target()))
    assert [message.id for _, message in third.messages if message.id != "all"] == ["5"]


async def test_requests_are_the_matter_of_one_node_of_a_cluster_also_when_their_slot_moves(
    redis_cluster_url: str, valkey_cluster: Cluster
) -> None:
    inboxes = [Inbox() for _ in range(2)]
    channel = "{socket.io}:socket.io#/#"

    def subscribers() -> list[int]:
        return [node.ask("PUBSUB", "SHARDNUMSUB", channel)[1] for node in valkey_cluster.nodes]

    async def all_are_asked(id: str) -> None:
        request = FetchSockets("/", id, Target())

        async def counted() -> bool:
            try:
                return await buses[0].request(request) == 2
            except BusUnavailable:
                return False

        await until(counted)
        for inbox in inboxes:
            await inbox.until(lambda inbox=inbox: (buses[0].uid, request) in inbox.messages)

    async with AsyncExitStack() as stack:
        buses = [
            await stack.enter_async_context(started(InterestBus(redis_cluster_url), inbox, listens=True))
            for inbox in inboxes
        ]
        await all_are_asked("before")
        before = subscribers()
        assert sorted(before) == [0] * (len(before) - 1) + [2]
        assert [node.ask("PUBSUB", "CHANNELS") for node in valkey_cluster.nodes] == [[] for _ in before]
        with valkey_cluster.moving(slot_of(channel)) as finish:
            finish()
            await all_are_asked("there")
            assert sorted(subscribers()) == sorted(before)
            assert subscribers() != before
        await all_are_asked("back again")
        assert subscribers() == before


async def test_an_emptied_redis(instances: Instances, client: "redis.Redis") -> None:
    """All begin anew, and are told that they may have missed something. What is sent comes when all are back."""
    for bus, _ in instances:
        await enter(bus, "r")
    before = [bus.inbox for bus, _ in instances]
    client.flushall()
    kept = instances[1][0].keep(to("r", "kept"))
    for bus, inbox in instances:
        await inbox.until(lambda inbox=inbox: inbox.gaps > 0)
        await until(lambda bus=bus: bus.inbox not in before)
        await bus.announced("/", ["r"])
    await instances[0][0].publish(to("r", "again"))
    for _, inbox in instances:
        await inbox.until(lambda inbox=inbox: {"again", "kept"} <= set(heard(inbox)))
    await kept


async def test_a_redis_that_has_lost_the_last_of_its_writes(instances: Instances, redis_url: str) -> None:
    """The instances have been told that they hear of rooms, or were given them, and Redis knows no more of it."""
    (one, _), (two, second), (three, third) = instances
    await enter(two, "mine")
    await until(lambda: not any(bus.failure for bus, _ in instances))
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        rewind = await rewinding(client, "{socket.io}:*")
        await one.publish(Join("/", Target(("mine",)), ("given",)))
        await second.wait_for(1)
        two.given("/", ("given",), second.offsets[0])
        await enter(three, "told")
        before = [bus.inbox for bus in (two, three)]
        await two.announced("/", ["given"])
        await rewind()
    await enter(three, "next")  # which does not hide it
    await until(lambda: not {bus.inbox for bus in (two, three)} & set(before))
    for room in ("given", "told"):
        await one.publish(to(room, room))
    await second.until(lambda: "given" in heard(second))
    await third.until(lambda: "told" in heard(third))


async def test_a_redis_that_is_killed_and_comes_back(redis_server: RedisServer) -> None:
    """What is kept is stored once it is back, in its order, and comes to all."""
    server = redis_server()
    server.ask("CONFIG", "SET", "appendonly", "no")
    inboxes = [Inbox(), Inbox()]
    async with (
        started(InterestBus(server.url, publish_timeout=300), inboxes[0]) as one,
        started(InterestBus(server.url, publish_timeout=300), inboxes[1]) as two,
    ):
        await enter(two, "r")
        await one.publish(to("r", "before"))
        server.stop()
        kept = [one.keep(to("r", number)) for number in range(5)]
        await until(lambda: one.failure is not None and two.failure is not None)
        two.interest("/", "late", True)
        await two.announced("/", ["late"])  # a client is let in all the same
        with pytest.raises(BusUnavailable):
            await two.hold("/", ["late"])
        server.start()
        await asyncio.gather(*kept)
        await inboxes[1].until(lambda: heard(inboxes[1])[-5:] == list(range(5)))
        await inboxes[1].until(lambda: inboxes[1].gaps > 0)
        await two.announced("/", ["late"])
        await one.publish(to("late", "late"))
        await inboxes[1].until(lambda: "late" in heard(inboxes[1]))


async def test_a_redis_that_lost_the_functions(instances: Instances, client: "redis.Redis") -> None:
    bus, inbox = instances[0]
    await bus.publish(to("r", 1))
    client.function_flush()
    await bus.publish(to("r", 2))
    await enter(bus, "r")
    await instances[1][0].publish(to("r", 3))
    await inbox.wait_for(3)
    assert heard(inbox) == [1, 2, 3]
    assert inbox.gaps == 0


async def test_each_record_is_stored_once_over_connections_that_break(
    instances: Instances, client: "redis.Redis"
) -> None:
    (one, _), (two, inbox), _ = instances
    await enter(two, "r")
    done = asyncio.Event()

    async def break_connections() -> None:
        while not done.is_set():
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            await asyncio.sleep(0.03)

    breaking = asyncio.create_task(break_connections())
    kept = []
    for number in range(2_000):
        kept.append(one.keep(to("r", number)))
        if number % 10 == 0:
            await asyncio.sleep(0.0005)
    await asyncio.gather(*kept)
    done.set()
    await breaking
    await inbox.until(lambda: 1_999 in heard(inbox))
    assert heard(inbox) == list(range(2_000))


async def test_an_instance_that_ends(redis_url: str, client: "redis.Redis") -> None:
    """Its inbox goes on being filled where its clients may come back, and is no obstacle to the other mode."""
    ended, other = InterestBus(redis_url), InterestBus(redis_url)
    ended.retain(60_000)
    async with started(other):
        await ended.start(Inbox().deliver, Inbox().gap)
        await enter(ended, "r")
        inbox = ended.inbox
        await ended.stop()
        await other.publish(to("r", "missed"))
        past = await other.read(inbox, "", 10, 1_000)
        assert [record.data for _, record, _ in past.entries] == [["missed"]]
        gone = InterestBus(redis_url)
        async with started(gone):
            inbox = gone.inbox
        assert await other.read(inbox, "", 10, 1_000) == ([], "")
    async with started(RedisBus(redis_url)):
        assert client.zcard("{socket.io}:inboxes") == 1


async def test_the_two_modes_do_not_mix(redis_url: str) -> None:
    async with started(RedisBus(redis_url), listens=True):
        await until(lambda: True)
        bus = InterestBus(redis_url)
        refused: OtherBusMode | None = None
        while refused is None:  # until the other has subscribed
            try:
                async with started(bus):
                    pass
            except OtherBusMode as error:
                refused = error
        assert "BUS=one" in str(refused)
    async with started(InterestBus(redis_url)):
        with pytest.raises(OtherBusMode, match="BUS=interest"):
            await RedisBus(redis_url).start(Inbox().deliver, Inbox().gap)
    async with started(RedisBus(redis_url)), started(InterestBus(redis_url, stream="x", channel_prefix="x")):
        pass


async def test_what_redis_knows_is_repeated_before_it_expires(
    redis_url: str, client: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interest_keeper, "RENEW_EVERY", 0.01)
    monkeypatch.setattr(interest_keeper, "KEEP_INTEREST", 100)
    inbox = Inbox()
    async with started(InterestBus(redis_url), inbox) as bus:
        await enter(bus, *(f"r{number}" for number in range(10)))
        for number in range(10):
            client.delete(f"{{socket.io}}:interest:/,r{number}")
        await until(lambda: all(client.exists(f"{{socket.io}}:interest:/,r{number}") for number in range(10)))
    assert inbox.gaps == 0
