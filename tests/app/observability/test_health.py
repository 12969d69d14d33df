"""Liveness, and readiness that follows PostgreSQL and Redis down and up again."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

import httpx
import pytest
import socketio.exceptions
from starlette.requests import Request

from app.api import socket_handlers
from app.db.database import Database
from app.observability import gauges
from app.observability import health as health_module
from protocol import AckTimeout, Client, Disconnected
from tests.support.chat.people import Device, Instance, People, Start, together
from tests.support.redis_servers import RedisServer
from tests.support.waiting import PATIENCE, until

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
    assert await ready(http, 200) == {"status": "ok", "checks": {"postgresql": "ok", "redis": "ok"}}
    assert (await http.get("/health/ready")).headers["cache-control"] == "no-store"


async def test_probes_at_once_share_one_round_of_checks() -> None:
    rounds = 0

    async def check() -> None:
        nonlocal rounds
        rounds += 1
        await asyncio.sleep(0)

    health, probe = health_module.Health({"redis": check}), Request({"type": "http"})
    answers = await asyncio.gather(*(health.ready(probe) for _ in range(20)))
    assert rounds == 1
    answers.append(await health.ready(probe))
    assert rounds == 2
    assert [answer.status_code for answer in answers] == [200] * 21


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
    outage: Outage, people: People, caplog: pytest.LogCaptureFixture
) -> None:
    ann = await people()
    room = await ann.room()
    device = await ann.device()
    payload = {"roomId": room, "content": "x", "clientId": "c"}
    await outage.begin()

    async def request_is_refused() -> bool:
        answer = await ann.http.get("/chat/rooms")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        return "refused as unavailable, " in caplog.text

    async def event_is_refused() -> bool:
        assert (await device.refused("message:send", payload))["reason"] == "unavailable"
        return "refused as unavailable, " in caplog.text

    for refused in (request_is_refused, event_is_refused):
        await until(refused)  # the log says why, once a second
        caplog.clear()
    await outage.end()
    assert (await device.ok("message:send", payload))["content"] == "x"


async def test_who_cannot_authenticate_in_an_outage_has_time_anew_and_comes_back_by_itself(
    outage: Outage,
    http: httpx.AsyncClient,
    instance: Instance,
    people: People,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Clients come back after a lost connection, and not after a DISCONNECT packet."""
    monkeypatch.setattr(socket_handlers, "AUTHENTICATE_WITHIN", 2.0)
    ann = await people()
    await outage.begin()
    patient = Device(instance.url, ann.token, "websocket")
    idle = Client(instance.url, path="/io/", auth={"token": ann.token}, reconnection_delay=50)
    ended: list[str] = []
    idle.on("disconnect")(ended.append)
    idle.on("unauthenticated")(lambda *_: ended.append("unauthenticated"))
    try:
        await patient.connect()
        before = patient.client.sid
        await idle.connect()
        assert (await idle.emit_with_ack("authenticate"))["error"]["reason"] == "unavailable"
        for _ in range(4):
            await asyncio.sleep(0.8)
            assert (await patient.refused("authenticate"))["reason"] == "unavailable"
        assert patient.client.sid == before  # it was longer here than it had at first
        calls = (partial(patient.client.call, timeout=2), partial(idle.emit_with_ack, timeout=2_000))
        # All the time: it does not come back once the server has lost patience with it.
        trying = asyncio.create_task(authenticated(calls[0]))
        await until(lambda: ended)
        await outage.end()
        await ready(http, 200)
        await trying
        await authenticated(calls[1])
        for call in calls:
            assert (await call("room:create", {"name": "a room"}))["data"]["name"] == "a room"
        assert set(ended) == {"transport close"}
        assert patient.received["unauthenticated"] == []
    finally:
        await patient.close()
        await idle.disconnect()


async def authenticated(call: Callable[..., Awaitable[Any]]) -> None:
    """Returns when a client that is there, or on its way back, has authenticated."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(socketio.exceptions.SocketIOError, AckTimeout, Disconnected):
                if (await call("authenticate"))["ok"]:
                    return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("failure", ["unreachable", "oom"])
async def test_while_redis_fails_events_are_answered_and_what_they_did_is_told_after_it(
    start: Start,
    people: People,
    redis_server: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
    failure: str,
) -> None:
    """Each of the events would take seconds, and the test longer than it may, if one waited for Redis."""
    monkeypatch.setattr(gauges, "EVERY", 0.1)
    valkey = redis_server()
    instance = await start(redis_url=valkey.url)
    ann, bob, eve = await people(), await people(), await people()
    room = await together(ann, bob)
    device, his = await ann.device(instance.url), await bob.device(instance.url)
    begin, end = (
        (valkey.kill, valkey.start)
        if failure == "unreachable"
        else (
            lambda: valkey.ask("CONFIG", "SET", "maxmemory", "1"),
            lambda: valkey.ask("CONFIG", "SET", "maxmemory", "0"),
        )
    )
    await asyncio.to_thread(begin)
    async with httpx.AsyncClient(base_url=instance.url, headers=ann.http.headers, timeout=20) as client:
        sent = []
        for number in range(40):
            await device.ok("typing:start", {"roomId": room})
            sent.append(await device.ok("message:send", {"roomId": room, "content": str(number)}))
        edited = await device.ok("message:edit", {"messageId": sent[0]["id"], "content": "edited"})
        joined = await client.post(f"/chat/rooms/{room}/join", headers=eve.http.headers)
        assert joined.status_code == 503  # to be tried again, for it can be: joining twice changes nothing
        assert (await client.post("/chat/rooms", json={"name": "x"})).status_code == 201
        assert await ready(client, 503) == {"status": "down", "checks": {"postgresql": "ok", "redis": "down"}}
        await told(client, f'parley_bus_failing{{reason="{failure}"}} 1.0')
        await told(client, "parley_announcements_waiting 4[0-9].0")
        await asyncio.to_thread(end)
        await ready(client, 200)
        await told(client, f'parley_bus_failing{{reason="{failure}"}} 0.0')
        await told(client, "parley_announcements_waiting 0.0")
        joined = await client.post(f"/chat/rooms/{room}/join", headers=eve.http.headers)
        assert joined.status_code == 200
    assert (await his.expect("room:user-joined"))["userId"] == eve.id
    assert his.received["message:new"] == sent
    assert his.received["message:edited"] == [edited]
    assert len(his.received["room:user-joined"]) == 1


async def told(client: httpx.AsyncClient, pattern: str) -> None:
    """Returns when a metric is as it is to be."""
    pattern = pattern.replace("{", r"\{").replace("}", r"\}")
    await until(lambda: matches(client, pattern))


async def matches(client: httpx.AsyncClient, pattern: str) -> bool:
    return re.search(f"^{pattern}$", (await client.get("/metrics")).text, re.MULTILINE) is not None


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
