"""The servers of a run: PostgreSQL, Valkey, the instances, and proxies on every way between them and to them."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import psutil
from msgspec import Struct

from app.core.redis_scripts import PREFIX
from app.embedded import database_url
from app.embedded.postgres import DATABASE
from scripts.cluster import UNLIMITED, Instance
from scripts.hostility.instance import defaults
from scripts.proxy import Proxy
from scripts.soaking.clocks import clock_of
from scripts.soaking.haproxy import running_haproxy
from scripts.soaking.release import code_of
from tests.support.node_server import node_server
from tests.support.ports import find_free_port
from tests.support.postgres_servers import RestartablePostgres
from tests.support.redis_servers import Cluster, RestartableValkey, Watched, running_cluster, running_watched

MEMORY = Path("/dev/shm")  # noqa: S108 - the chat is tested, and not a disk
FRONTS = 3
MASTERS = 3  # of a Redis Cluster; each has a replica
NODE_TIMEOUT = 2_000  # ms
# Short, so that what is noticed by silence is noticed soon. In ms.
TIMES = {
    "PING_INTERVAL": "2000",
    "PING_TIMEOUT": "3000",
    "PRESENCE_LEASE": "3000",
    "PRESENCE_HOLD": "500",
    "RECOVERY": "30000",
}
# A commit outlives PostgreSQL's own end, if not that of the machine.
DURABLE = {"synchronous_commit": "on", "autovacuum": "on"}
SECRET = "for-the-soak-only-" * 3


class Shape(Struct, frozen=True):
    """How many instances there are, of how many processes, with the code of which folder (this one's) or of which
    revision of the repository, from which they are upgraded, and what else there is: HAProxy before them, Node's server
    on the same Redis, a sentinel with a second Redis, a Redis Cluster, clocks that jump. `bus` is the mode of the bus:
    one, or interest."""

    instances: int = 3
    workers: int = 0
    source: str = ""
    haproxy: bool = False
    mixed: bool = False
    sentinel: bool = False
    cluster: bool = False
    clocks: bool = False
    bus: str = "one"
    upgraded_from: str = ""


class Stack:
    """The servers. `redis` and `postgres` have a way for each instance; each of `fronts` leads clients to all."""

    def __init__(self, folder: Path, shape: Shape) -> None:
        self.folder = folder
        self.shape = shape
        self.valkey = RestartableValkey(folder / "valkey")
        self.watched: Watched | None = None
        self.cluster: Cluster | None = None
        self.source = shape.source
        self.clocks = [folder / f"clock-{place}" for place in range(shape.instances)] if shape.clocks else []
        self.postgres_server = RestartablePostgres(folder / "postgres", DURABLE)
        places = range(shape.instances)
        self.redis = [Proxy([("127.0.0.1", self.valkey.port)]) for _ in places]
        self.postgres = [Proxy([self.postgres_server.socket]) for _ in places]
        self.fronts = [Proxy([]) for _ in range(FRONTS)]
        self.instances: list[Instance] = []
        self._running = ExitStack()

    @property
    def database_url(self) -> str:
        """Of the database itself, past the proxies."""
        return database_url(self.postgres_server.socket.parent)

    @property
    def redis_port(self) -> int:
        """Of the Redis that takes the chat's writes now, past the proxies."""
        if self.cluster is not None:
            return self.cluster.owner_of(PREFIX).port
        return self.valkey.port if self.watched is None else self.watched.master_port()

    async def start(self) -> None:
        """Start all, the first instance before the others, since it makes the schema."""
        if self.shape.sentinel:
            self.watched = self._running.enter_context(
                # On a busy machine a master that is new has not always answered its first ping after half a second.
                running_watched(self.folder / "watched", replicas=1, down_after=5_000)
            )
        elif self.shape.cluster:
            nodes = running_cluster(self.folder / "cluster", replicas=MASTERS, node_timeout=NODE_TIMEOUT)
            self.cluster = self._running.enter_context(nodes)
        else:
            self.valkey.start()
            self._running.callback(self.valkey.stop)
        self.postgres_server.start()
        self._running.callback(self.postgres_server.stop)
        if self.shape.upgraded_from:
            self.source = str(code_of(self.shape.upgraded_from, self.folder / "release"))
        for way in (*self.redis, *self.postgres):
            await way.start(find_free_port())
        for place in range(self.shape.instances):
            name = f"instance-{place + 1}"
            environment = self._environment(place)
            self.instances.append(Instance(name, find_free_port(), self.folder / name, environment))
        self.instances[0].start()
        await self.instances[0].ready()
        for instance in self.instances[1:]:
            instance.start()
        await asyncio.gather(*(instance.ready() for instance in self.instances))
        addresses = [instance.address for instance in self.instances]
        if self.shape.haproxy:
            addresses = [self._running.enter_context(running_haproxy(self.folder, addresses))]
        for turn, front in enumerate(self.fronts):
            begin = turn % len(addresses)
            front.targets = addresses[begin:] + addresses[:begin]
            await front.start(find_free_port())

    async def stop(self) -> None:
        """End all."""
        for front in self.fronts:
            await front.stop()
        for instance in self.instances:
            instance.process.send_signal(signal.SIGCONT)
        await asyncio.gather(*(instance.stop() for instance in self.instances))
        for way in (*self.redis, *self.postgres):
            await way.stop()
        self._running.close()

    def processes_of(self, instance: Instance) -> list[psutil.Process]:
        """The processes of an instance that serve: itself, or its workers."""
        process = psutil.Process(instance.process.pid)
        return process.children() if self.shape.workers else [process]

    def _environment(self, place: int) -> dict[str, str]:
        return {
            **defaults(**UNLIMITED, **TIMES),
            **({"PYTHONPATH": self.source} if self.source else {}),
            **(clock_of(self.clocks[place]) if self.clocks else {}),
            "DATABASE_URL": f"postgresql://parley:@127.0.0.1:{self.postgres[place].port}/{DATABASE}",
            "REDIS_URL": self._redis_url(place),
            "FILE_STORAGE": str(self.folder / "files"),
            "JWT_SECRET": SECRET,
            "WORKERS": str(self.shape.workers),
            "LOG_LEVEL": "info",
            "BUS": self.shape.bus,
        }

    def _redis_url(self, place: int) -> str:
        """Past the proxies where there are several servers, which tell their addresses themselves."""
        if self.watched is not None:
            return self.watched.url
        if self.cluster is not None:
            return self.cluster.url
        return f"redis://127.0.0.1:{self.redis[place].port}/0"


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder for the data of a run, in memory where that is possible, which goes with the block."""
    parent = str(MEMORY) if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="parley-soak-", dir=parent))
    folder.chmod(0o711)  # root's PostgreSQL runs as another user
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def running_stack(folder: Path, shape: Shape) -> AsyncIterator[Stack]:
    """The servers for the length of the block. Raises CannotStart, EmbeddedError."""
    stack = Stack(folder, shape)
    async with AsyncExitStack() as leaving:
        leaving.push_async_callback(stack.stop)
        await stack.start()
        if shape.mixed:
            redis_url = f"redis://127.0.0.1:{stack.redis_port}/0"
            await leaving.enter_async_context(node_server(redis_url))
        yield stack
