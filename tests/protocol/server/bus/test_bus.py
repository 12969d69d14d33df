"""The contract of a bus. Every bus passes it, alone and as one instance."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from protocol.cluster.requests import (
    AskClients,
    AskServers,
    ClientAnswer,
    ClientCount,
    ClusterMessage,
    ClusterRequest,
    FetchSockets,
    HandshakeDetails,
    ServerAnswer,
    SocketDetails,
    Sockets,
)
from protocol.cluster.stream_records import (
    Broadcast,
    DisconnectSockets,
    Join,
    Leave,
    Record,
    RecordBatch,
    ServerSideEmit,
    Target,
    encode,
)
from protocol.errors import BusUnavailable
from protocol.server.bus.bus import Bus, MemoryBus
from protocol.server.bus.redis_bus import RedisBus
from protocol.server.routing.interest_bus import InterestBus
from tests.support.inbox import Inbox, event

EVERYONE = Target()


def position(offset: str) -> tuple[int, ...]:
    return tuple(map(int, offset.split("-")))


async def answer(bus: Bus, uid: str) -> None:
    bus.answer(uid, ClientCount("/", "1", 1))


@pytest.fixture(
    params=[
        "memory",
        "redis_url",
        "redis_sentinel_url",
        "redis_cluster_url",
        "interest redis_url",
        "interest redis_cluster_url",
    ]
)
def new_bus(request: pytest.FixtureRequest) -> Bus:
    """A bus that is not started."""
    kind, _, url = request.param.rpartition(" ")
    if url == "memory":
        return MemoryBus()
    return (InterestBus if kind else RedisBus)(request.getfixturevalue(url))


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
async def bus(new_bus: Bus, inbox: Inbox) -> AsyncIterator[Bus]:
    """A started bus, of which `inbox` gets all. No test here loses anything."""
    await new_bus.start(inbox.deliver, inbox.gap, inbox.receive)
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
        DisconnectSockets("/", Target((), ("r1",)), close=True),
        ServerSideEmit("/", ["hello", 1, b"\x00"]),
        RecordBatch("/", (Join("/", Target(("r1",)), ("r2",)), event("binary", b"\x00"), event("text"))),
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
    [
        lambda bus: bus.ping(),
        lambda bus: bus.publish(event("x")),
        lambda bus: bus.recent(1, 1),
        lambda bus: bus.request(ServerSideEmit("/", ["x"])),
        lambda bus: bus.listeners("/"),
        lambda bus: answer(bus, bus.uid),
    ],
    ids=["ping", "publish", "recent", "request", "listeners", "answer"],
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


ANSWERS = [
    Sockets("/", "1", (SocketDetails("s", HandshakeDetails(issued=1), ("s", "r"), {"b": b"\x00"}),)),
    ServerAnswer("/", "1", {"a": [b"\x00", "€"]}),
    ClientCount("/", "1", 7),
    ClientAnswer("/", "1", None),
]


@pytest.mark.parametrize(
    "request_",
    [
        FetchSockets("/", "1", Target(("r 1",), ("r2",))),
        ServerSideEmit("/", ["hello", b"\x00\xff", "€"]),
        AskServers("/", "1", ["hello", {"a": [None]}]),
        AskClients("1", Broadcast("/", Target(("r",)), ["ask", "x" * 300_000], volatile=True), 500),
    ],
    ids=lambda request: type(request).__name__,
)
async def test_a_request_reaches_the_one_who_sent_it(
    bus: Bus, inbox: Inbox, request_: ClusterRequest
) -> None:
    bus.listen("/")
    assert await bus.request(request_) == 1
    assert await inbox.wait_for_messages(1) == [(bus.uid, request_)]
    assert inbox.records == []


async def test_answers_reach_the_one_they_are_for(bus: Bus, inbox: Inbox) -> None:
    bus.listen("/")
    assert await bus.request(FetchSockets("/", "1", EVERYONE)) == 1
    for answer in ANSWERS:
        bus.answer("another", answer)
        bus.answer(bus.uid, answer)
    assert (await inbox.wait_for_messages(5))[1:] == [(bus.uid, answer) for answer in ANSWERS]


async def test_requests_of_other_namespaces_reach_nobody(bus: Bus, inbox: Inbox) -> None:
    bus.listen("/")
    bus.listen("/ä*[x]#")
    assert await bus.request(FetchSockets("/other", "1", EVERYONE)) == 0
    wanted = FetchSockets("/ä*[x]#", "2", EVERYONE)
    assert await bus.request(wanted) == 1
    assert await inbox.wait_for_messages(1) == [(bus.uid, wanted)]


async def test_it_listens_as_long_as_somebody_wants_it(bus: Bus, inbox: Inbox) -> None:
    for round_ in range(20):
        bus.listen("/")
        bus.listen("/")
        bus.unlisten("/")
        request = ServerSideEmit("/", ["heard", round_])
        assert await bus.request(request) == 1
        assert (await inbox.wait_for_messages(round_ + 1))[-1] == (bus.uid, request)
        bus.unlisten("/")
    async with asyncio.timeout(20):
        while await bus.listeners("/"):  # noqa: ASYNC110 - Redis decides
            await asyncio.sleep(0.001)
    assert await bus.request(ServerSideEmit("/", ["unheard"])) == 0


async def test_who_listens_is_known(bus: Bus) -> None:
    for nsp in ("/", "/*", "/?x", "/[a-c]"):
        bus.listen(nsp)
        await bus.request(ServerSideEmit(nsp, ["x"]))
        assert await bus.listeners(nsp) == {bus.uid}
    assert await bus.listeners("/a") == set()


async def test_it_can_be_told_to_listen_before_the_start(new_bus: Bus) -> None:
    new_bus.listen("/")
    for round_ in range(2):
        inbox = Inbox()
        await new_bus.start(inbox.deliver, inbox.gap, inbox.receive)
        request = ServerSideEmit("/", ["round", round_])
        assert await new_bus.request(request) == 1
        assert await inbox.wait_for_messages(1) == [(new_bus.uid, request)]
        await new_bus.stop()


async def test_a_request_or_answer_that_cannot_be_sent_is_refused_alone(bus: Bus, inbox: Inbox) -> None:
    bus.listen("/")
    with pytest.raises(TypeError):
        await bus.request(ServerSideEmit("/", ["x", object()]))
    with pytest.raises(TypeError):
        bus.answer(bus.uid, ServerAnswer("/", "1", {1, 2}))
    good = ServerSideEmit("/", ["good"])
    await bus.request(good)
    assert await inbox.wait_for_messages(1) == [(bus.uid, good)]


async def test_an_error_over_a_request_does_not_stop_the_next(
    new_bus: Bus, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    def receive(uid: str, message: ClusterMessage) -> None:
        if message == ServerSideEmit("/", ["bad"]):
            raise LookupError("of the receiver")
        inbox.receive(uid, message)

    new_bus.listen("/")
    await new_bus.start(inbox.deliver, inbox.gap, receive)
    await new_bus.request(ServerSideEmit("/", ["bad"]))
    await new_bus.request(ServerSideEmit("/", ["good"]))
    assert await inbox.wait_for_messages(1) == [(new_bus.uid, ServerSideEmit("/", ["good"]))]
    await new_bus.stop()
    assert "of the receiver" in caplog.text


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
    entries, floor = await bus.recent(10, 10)
    assert entries == []
    assert position(floor) < position(await bus.publish(event("first")))


async def test_stop_leaves_no_task_and_may_come_twice(new_bus: Bus, inbox: Inbox) -> None:
    before = asyncio.all_tasks()
    await new_bus.stop()
    await new_bus.start(inbox.deliver, inbox.gap)
    await new_bus.publish(event("x"))
    await new_bus.stop()
    await new_bus.stop()
    assert asyncio.all_tasks() == before
