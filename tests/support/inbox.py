"""What the tests of buses share: the receiving end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from protocol.cluster.requests import ClusterMessage
from protocol.cluster.stream_records import Broadcast, Record, Target
from protocol.server.bus.bus import Bus


def event(*data: object, nsp: str = "/") -> Broadcast:
    return Broadcast(nsp, Target(), list(data))


class Inbox:
    """What a bus delivered."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.offsets: list[str] = []
        self.sizes: list[int] = []
        self.messages: list[tuple[str, ClusterMessage]] = []
        self.gaps = 0
        self._news = asyncio.Event()

    def deliver(self, record: Record, offset: str, size: int) -> None:
        self.records.append(record)
        self.offsets.append(offset)
        self.sizes.append(size)
        self._news.set()

    def receive(self, uid: str, message: ClusterMessage) -> None:
        self.messages.append((uid, message))
        self._news.set()

    def gap(self) -> None:
        self.gaps += 1
        self._news.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def wait_for(self, count: int) -> list[Record]:
        await self.until(lambda: len(self.records) >= count)
        return self.records

    async def wait_for_messages(self, count: int) -> list[tuple[str, ClusterMessage]]:
        await self.until(lambda: len(self.messages) >= count)
        return self.messages

    async def until_last(self, message: ClusterMessage) -> None:
        await self.until(lambda: bool(self.messages) and self.messages[-1][1] == message)


AnyBus = TypeVar("AnyBus", bound=Bus)


@asynccontextmanager
async def started(bus: AnyBus, inbox: Inbox | None = None, *, listens: bool = False) -> AsyncIterator[AnyBus]:
    """A bus that delivers to an inbox, and listens to requests of `/` if it is told so."""
    inbox = inbox or Inbox()
    if listens:
        bus.listen("/")
    await bus.start(inbox.deliver, inbox.gap, inbox.receive)
    try:
        yield bus
    finally:
        await bus.stop()
