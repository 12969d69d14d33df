"""Orders and events that leave as one record of the bus (docs/server.md, BroadcastBatch)."""

import logging
from contextlib import AsyncExitStack
from typing import Any

import pytest

from protocol import BusUnavailable, MemoryBus, Server, Socket
from protocol.cluster.stream_records import (
    MOST_IN_BATCH,
    Broadcast,
    Record,
    RecordBatch,
    SingleRecord,
    Target,
)
from tests.support.engine_clients import WebSocketClient
from tests.support.running import RAW, Serve


class NotingBus(MemoryBus):
    """A bus that notes what it stored."""

    def __init__(self) -> None:
        super().__init__()
        self.stored: list[Record] = []

    async def publish(self, record: Record) -> str:
        self.stored.append(record)
        return await super().publish(record)


@pytest.fixture
def shell() -> str:
    return RAW


@pytest.fixture
def bus() -> NotingBus:
    return NotingBus()


@pytest.fixture
async def io(bus: NotingBus, serve: Serve) -> Server:
    io = Server(bus=bus)
    await serve(io)
    return io


@pytest.fixture
async def client(
    bus: NotingBus, serve: Serve, stack: AsyncExitStack
) -> tuple[Server, WebSocketClient, Socket]:
    io = Server(bus=bus, recovery=60_000)
    client = await WebSocketClient.open(await serve(io))
    stack.push_async_callback(client.close)
    await client.send("0")
    await client.receive()
    [socket] = io.sockets.values()
    bus.stored.clear()
    return io, client, socket


async def send(io: Server, *events: list[Any], then: type[Exception] | None = None) -> None:
    """One batch of events to a room; then the block may raise."""
    async with io.batch() as batch:
        for event in events:
            await batch.to("room").emit(*event)
        if then is not None:
            raise then


async def test_it_is_one_record_done_in_its_order(
    client: tuple[Server, WebSocketClient, Socket], bus: NotingBus
) -> None:
    io, ears, socket = client
    heard: list[str] = []
    io.on_any_broadcast(lambda event, *_: heard.append(event))
    async with io.batch() as batch:
        await batch.to("room").emit("too early")
        await batch.in_(socket.id).sockets_join("room")
        await batch.to("room").except_("other").emit("first", 1)
        await batch.except_("other").volatile.emit("second", 2)
        await batch.in_("room").sockets_leave("room")
        await batch.to("room").emit("too late")
        await batch.to().emit("last")
        assert bus.stored == []
    assert [type(record) for record in bus.stored] == [RecordBatch]
    before = f"0-{2**64 - 1}"
    messages = [await ears.receive() for _ in range(3)]
    assert messages == [f'2["first",1,"{before}-3"]', '2["second",2]', '2["last","1-0"]']
    assert heard == ["too early", "first", "second", "too late", "last"]
    assert socket.rooms == {socket.id}


async def test_one_alone_is_an_ordinary_record_and_none_is_none(io: Server, bus: NotingBus) -> None:
    async with io.batch():
        pass
    assert bus.stored == []
    async with io.of("/other").batch() as batch:
        await batch.to("room").emit("alone")
    assert bus.stored == [Broadcast("/other", Target(("room",)), ["alone"])]


async def test_what_raises_sends_nothing(io: Server, bus: NotingBus) -> None:
    with pytest.raises(LookupError):
        await send(io, ["news"], then=LookupError)
    with pytest.raises(ValueError, match="reserved"):
        await send(io, ["news"], ["disconnect"])
    assert bus.stored == []
    with pytest.raises(TypeError):
        await send(io, ["news"], ["news", object()])


async def test_it_has_a_greatest_size(io: Server, bus: NotingBus) -> None:
    with pytest.raises(ValueError, match="at most 100"):
        await send(io, *[["news", number] for number in range(MOST_IN_BATCH + 1)])
    await send(io, *[["news", number] for number in range(MOST_IN_BATCH)])
    [record] = bus.stored
    assert isinstance(record, RecordBatch)
    assert len(record.records) == MOST_IN_BATCH


async def test_without_a_bus_it_raises_at_the_end() -> None:
    with pytest.raises(BusUnavailable):
        await send(Server(), ["one"], ["two"])


async def test_one_that_cannot_be_delivered_does_not_hold_the_others_up(
    client: tuple[Server, WebSocketClient, Socket],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    io, ears, _ = client
    deliver = io._local.deliver

    def break_once(record: SingleRecord, *args: Any) -> None:
        if record == Broadcast("/", Target(), ["first"]):
            raise ZeroDivisionError
        deliver(record, *args)

    monkeypatch.setattr(io._local, "deliver", break_once)
    async with io.batch() as batch:
        await batch.to().emit("first")
        await batch.to().emit("second")
    assert await ears.receive() == '2["second","1-0"]'
    assert [record.levelno for record in caplog.records if record.exc_info] == [logging.ERROR]
