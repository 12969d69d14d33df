"""Liveness, and readiness that follows PostgreSQL and Redis down and up again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from app.db.database import Database
from app.observability import health as health_module
from tests.support.chat.people import Instance, People, Start

pytestmark = pytest.mark.over_websocket


async def ready(client: httpx.AsyncClient, status: int) -> Any:
    """The answer of /health/ready, once it has this status; the test's time limit bounds the asking."""
    while True:
        answer = await client.get("/health/ready")
        if answer.status_code == status:
            return answer.json()
        await asyncio.sleep(0.05)


async def test_live_and_ready(http: httpx.AsyncClient) -> None:
    live = await http.get("/health/live")
    assert (live.status_code, live.json()) == (200, {"status": "ok"})
    answer = await http.get("/health/ready")
    assert answer.json() == {"status": "ok", "checks": {"postgresql": "ok", "redis": "ok"}}
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")


async def test_readiness_follows_redis(start: Start, redis_server: Callable[[], Any]) -> None:
    valkey = redis_server()
    instance = await start(redis_url=valkey.url)
    async with httpx.AsyncClient(base_url=instance.url, timeout=20) as client:
        await ready(client, 200)
        await asyncio.to_thread(valkey.kill)
        assert await ready(client, 503) == {"status": "down", "checks": {"postgresql": "ok", "redis": "down"}}
        assert (await client.get("/health/live")).status_code == 200
        await asyncio.to_thread(valkey.start)
        await ready(client, 200)


class Outage:
    """PostgreSQL, as far as one database goes, down and up again."""

    def __init__(self, operator: Database, database_url: str) -> None:
        self._operator = operator
        self._name = database_url.partition("?")[0].rpartition("/")[2]

    async def begin(self) -> None:
        await self._allow(False)
        await self._operator.column(
            bool,
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = :name",
            name=self._name,
        )

    async def end(self) -> None:
        await self._allow(True)

    async def _allow(self, allowed: bool) -> None:
        await self._operator.value(f'alter database "{self._name}" with allow_connections {allowed}')


@pytest.fixture
async def outage(database_url: str, empty_database_url: str) -> AsyncIterator[Outage]:
    operator = Database(empty_database_url)
    await operator.connect()
    outage = Outage(operator, database_url)
    yield outage
    await outage.end()
    await operator.close()


async def test_readiness_follows_postgresql(outage: Outage, http: httpx.AsyncClient) -> None:
    await ready(http, 200)
    await outage.begin()
    assert await ready(http, 503) == {"status": "down", "checks": {"postgresql": "down", "redis": "ok"}}
    assert (await http.get("/health/live")).status_code == 200
    await outage.end()
    await ready(http, 200)


async def test_an_outage_is_503_for_requests_and_unavailable_for_events(
    outage: Outage, people: People
) -> None:
    ann = await people()
    room = await ann.room()
    device = await ann.device()
    await outage.begin()
    answer = await ann.http.get("/chat/rooms")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    payload = {"roomId": room, "content": "x", "clientId": "c"}
    assert (await device.refused("message:send", payload))["reason"] == "unavailable"
    await outage.end()
    assert (await device.ok("message:send", payload))["content"] == "x"


async def test_what_is_committed_is_answered_as_done_while_redis_is_away(
    start: Start, people: People, redis_server: Callable[[], Any]
) -> None:
    valkey = redis_server()
    instance = await start(redis_url=valkey.url)
    ann, bob = await people(), await people()
    room = await ann.room()
    device = await ann.device(instance.url)
    await asyncio.to_thread(valkey.kill)
    async with httpx.AsyncClient(base_url=instance.url, headers=ann.http.headers, timeout=20) as client:
        sent, created, joined = await asyncio.gather(
            device.ok("message:send", {"roomId": room, "content": "x"}),
            client.post("/chat/rooms", json={"name": "x"}),
            client.post(f"/chat/rooms/{room}/join", headers=bob.http.headers),
        )
        assert (sent["content"], created.status_code) == ("x", 201)
        assert joined.status_code == 503  # to be tried again, for it can be: joining twice changes nothing
        await asyncio.to_thread(valkey.start)
        await ready(client, 200)
        joined = await client.post(f"/chat/rooms/{room}/join", headers=bob.http.headers)
        assert (joined.status_code, joined.json()["lastSeq"]) == (200, 3)


async def test_an_instance_stops_in_order_during_an_outage(outage: Outage, start: Start) -> None:
    instance = await start()
    await outage.begin()
    await instance.stop()


async def test_the_answer_comes_in_bounded_time(
    instance: Instance, http: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(health_module, "ANSWER_WITHIN", 0.1)
    health = health_module.Health({"postgresql": db.ping, "stuck": never})
    answer = await health.ready(None)  # type: ignore[arg-type]
    assert (answer.status_code, answer.body) == (
        503,
        b'{"status":"down","checks":{"postgresql":"ok","stuck":"down"}}',
    )
