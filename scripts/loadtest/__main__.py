"""scripts/load: prepares accounts, has processes of clients do what the plan says, and tells what came of it.

The exit status is 0, or 1 where a threshold was not kept or the load could not be run, or 2 for wrong arguments.
"""

import asyncio
import secrets
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import aiohttp
import msgspec
import orjson
import uvloop
from rich.console import Console

from scripts.loadtest.accounts import Accounts, CannotPrepare, Rest, prepare
from scripts.loadtest.display import Display, report
from scripts.loadtest.figures import Figures, Logs
from scripts.loadtest.member import now
from scripts.loadtest.plan import Plan, parse
from scripts.loadtest.worker import TICK, Assignment

FAILED = 1
INTERRUPTED = 130
AHEAD = 0.5  # seconds that the workers have to begin together
GOLDEN = 0.618033988749895  # spreads any share evenly over the clients, whatever else is every so many


class WorkerEnded(Exception):
    """A worker is gone. The text is one sentence."""


class NotConnected(Exception):
    """Clients cannot connect. The text is one sentence."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a load; the exit status."""
    plan = parse(arguments)
    console = Console(highlight=False)
    try:
        figures = uvloop.run(run(plan, Display(console)))
    except (CannotPrepare, WorkerEnded, NotConnected) as error:
        print(f"load: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    report(console, figures)
    if plan.json is not None:
        plan.json.write_bytes(orjson.dumps(figures.as_json(), option=orjson.OPT_INDENT_2) + b"\n")
    if plan.chart is not None:
        from scripts.loadtest.chart import draw  # matplotlib takes a second to load

        draw(figures, plan.chart)
    return FAILED if figures.failed() else 0


async def run(plan: Plan, display: Display) -> Figures:
    """The whole run. Raises CannotPrepare, WorkerEnded and NotConnected."""
    with display.shown():
        accounts = await prepare_all(plan, display)
        bases = await last_numbers(plan, accounts)
        figures = Figures(plan)
        name = secrets.token_hex(4)
        workers = [
            await Worker.start(number, share) for number, share in enumerate(shares(plan, accounts, name))
        ]
        try:
            await through(workers, figures, display)
            acked = [entry for worker in workers for entry in await worker.told("ran")]
            last, logs = await read_logs(plan, accounts, bases, name)
            for worker in workers:
                worker.ask(settle=last)
            figures.settle([await worker.told("settled") for worker in workers], acked, logs)
        finally:
            await asyncio.gather(*(worker.stop() for worker in workers))
    return figures


async def prepare_all(plan: Plan, display: Display) -> Accounts:
    try:
        return await prepare(plan, display.prepare)
    except ExceptionGroup as group:
        told, others = group.split(CannotPrepare)
        if told is None or others is not None:
            raise
        raise first_of(told) from None


def first_of(group: BaseExceptionGroup[Any]) -> Exception:
    error: Any = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    found: Exception = error
    return found


async def through(workers: "Sequence[Worker]", figures: Figures, display: Display) -> None:
    """Have all connect, then begin together; and show each second until they are through."""
    seconds = asyncio.create_task(show_seconds(workers, figures, display))
    try:
        if waiting := sum([await worker.told("waiting") for worker in workers]):
            kinds = ", ".join(f"{kind} {number:,}" for kind, number in figures.errors.most_common())
            raise NotConnected(f"{waiting:,} of {figures.plan.clients:,} clients cannot connect: {kinds}.")
        start = now() + AHEAD
        figures.begin_load(start)
        for worker in workers:
            worker.ask(run=start)
        for worker in workers:
            await worker.told("ran")
        figures.elapsed = figures.plan.duration
    finally:
        seconds.cancel()


async def show_seconds(workers: "Sequence[Worker]", figures: Figures, display: Display) -> None:
    due = now()
    for worker in workers:
        worker.figures = figures
    while True:
        figures.begin_second(now())
        due += TICK
        await asyncio.sleep(max(0.0, due - now()))
        display.second(figures)


def shares(plan: Plan, accounts: Accounts, name: str) -> list[Assignment]:
    """Each worker's share of the clients and of the rates."""
    workers = plan.processes
    clients = []
    for number in range(plan.clients):
        user = number % plan.users
        url = plan.urls[number % len(plan.urls)]
        polls = (number * GOLDEN) % 1 < plan.polling
        clients.append((url, accounts.tokens[user], accounts.rooms[user // plan.room_size], polls))
    rates = {"rate": plan.rate, "reads": plan.reads, "typing": plan.typing, "reconnects": plan.reconnects}
    return [
        Assignment(
            number=worker,
            name=name,
            clients=clients[worker::workers],
            duration=plan.duration,
            size=plan.size,
            grace=plan.grace,
            connect_rate=plan.connect_rate / workers,
            rates={what: rate / workers for what, rate in rates.items()},
            cut=plan.cut,
        )
        for worker in range(workers)
    ]


async def last_numbers(plan: Plan, accounts: Accounts) -> dict[str, int]:
    """The last number of each room's log."""
    async with aiohttp.ClientSession(plan.urls[0]) as session:
        rest = Rest(session, plan.urls[0])
        return {
            room: (await rest.asked("GET", f"/chat/rooms/{room}", accounts.tokens[place * plan.room_size]))[
                "lastSeq"
            ]
            for place, room in enumerate(accounts.rooms)
        }


async def read_logs(
    plan: Plan, accounts: Accounts, after: dict[str, int], name: str
) -> tuple[dict[str, int], Logs]:
    """The last number of each room's log, and where the messages of this run stand in it.

    It is read from the first URL that answers: a server may have ended meanwhile, and the log is that of all.
    """
    for url in plan.urls[:-1]:
        with suppress(CannotPrepare):
            return await read_logs_from(url, plan, accounts, after, name)
    return await read_logs_from(plan.urls[-1], plan, accounts, after, name)


async def read_logs_from(
    url: str, plan: Plan, accounts: Accounts, after: dict[str, int], name: str
) -> tuple[dict[str, int], Logs]:
    """The same from one URL. Raises CannotPrepare."""
    last, logs = dict(after), Logs()
    async with aiohttp.ClientSession(url) as session:
        rest = Rest(session, url)
        for place, room in enumerate(accounts.rooms):
            for change in await rest.log(room, accounts.tokens[place * plan.room_size], after[room]):
                thing = change[change["type"]]
                last[room] = max(last[room], thing["changeSeq"])
                if change["type"] == "message" and thing["content"].startswith(f"{name}-"):
                    logs.setdefault((room, thing["content"].split(" ")[0]), []).append(thing["changeSeq"])
    return last, logs


class Worker:
    """One process of clients, and what it told."""

    def __init__(self, number: int, process: asyncio.subprocess.Process) -> None:
        self.figures: Figures | None = None
        self._number = number
        self._process = process
        self._told: dict[str, asyncio.Future[Any]] = {}
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, number: int, assignment: Assignment) -> "Worker":
        """Start it with its share."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "scripts.loadtest.worker"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            limit=2**28,
        )
        worker = cls(number, process)
        worker._write(msgspec.json.encode(assignment))
        return worker

    def ask(self, **what: Any) -> None:
        """Send a command."""
        self._write(orjson.dumps(what))

    async def told(self, what: str) -> Any:
        """What it says under a name. Raises WorkerEnded."""
        return await asyncio.shield(self._future(what))

    async def stop(self) -> None:
        """End it."""
        with suppress(ProcessLookupError):
            self._process.terminate()
        await self._process.wait()
        self._reading.cancel()

    def _future(self, what: str) -> "asyncio.Future[Any]":
        if what not in self._told:
            self._told[what] = asyncio.get_running_loop().create_future()
            if self._reading.done():
                self._told[what].set_exception(self._gone())
        return self._told[what]

    def _gone(self) -> WorkerEnded:
        return WorkerEnded(f"worker {self._number} has ended with status {self._process.returncode}.")

    def _write(self, line: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + b"\n")

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            for what, value in orjson.loads(line).items():
                if what != "tick":
                    self._future(what).set_result(value)
                elif self.figures is not None:
                    self.figures.add(self._number, value)
        await self._process.wait()
        for future in self._told.values():
            if not future.done():
                future.set_exception(self._gone())


if __name__ == "__main__":
    sys.exit(main())
