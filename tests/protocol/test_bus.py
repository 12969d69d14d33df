"""The contract of a bus. Every bus passes it, alone and as one instance."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from protocol.broadcast import Broadcast, Disconnect, Join, Leave, Record, Target, encode
from protocol.errors import BusUnavailable
from protocol.server.bus import Bus, MemoryBus
from protocol.server.redis_bus import RedisBus
from tests.protocol.inbox import Inbox, event

EVERYONE = Target()


def position(offset: str) -> tuple[int, ...]:
    return tuple(map(int, offset.split("-")))


@pytest.fixture(params=["memory", "redis_url", "redis_sentinel_url", "redis_cluster_url"])
def new_bus(request: pytest.FixtureRequest) -> Bus:
    """A bus that is not started."""
    return MemoryBus() if request.param == "memory" else RedisBus(request.getfixturevalue(request.param))


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
async def bus(new_bus: Bus, inbox: Inbox) -> AsyncIterator[Bus]:
    """A started bus, of which `inbox` gets all. No test here loses anything."""
    await new_bus.start(inbox.deliver, inbox.gap)
    yield new_bus
    await new_bus.stop()
    assert inbox.gaps == 0


@pytest.mark.parametrize(
    "record",
    [
        event("plain", 1, 1.5, None, True, {"a": [{}]}),
        event("unicode", "€ 𝕏 \N{WAVING HAND SIGN}\x00\r\n", nsp="/über"),
        event("binary", b"\x00\xff\r\n", {"deep": [b""]}),
        event("large", "x" * 300_000),
        event("large binary", bytes(range(256)) * 1_000),
        Broadcast("/", Target(("r1", "r 2"), ("r3",)), ["x"], volatile=True, compress=False),
        Join("/", Target(("r1",)), ("r2", "r3")),
        Leave("/a", EVERYONE, ("r2",)),
        Disconnect("/", Target((), ("r1",)), close=True),
    ],
    ids=lambda record: (
        type(record).__name__ + (f" {record.data[0]}" if isinstance(record, Broadcast) else "")
    ),
)
async def test_a_record_is_delivered_to_the_one_who_sent_it(bus: Bus, inbox: Inbox, record: Record) -> None:
    offset = await bus.publish(record)
    assert await inbox.wait_for(1) == [record]
    assert inbox.offsets == [offset]
    assert inbox.sizes == [len(encode(record, "")["data"])]


async def test_records_of_one_task_keep_their_order(bus: Bus, inbox: Inbox) -> None:
    offsets = [await bus.publish(event("n", n)) for n in range(50)]
    assert await inbox.wait_for(50) == [event("n", n) for n in range(50)]
    assert inbox.offsets == offsets


async def test_records_of_one_tick_keep_their_order(bus: Bus, inbox: Inbox) -> None:
    offsets = await asyncio.gather(*(bus.publish(event("n", n)) for n in range(3_000)))
    assert await inbox.wait_for(3_000) == [event("n", n) for n in range(3_000)]
    assert inbox.offsets == offsets


async def test_offsets_grow(bus: Bus, inbox: Inbox) -> None:
    offsets = await asyncio.gather(*(bus.publish(event("n")) for _ in range(12)))
    positions = [position(offset) for offset in offsets]
    assert positions == sorted(set(positions))


async def test_what_the_publisher_changes_later_is_not_seen(bus: Bus, inbox: Inbox) -> None:
    payload = {"text": "before"}
    await bus.publish(event("x", payload))
    payload["text"] = "after"
    assert await inbox.wait_for(1) == [event("x", {"text": "before"})]


async def test_a_value_that_cannot_be_sent_is_refused_alone(bus: Bus, inbox: Inbox) -> None:
    with pytest.raises(TypeError):
        await bus.publish(event("x", object()))
    await bus.publish(event("next"))
    assert await inbox.wait_for(1) == [event("next")]


async def test_an_error_of_the_receiver_does_not_stop_the_delivery(
    new_bus: Bus, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    def deliver(record: Record, offset: str, size: int) -> None:
        if record == event("bad"):
            raise LookupError("of the receiver")
        inbox.deliver(record, offset, size)

    await new_bus.start(deliver, inbox.gap)
    await new_bus.publish(event("bad"))
    await new_bus.publish(event("good"))
    assert await inbox.wait_for(1) == [event("good")]
    await new_bus.stop()
    assert [(entry.levelno, str(entry.exc_info[1])) for entry in caplog.records if entry.exc_info] == [
        (logging.ERROR, "of the receiver")
    ]


async def test_every_record_comes_whatever_the_interest(bus: Bus, inbox: Inbox) -> None:
    bus.interest("/", "r1", True)
    bus.interest("/", "r1", False)
    bus.interest("/", "never joined", False)
    sent = [Broadcast("/", Target((room,)), ["x"]) for room in ("r1", "r2")]
    for record in sent:
        await bus.publish(record)
    assert await inbox.wait_for(2) == sent


async def test_a_cancelled_publisher_does_not_hurt_the_others(bus: Bus, inbox: Inbox) -> None:
    tasks = [asyncio.create_task(bus.publish(event("n", n))) for n in range(10)]
    await asyncio.sleep(0)
    tasks[4].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    others = [offset for n, offset in enumerate(results) if n != 4]
    assert all(isinstance(offset, str) for offset in others)
    await bus.publish(event("last"))
    await inbox.until(lambda: event("last") in inbox.records)
    expected = [event("n", n) for n in range(10) if n != 4]
    assert [record for record in inbox.records[:-1] if record != event("n", 4)] == expected


async def test_a_started_bus_answers_and_cannot_be_started_again(bus: Bus, inbox: Inbox) -> None:
    await bus.ping()
    with pytest.raises(RuntimeError):
        await bus.start(inbox.deliver, inbox.gap)


@pytest.mark.parametrize(
    "use",
    [lambda bus: bus.ping(), lambda bus: bus.publish(event("x")), lambda bus: bus.recent(1, 1)],
    ids=["ping", "publish", "recent"],
)
async def test_a_bus_is_of_no_use_before_start_and_after_stop(
    new_bus: Bus, inbox: Inbox, use: Callable[[Bus], Awaitable[object]]
) -> None:
    async def unusable() -> None:
        with pytest.raises(BusUnavailable):
            await use(new_bus)

    await unusable()
    await new_bus.start(inbox.deliver, inbox.gap)
    await new_bus.stop()
    await unusable()
    assert inbox.records == []


async def test_a_stopped_bus_starts_again_and_delivers_only_what_is_new(new_bus: Bus) -> None:
    for round_ in range(3):
        inbox = Inbox()
        await new_bus.start(inbox.deliver, inbox.gap)
        await new_bus.publish(event("round", round_))
        assert await inbox.wait_for(1) == [event("round", round_)]
        await new_bus.stop()


async def test_what_is_recent_is_whole_after_its_floor_and_ends_where_the_delivery_begins(
    new_bus: Bus, inbox: Inbox
) -> None:
    await new_bus.start(Inbox().deliver, inbox.gap)
    past = [event("past", n) for n in range(5)]
    offsets = [await new_bus.publish(record) for record in past]
    await new_bus.stop()
    await new_bus.start(inbox.deliver, inbox.gap)
    await new_bus.publish(event("now"))
    for limit in (0, 1, 3, 100):
        entries, floor = await new_bus.recent(limit, 1_000_000)
        assert len(entries) <= limit
        assert [(offset, record) for offset, record, _ in entries] == list(zip(offsets, past, strict=True))[
            len(past) - len(entries) :
        ]
        assert {offset for offset in offsets if position(offset) > position(floor)} <= {e[0] for e in entries}
    assert await inbox.wait_for(1) == [event("now")]
    await new_bus.stop()


async def test_a_bus_that_never_had_a_record_has_no_past(bus: Bus) -> None:
    assert await bus.recent(10, 10) == ([], "0-0")


async def test_stop_leaves_no_task_and_may_come_twice(new_bus: Bus, inbox: Inbox) -> None:
    before = asyncio.all_tasks()
    await new_bus.stop()
    await new_bus.start(inbox.deliver, inbox.gap)
    await new_bus.publish(event("x"))
    await new_bus.stop()
    await new_bus.stop()
    assert asyncio.all_tasks() == before
