"""Two instances of the chat as processes, with a proxy on each way: to Redis, to PostgreSQL, and of the clients."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from app.db.migrations import migrate
from app.embedded import DATABASE, database_url
from scripts.cluster import UNLIMITED, Instance
from scripts.proxy import Proxy
from tests.support.chat.people import PASSWORD
from tests.support.chat.talking_members import Member, NodeMember, PythonMember
from tests.support.ports import find_free_port
from tests.support.postgres_servers import RestartablePostgres
from tests.support.redis_servers import RestartableValkey
from tests.support.waiting import PATIENCE

# Short, so that what is noticed by silence is noticed soon.
QUICK = {"PING_INTERVAL": "2000", "PING_TIMEOUT": "3000", "PRESENCE_LEASE": "3000", "PRESENCE_HOLD": "500"}

names = count(1)


@pytest.fixture(scope="session")
def postgres_server(servers_folder: Path) -> Iterator[RestartablePostgres]:
    server = RestartablePostgres(servers_folder / "faulty-postgres")
    server.start()
    asyncio.run(migrate(database_url(server.socket.parent)))
    yield server
    server.stop()


class Cluster:
    """The instances, and the ways: `redis` and `postgres` have one for each instance, `front` leads to all."""

    def __init__(
        self, valkey: RestartableValkey, postgres: RestartablePostgres, folder: Path, bus: str
    ) -> None:
        self.valkey = valkey
        self._bus = bus
        self.postgres_server = postgres
        self.redis = [Proxy([("127.0.0.1", valkey.port)]) for _ in range(2)]
        self.postgres = [Proxy([postgres.socket]) for _ in range(2)]
        self.instances: list[Instance] = []
        self.front = Proxy([])
        self._folder = folder

    async def start(self) -> None:
        for way in (*self.redis, *self.postgres):
            await way.start(find_free_port())
        for place, (redis, postgres) in enumerate(zip(self.redis, self.postgres, strict=True), 1):
            environment = {
                **os.environ,
                **UNLIMITED,
                **QUICK,
                "DATABASE_URL": f"postgresql://parley:@127.0.0.1:{postgres.port}/{DATABASE}",
                "REDIS_URL": f"redis://127.0.0.1:{redis.port}/0",
                "FILE_STORAGE": str(self._folder / "files"),
                "JWT_SECRET": "for-tests-only-" * 3,
                "BUS": self._bus,
            }
            port = find_free_port()
            self.instances.append(
                Instance(f"instance {place}", port, self._folder / f"instance-{place}", environment)
            )
        self.front.targets = [instance.address for instance in self.instances]
        await self.front.start(find_free_port())
        for instance in self.instances:
            instance.start()
        for instance in self.instances:
            await instance.ready()

    async def stop(self) -> None:
        await self.front.stop()
        await asyncio.gather(*(instance.stop() for instance in self.instances))
        for way in (*self.redis, *self.postgres):
            await way.stop()

    async def ask(self, statement: str) -> Any:
        """The first value of a statement, asked past the proxies."""
        connection = await asyncpg.connect(database_url(self.postgres_server.socket.parent))
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    # --- health ---

    async def tells(self, page: str, status: int | None, *places: int) -> None:
        """Wait until a health page of the instances (all, unless some are named) answers with a status."""
        async with asyncio.timeout(PATIENCE):
            for place in places or range(2):
                while await self.instances[place].health(page) != status:  # noqa: ASYNC110 - asked from outside
                    await asyncio.sleep(0.1)

    async def checks(self, place: int) -> dict[str, str]:
        """What an instance says of its readiness."""
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as http:
            answer = await http.get(f"{self.instances[place].url}/health/ready")
        found: dict[str, str] = answer.json()["checks"]
        assert answer.status_code == (200 if set(found.values()) == {"ok"} else 503)
        return found

    async def lags(self, place: int, *, behind: bool) -> None:
        """Wait until an instance says that it is more than a second behind the stream, or that it is not."""
        async with (
            asyncio.timeout(PATIENCE),
            httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as http,
        ):
            while True:
                answer = await http.get(f"{self.instances[place].url}/metrics")
                (lag,) = re.findall(r"^parley_stream_lag_seconds (\S+)$", answer.text, re.MULTILINE)
                if (float(lag) > 1) is behind:
                    return
                await asyncio.sleep(0.1)

    async def is_whole(self) -> bool:
        """Whether it is as it was at its start."""
        states = [await instance.health("ready") for instance in self.instances]
        return states == [200, 200] and not any(
            "Traceback" in instance.log.read_text() for instance in self.instances
        )

    def assert_alive(self) -> None:
        """None has crashed, and nothing happened that is not foreseen."""
        for instance in self.instances:
            assert instance.process.poll() is None, instance.ending()
            assert "Traceback" not in instance.log.read_text()


class Talk:
    """Members of one room, who talk until they are told to stop. `http` speaks for the first of them."""

    def __init__(self, http: httpx.AsyncClient, stack: AsyncExitStack) -> None:
        self.members: list[Member] = []
        self.http = http
        self.room_id = ""
        self._stack = stack

    async def let_in(self, url: str, kind: type[Member]) -> Member:
        """Sign somebody up, who joins the room and begins to talk."""
        session = await sign_up(self.http)
        headers = {"authorization": f"Bearer {session['token']}"}
        if not self.members:
            self.http.headers.update(headers)
            room = (await self.http.post("/chat/rooms", json={"name": "a room"})).raise_for_status()
            self.room_id = room.json()["id"]
        else:
            await self.http.post(f"/chat/rooms/{self.room_id}/join", headers=headers)
        member = kind(url, session, self.room_id)
        await member.start()
        self._stack.push_async_callback(member.stop)
        self.members.append(member)
        return member

    async def goes_on(self, *, times: int = 5) -> None:
        """Wait until everybody has said some more."""
        before = [len(member.acked) for member in self.members]
        async with asyncio.timeout(PATIENCE):
            for member, had in zip(self.members, before, strict=True):
                while len(member.acked) < had + times:
                    member.assert_well()
                    await asyncio.sleep(0.05)

    async def ends(self) -> None:
        """Everybody falls silent and has seen each message that was acknowledged once, in the log's order."""
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(member.fall_silent() for member in self.members))
        log = await self._log()
        said = [content for _, content in log]
        assert [number for number, _ in log] == sorted({number for number, _ in log})
        assert len(set(said)) == len(said)
        assert set(said) <= {content for member in self.members for content in member.tried}
        acked = {content: number for member in self.members for content, number in member.acked.items()}
        assert acked.items() <= {content: number for number, content in log}.items()
        for member in self.members:
            async with asyncio.timeout(PATIENCE):
                while (seen := await member.seen()) != log:
                    assert len(seen) <= len(log), (member.name, seen, log)
                    await asyncio.sleep(0.1)
            assert member.refusals <= {"unavailable"}, member.refusals

    async def everybody_is_online(self) -> None:
        await self.presence_is({member.user_id: "online" for member in self.members})

    async def presence_is(self, expected: dict[str, str]) -> None:
        """Wait until an instance counts people as they are."""
        async with asyncio.timeout(PATIENCE):
            while True:
                answer = await self.http.get(f"/chat/rooms/{self.room_id}/members", params={"limit": 100})
                found = {row["userId"]: row["presence"]["status"] for row in answer.json()["members"]}
                if answer.status_code == 200 and expected.items() <= found.items():
                    return
                await asyncio.sleep(0.1)

    async def _log(self) -> list[tuple[int, str]]:
        """What stands in the database."""
        log, after, more = [], 0, True
        while more:
            answer = await self.http.get(f"/chat/rooms/{self.room_id}/changes", params={"after": after})
            page = answer.raise_for_status().json()
            messages = [change["message"] for change in page["changes"] if change["type"] == "message"]
            log += [(message["seq"], message["content"]) for message in messages]
            after, more = page["nextSeq"], page["hasMore"]
        return log


async def all_is_well_again(cluster: Cluster, talk: Talk) -> None:
    """The members go on, nothing they said is lost or there twice, and the instances count them as they are."""
    await talk.goes_on()
    await talk.ends()
    await talk.everybody_is_online()
    cluster.assert_alive()


class SharedCluster:
    """The cluster of the tests of a file: each leaves it as it found it, or the next one has a new one."""

    def __init__(self, postgres: RestartablePostgres, folder: Path, bus: str) -> None:
        self._postgres = postgres
        self._bus = bus
        self._folder = folder
        self._numbers = count(1)
        self._running: Cluster | None = None

    async def whole(self) -> Cluster:
        if self._running is not None and not await self._running.is_whole():
            await self.stop()
        if self._running is None:
            folder = self._folder / f"cluster-{next(self._numbers)}"
            valkey = RestartableValkey(folder / "valkey")
            folder.mkdir()
            valkey.start()
            self._running = Cluster(valkey, self._postgres, folder, self._bus)
            await self._running.start()
        return self._running

    async def stop(self) -> None:
        if self._running is not None:
            running, self._running = self._running, None
            await running.stop()
            running.valkey.stop()


@pytest.fixture(scope="module")
def bus(request: pytest.FixtureRequest) -> str:
    """The mode of the bus: one stream, unless a test is `by_interest` or in `both_modes`."""
    return str(getattr(request, "param", "one"))


by_interest = pytest.mark.parametrize("bus", ["interest"], indirect=True)
both_modes = pytest.mark.parametrize("bus", ["one", "interest"], indirect=True)


@pytest.fixture(scope="module")
async def shared_cluster(
    postgres_server: RestartablePostgres, servers_folder: Path, request: pytest.FixtureRequest, bus: str
) -> AsyncIterator[SharedCluster]:
    folder = servers_folder / f"{request.path.stem}-{bus}-{next(names)}"  # the modes of a file take turns
    folder.mkdir(mode=0o711)
    shared = SharedCluster(postgres_server, folder, bus)
    yield shared
    await shared.stop()


@pytest.fixture
async def cluster(shared_cluster: SharedCluster) -> Cluster:
    return await shared_cluster.whole()


@pytest.fixture
async def talk(cluster: Cluster) -> AsyncIterator[Talk]:
    """Four members, two at each instance, one of them with the official client."""
    async with AsyncExitStack() as stack:
        client = httpx.AsyncClient(base_url=cluster.instances[1].url, trust_env=False, timeout=PATIENCE)
        talk = Talk(await stack.enter_async_context(client), stack)
        for kind in (PythonMember, PythonMember, PythonMember, NodeMember):
            await talk.let_in(cluster.front.url, kind)
        await talk.goes_on(times=3)
        yield talk


async def sign_up(http: httpx.AsyncClient) -> dict[str, Any]:
    body = {"username": f"member-{os.getpid()}-{next(names)}", "credential": PASSWORD}
    session: dict[str, Any] = (await http.post("/auth/sign-up", json=body)).raise_for_status().json()
    return session
