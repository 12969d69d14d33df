"""A process of the load: holds a share of the clients, and tells once a second what they met.

It reads JSON lines: the assignment, then `{"run": start}`, and at the end `{"settle": numbers}` with the last number of
each room's log; it writes `{"tick": …}` every second, `{"waiting": n}`, `{"ran": …}` and `{"settled": …}`.
"""

import asyncio
import random
import resource
import sys
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count
from typing import Any

import msgspec
import orjson
import uvloop
from msgspec import Struct

from app.runtime.garbage_collection import seldom_collected
from scripts.loadtest.cut import BreakableLoop, cut
from scripts.loadtest.histogram import Histogram
from scripts.loadtest.member import FAILURES, Member, kind_of, now

TICK = 1.0  # seconds
AWAY = (0.2, 2.0)  # seconds that a client which goes stays away


class Assignment(Struct, frozen=True):
    """A worker's share. `clients` has for each its URL, its user's token, its room, and whether it polls."""

    number: int
    name: str  # of the run, so that its messages are no other's
    clients: list[tuple[str, str, str, bool]]
    duration: float
    size: int
    grace: float  # seconds without one more client that could connect, and for what is under way at the end
    connect_rate: float  # all rates are this worker's own
    rates: dict[str, float]
    cut: float  # the share of its connections that break in the middle of the load


class Worker:
    """Runs the clients of an assignment."""

    def __init__(self, assignment: Assignment, loop: BreakableLoop) -> None:
        self._loop = loop
        self._assignment = assignment
        self._members = [self._member(*client) for client in assignment.clients]
        self._counts: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()
        self._latencies: defaultdict[str, Histogram] = defaultdict(Histogram)
        self._acked: list[tuple[str, str, int]] = []
        self._keys = count()
        self._under_way: set[asyncio.Task[None]] = set()
        self._chance = random.Random(assignment.number)

    def _member(self, url: str, token: str, room: str, polls: bool) -> Member:
        return Member(url, token, room, polling=polls, heard=self._heard, failed=self._failed)

    async def connect(self) -> int:
        """Connect all, one after the other at the rate that is asked for, whether the ones before are done or not.

        The result is how many cannot.
        """
        beginning = now()
        for place, member in enumerate(self._members):
            await self._at(beginning + place / self._assignment.connect_rate, "connect", member.connect)
        before = len(self._members) + 1
        while 0 < len(self._under_way) < before:
            before = len(self._under_way)
            await asyncio.wait(self._under_way, timeout=self._assignment.grace)
        return len(self._under_way)

    async def run(self, start: float) -> None:
        """Do everything at its rate from `start` on, and wait for what is under way at the end."""
        acts: dict[str, Callable[[float], tuple[str, Callable[[], Awaitable[Any]]] | None]] = {
            "rate": self._send,
            "reads": self._read,
            "typing": self._type,
            "reconnects": self._reconnect,
        }
        rates = self._assignment.rates
        await asyncio.gather(
            self._cut(start + self._assignment.duration / 2),
            *(self._keep_up(start, rates[name], act) for name, act in acts.items() if rates[name]),
        )
        with suppress(TimeoutError):
            async with asyncio.timeout(self._assignment.grace):
                await self._ended()
        self._counts["unfinished"] += len(self._under_way)

    async def settle(self, last: dict[str, int]) -> dict[str, int]:
        """Wait until everybody has the last number of their room, have the others ask, and count what is missing."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._assignment.grace):
                for member in self._members:
                    while member.view.applied < last[member.room]:  # noqa: ASYNC110 - it may never come
                        await asyncio.sleep(0.02)
        late = [member for member in self._members if member.view.applied < last[member.room]]
        with suppress(TimeoutError):
            async with asyncio.timeout(self._assignment.grace):
                await asyncio.gather(*(member.ask_for_the_rest() for member in late), return_exceptions=True)
        views = [(member.view, last[member.room]) for member in self._members]
        return {
            "lost": sum(view.lost(number) for view, number in views),
            "missed": sum(view.missed for view, _ in views),
            "doubled": sum(view.doubled for view, _ in views),
            "out_of_order": sum(view.out_of_order for view, _ in views),
            "caught_up": sum(len(view.caught_up - view.live) for view, _ in views),
        }

    async def close(self) -> None:
        """End all clients."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*(member.close() for member in self._members), return_exceptions=True)

    def tick(self) -> dict[str, Any]:
        """What happened since the last one."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        told = {
            "connected": sum(member.connected for member in self._members),
            "counts": dict(self._counts),
            "errors": dict(self._errors),
            "latencies": {name: dict(found.buckets) for name, found in self._latencies.items()},
            "cpu": usage.ru_utime + usage.ru_stime,
        }
        self._counts.clear()
        self._errors.clear()
        self._latencies.clear()
        return told

    def acked(self) -> list[tuple[str, str, int]]:
        """Each message that was acknowledged: its room, its key and its number."""
        return self._acked

    # --- what clients do ---

    async def _keep_up(self, start: float, rate: float, act: Callable[[float], Any]) -> None:
        """Begin what is to be done when it is to be done, by chance evenly spread, however long the others take."""
        due = start
        while (due := due + self._chance.expovariate(rate)) < start + self._assignment.duration:
            await asyncio.sleep(max(0.0, due - now()))
            chosen = act(due)
            if chosen is not None:
                await self._at(due, *chosen)

    def _send(self, due: float) -> tuple[str, Callable[[], Awaitable[Any]]] | None:
        member = self._one()
        if member is None:
            return None
        key = f"{self._assignment.name}-{self._assignment.number}-{next(self._keys)}"
        text = f"{key} {due:.6f} ".ljust(self._assignment.size, "x")

        async def send() -> None:
            self._counts["sent"] += 1
            number = await member.send(text, key)
            self._counts["acked"] += 1
            self._acked.append((member.room, key, number))

        return "ack", send

    def _read(self, _due: float) -> tuple[str, Callable[[], Awaitable[Any]]] | None:
        member = self._one()
        return None if member is None or not member.last_heard else ("read", member.read)

    def _type(self, _due: float) -> tuple[str, Callable[[], Awaitable[Any]]] | None:
        member = self._one()
        return None if member is None else ("typing", member.type)

    def _reconnect(self, due: float) -> tuple[str, Callable[[], Awaitable[Any]]] | None:
        member = self._one()
        if member is None:
            return None
        away = self._chance.uniform(*AWAY)

        async def go_and_come_back() -> None:
            await member.disconnect()
            await asyncio.sleep(max(0.0, due + away - now()))
            back = now()
            await member.connect()
            await member.caught_up()
            self._counts["reconnected"] += 1
            self._latencies["reconnect"].add(now() - back)

        return "away", go_and_come_back

    async def _cut(self, due: float) -> None:
        """Have connections break."""
        if self._assignment.cut:
            await asyncio.sleep(max(0.0, due - now()))
            grace = self._assignment.grace + self._assignment.duration / 2
            returns = await cut(self._loop, self._members, self._assignment.cut, grace)
            self._counts.update(cut=returns.cut, back=len(returns.back), recovered=returns.recovered)
            for seconds in returns.back:
                self._latencies["back"].add(seconds)

    def _one(self) -> Member | None:
        """Any client that is connected: a person without a connection does not begin anything."""
        for _ in range(10):
            member = self._chance.choice(self._members)
            if member.connected:
                return member
        self._errors["nobody is connected"] += 1
        return None

    # --- how it goes ---

    async def _at(self, due: float, what: str, act: Callable[[], Awaitable[Any]]) -> None:
        """Begin something when it is due, and time it from then, not from when there was time for it."""
        await asyncio.sleep(max(0.0, due - now()))
        self._latencies["lag"].add(max(0.0, now() - due))
        task = asyncio.create_task(self._timed(due, what, act))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _timed(self, due: float, what: str, act: Callable[[], Awaitable[Any]]) -> None:
        try:
            await act()
        except FAILURES as error:
            self._failed(f"{what}: {kind_of(error)}")
        else:
            self._latencies[what].add(now() - due)

    async def _ended(self) -> None:
        while self._under_way:
            await asyncio.wait(self._under_way)

    def _heard(self, text: str) -> None:
        name, _, rest = text.partition("-")
        if name == self._assignment.name:
            self._counts["delivered"] += 1
            self._latencies["deliver"].add(now() - float(rest.split(" ", 2)[1]))

    def _failed(self, kind: str) -> None:
        self._errors[kind] += 1


async def main() -> None:
    """Play one worker over the standard streams."""
    reader = asyncio.StreamReader(limit=2**28)
    loop = asyncio.get_running_loop()
    assert isinstance(loop, BreakableLoop)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    worker = Worker(msgspec.json.decode(await reader.readline(), type=Assignment), loop)
    ticking = asyncio.create_task(tick_forever(worker))
    waiting = await worker.connect()
    say(tick=worker.tick())  # what was used until here is not the load's
    say(waiting=waiting)
    command = orjson.loads(await reader.readline())
    await worker.run(command["run"])
    say(ran=worker.acked())
    command = orjson.loads(await reader.readline())
    settled = await worker.settle(command["settle"])
    ticking.cancel()
    say(tick=worker.tick())
    say(settled=settled)
    await worker.close()


async def tick_forever(worker: Worker) -> None:
    due = now()
    while True:
        due += TICK
        await asyncio.sleep(max(0.0, due - now()))
        say(tick=worker.tick())


def say(**what: Any) -> None:
    sys.stdout.buffer.write(orjson.dumps(what, option=orjson.OPT_NON_STR_KEYS) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    with seldom_collected():  # what stops this process would be taken for the server's
        uvloop.run(main(), loop_factory=BreakableLoop)
