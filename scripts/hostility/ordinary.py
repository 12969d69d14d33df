"""A process of two ordinary clients that talk in a room, and of somebody who asks for /health/live.

It reads an assignment, connects, says `ready`, and talks on; from `measure` to `stop` it counts what comes of it. Each
thing is begun when it is due, however long those before it take, and is timed from then.
"""

import asyncio
import secrets
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

import aiohttp
import orjson
import uvloop
from msgspec import Struct

from app.runtime.garbage_collection import seldom_collected
from scripts.hostility.attack import ORDINARY, SERVER, Account, bearer, http
from scripts.hostility.children import assigned, line_of, say
from scripts.loadtest.histogram import Histogram
from scripts.loadtest.member import FAILURES, Member, kind_of, now

SEND_EVERY = 0.05  # seconds, of each of the two
PROBE_EVERY = 0.05
WITNESS_EVERY = 1.0
GRACE = 20.0  # seconds that what is under way at the end may still take
LOOK_EVERY = 0.05
OK = b"HTTP/1.1 200 "
PROBE = b"GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n"


class Assignment(Struct, frozen=True):
    """Where the instance is and who talks, all of them members of the same room."""

    port: int
    accounts: list[Account]

    @property
    def url(self) -> str:
        """Where the instance is."""
        return f"http://{SERVER}:{self.port}"


class Figures:
    """What was counted since the last `measure`."""

    def __init__(self) -> None:
        self.latencies: defaultdict[str, Histogram] = defaultdict(Histogram)
        self.counts: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()

    def summary(self) -> dict[str, Any]:
        """For a line of JSON."""
        latencies = {name: dict(found.buckets) for name, found in self.latencies.items()}
        return {"latencies": latencies, "counts": self.counts, "failures": self.failures}


class Ordinary:
    """The clients and the probe. Each client sends every `send_every` seconds."""

    def __init__(self, assignment: Assignment, send_every: float = SEND_EVERY) -> None:
        self._assignment = assignment
        self._send_every = send_every
        self._figures = Figures()
        self._name = secrets.token_hex(4)  # of this run, whose messages are no other's
        self._keys = count()
        self._under_way: set[asyncio.Task[None]] = set()
        self._members = [self._member(place, account) for place, account in enumerate(assignment.accounts)]
        self._last: dict[int, int] = {}  # by member: the number of the last message that was acknowledged
        self._running: list[asyncio.Task[None]] = []
        self._witness = ""

    def _member(self, place: int, account: Account) -> Member:
        return Member(
            self._assignment.url,
            account.token,
            account.room,
            polling=False,
            headers={"x-forwarded-for": ORDINARY},
            heard=lambda text: self._heard(place, text),
            failed=self._failed,
        )

    async def start(self) -> None:
        """Connect, and begin."""
        for member in self._members:
            await member.connect()
        acts = [(self._send_every, self._sender(place)) for place in range(len(self._members))]
        acts += [(PROBE_EVERY, self._probe), (WITNESS_EVERY, self._witnessed)]
        self._running = [asyncio.create_task(self._every(seconds, act)) for seconds, act in acts]

    def measure(self, witness: str) -> None:
        """Count from here on, and have a user do what `witness` names."""
        self._figures = Figures()
        self._witness = witness

    async def stop(self) -> dict[str, Any]:
        """Begin nothing more, wait for what is under way, and tell what came of it."""
        for task in self._running:
            task.cancel()
        await asyncio.wait(self._running)
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=GRACE)
        self._figures.counts["unfinished"] += len(self._under_way)
        last = max(self._last.values(), default=0)
        deadline = now() + GRACE
        while now() < deadline and any(member.view.applied < last for member in self._members):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_EVERY)
        for member in self._members:
            self._figures.counts["lost"] += member.view.lost(last)
            self._figures.counts["missed"] += member.view.missed
            self._figures.counts["doubled"] += member.view.doubled
            self._figures.counts["out_of_order"] += member.view.out_of_order
            self._figures.counts["away"] += member.disconnects
        for task in self._under_way:
            task.cancel()
        return self._figures.summary()

    async def close(self) -> None:
        """End the clients."""
        await asyncio.gather(*(member.close() for member in self._members), return_exceptions=True)

    # --- what they do ---

    async def _every(self, seconds: float, act: Callable[[float], Awaitable[None]]) -> None:
        due = now()
        while True:
            due += seconds
            await asyncio.sleep(max(0.0, due - now()))
            self._figures.latencies["lag"].add(max(0.0, now() - due))
            task = asyncio.create_task(self._timed(due, act))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _timed(self, due: float, act: Callable[[float], Awaitable[None]]) -> None:
        try:
            await act(due)
        except (*FAILURES, aiohttp.ClientError) as error:
            self._failed(kind_of(error))

    def _sender(self, place: int) -> Callable[[float], Awaitable[None]]:
        async def send(due: float) -> None:
            self._figures.counts["sent"] += 1
            text, key = f"{self._name} {place} {due:.6f}", f"{self._name}-{next(self._keys)}"
            number = await self._members[place].send(text, key)
            self._last[place] = max(self._last.get(place, 0), number)
            self._figures.latencies["ack"].add(now() - due)

        return send

    async def _probe(self, due: float) -> None:
        reader, writer = await asyncio.open_connection(
            SERVER, self._assignment.port, local_addr=(ORDINARY, 0)
        )
        try:
            writer.write(PROBE)
            answer = await reader.read()
        finally:
            writer.close()
        self._figures.counts["probes"] += 1
        if answer.startswith(OK):
            self._figures.latencies["health"].add(now() - due)
        else:
            self._failed(f"/health/live {answer[9:12].decode('latin-1')}")

    async def _witnessed(self, due: float) -> None:
        """What a user does in the witness of an attack, which counts how often that goes well."""
        account = self._assignment.accounts[0]
        if self._witness == "upload":
            form = aiohttp.FormData()
            form.add_field("file", b"small", filename="small.txt")
            await self._asked("/chat/files", 201, due, data=form)
        elif self._witness == "sign_in":
            identifier = {"scheme": "username", "value": account.username}
            credential = {"scheme": "basic", "value": account.password}
            await self._asked(
                "/auth/sign-in", 200, due, json={"identifier": identifier, "credential": credential}
            )

    async def _asked(self, path: str, wanted: int, due: float, **body: Any) -> None:
        figures = self._figures
        figures.counts["witnessed"] += 1
        headers = bearer(self._assignment.accounts[0])
        async with (
            http(self._assignment.url, ORDINARY, **headers) as session,
            session.post(path, **body) as answer,
        ):
            await answer.read()
        if answer.status == wanted:
            figures.latencies["witness"].add(now() - due)
        else:
            figures.failures[f"{path} {answer.status}"] += 1

    def _heard(self, place: int, text: str) -> None:
        name, _, rest = text.partition(" ")
        if name == self._name:
            sender, due = rest.split(" ")
            if int(sender) != place:
                self._figures.counts["delivered"] += 1
                self._figures.latencies["deliver"].add(now() - float(due))

    def _failed(self, kind: str) -> None:
        self._figures.failures[kind] += 1


async def main() -> None:
    """Play the ordinary clients over the standard streams."""
    reader, assignment = await assigned(Assignment)
    ordinary = Ordinary(assignment)
    await ordinary.start()
    say({"ready": True})
    command = orjson.loads(await line_of(reader))
    ordinary.measure(command["measure"])
    await line_of(reader)
    say(await ordinary.stop())
    await ordinary.close()


if __name__ == "__main__":
    with seldom_collected():
        uvloop.run(main())
