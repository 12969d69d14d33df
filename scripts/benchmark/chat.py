"""A whole chat: messages that are stored, acknowledged and delivered to rooms.

What serves - the chat's processes, PostgreSQL and Valkey, with their defaults and durable - has one core, the load the
other. Each candidate has a PostgreSQL of its own for the run, which is up only while it is measured; its accounts and
rooms are made over REST before its first measure.
"""

import asyncio
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import aiohttp
import asyncpg

from app.embedded import database_url
from app.embedded.postgres import running_postgres
from app.embedded.valkey import running_valkey
from scripts.benchmark.machine import LOOPBACK, Failed, Place, free_port, pinned
from scripts.benchmark.servers import Candidate, serving
from scripts.cluster import UNLIMITED
from scripts.loadtest.accounts import CannotPrepare, Kept, Rest, each

PASSABLE = 0o711  # PostgreSQL of root runs as another account, which must reach its folder
SETTINGS = {
    **UNLIMITED,  # all load is from one address
    "ENVIRONMENT": "production",
    "HOST": LOOPBACK,
    "PORT": "{port}",
    "DATABASE_URL": "{database}",
    "REDIS_URL": "{redis}",
}


@dataclass(frozen=True)
class ChatPlan:
    """How much is measured; times in seconds, rates in messages a second, 0 for as many as come through."""

    rooms: int = 10
    room_size: int = 20
    warm: float = 2.0
    measured: float = 8.0
    # By number of instances; what comes after the most rate would have its vacuum to pay.
    rates: tuple[tuple[int, tuple[int, ...]], ...] = ((1, (45, 0)), (2, (40,)))


@dataclass(frozen=True)
class Storage:
    """The PostgreSQL and the Valkey of a measure."""

    database: str
    redis: str
    postgres: int  # the process ids
    valkey: int


@dataclass
class Chats:
    """The chats of a run, in a folder that goes with it."""

    plan: ChatPlan
    place: Place
    folder: Path
    secret: str = field(default_factory=secrets.token_hex)
    members: dict[str, Path] = field(default_factory=dict)

    def measure(self, candidate: Candidate, load: Callable[..., str]) -> Iterator[str]:
        """What the load generator printed; `load` runs it."""
        assert candidate.chat is not None
        with self._storage(self.folder / candidate.name) as storage:
            if candidate.name not in self.members:
                self._prepare(candidate, storage, load)
            for count, rates in self.plan.rates:
                asyncio.run(tidy(storage.database))
                with self._instances(candidate, storage, self.place, count) as instances:
                    yield self._load(candidate, storage, instances, load, *rates)

    def _prepare(self, candidate: Candidate, storage: Storage, load: Callable[..., str]) -> None:
        """Make the accounts and the rooms, and some messages: in a new database PostgreSQL plans for tables that are
        empty, for about a minute."""
        anywhere = replace(self.place, server_core=None)
        with self._instances(candidate, storage, anywhere, 1) as instances:
            tokens, rooms = asyncio.run(prepare(instances[0][0], self.plan))
            file = self.folder / f"{candidate.name}.members"
            self.members[candidate.name] = write_members(file, tokens, rooms, self.plan.room_size)
            self._load(candidate, storage, instances, load, 0)

    def _load(
        self,
        candidate: Candidate,
        storage: Storage,
        instances: list[tuple[int, int]],
        load: Callable[..., str],
        *rates: int,
    ) -> str:
        ports, pids = (",".join(map(str, column)) for column in zip(*instances, strict=True))
        where = ports, pids, storage.postgres, storage.valkey, self.members[candidate.name]
        return load("chat", *where, self.plan.room_size, self.plan.warm, self.plan.measured, *rates)

    @contextmanager
    def _storage(self, folder: Path) -> Iterator[Storage]:
        folder.mkdir(mode=PASSABLE, exist_ok=True)
        port = free_port()
        with ExitStack() as stack:
            with pinned(self.place.server_core):
                sockets = stack.enter_context(running_postgres(folder / "postgres"))
                settings = ["--port", str(port), "--bind", LOOPBACK]
                valkey = stack.enter_context(running_valkey(folder / "valkey", folder / "valkey", settings))
            first = (folder / "postgres/data/postmaster.pid").read_text().split("\n", 1)[0]
            yield Storage(database_url(sockets), f"redis://{LOOPBACK}:{port}/0", int(first), valkey.pid)

    @contextmanager
    def _instances(
        self, candidate: Candidate, storage: Storage, place: Place, count: int
    ) -> Iterator[list[tuple[int, int]]]:
        assert candidate.chat is not None
        with ExitStack() as stack:
            started = []
            for number in range(count):
                folder = self.folder / candidate.name / f"instance-{number + 1}"
                environment = {
                    **SETTINGS,
                    "DATA_DIR": str(folder),
                    "FILE_STORAGE": str(self.folder / candidate.name / "files"),
                    "JWT_SECRET": self.secret,
                }
                # One instance of Node's hears of nobody else, so it goes without; Parley's is made for others to come.
                alone = count == 1 and candidate.chat[0] == "{node}"
                server = serving(
                    candidate, candidate.chat, place, environment,
                    database=storage.database, redis="" if alone else storage.redis,
                )  # fmt: skip
                started.append(stack.enter_context(server))
            yield started


@contextmanager
def chats(plan: ChatPlan, place: Place) -> Iterator[Chats]:
    """The chats of a run; what they stored goes with it."""
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as name:
        folder = Path(name)
        folder.chmod(PASSABLE)
        yield Chats(plan, place, folder)


async def prepare(port: int, plan: ChatPlan) -> tuple[list[str], list[str]]:
    """Make the accounts and the rooms; returns all tokens, and the ids of the rooms. Raises Failed."""
    url = f"http://{LOOPBACK}:{port}"
    kept = Kept(password=secrets.token_urlsafe(16))
    names = [f"bench-{number}" for number in range(plan.rooms * plan.room_size)]
    async with aiohttp.ClientSession(url) as session:
        rest = Rest(session, url)
        try:
            await each(names, lambda _, name: rest.enter(kept, name), "accounts", quiet)
            tokens = [kept.tokens[name] for name in names]
            for number, owner in enumerate(tokens[:: plan.room_size]):
                await rest.open(kept, number, owner, "bench")
        except CannotPrepare as error:
            raise Failed(f"the chat cannot be prepared: {error}") from error
    return tokens, kept.rooms


async def tidy(url: str) -> None:
    """Have PostgreSQL do now what it does by itself now and then, so that it does not while it is measured."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("vacuum analyze")
    finally:
        await connection.close()


def quiet(_what: str, _done: int, _all: int) -> None:
    """Tell nobody how far the preparation is."""


def write_members(file: Path, tokens: list[str], rooms: list[str], room_size: int) -> Path:
    """Write who is in which room, as the load generator reads it."""
    lines = [f"{token} {rooms[number // room_size]}\n" for number, token in enumerate(tokens)]
    file.touch(mode=0o600)  # tokens are secrets
    file.write_text("".join(lines))
    return file
