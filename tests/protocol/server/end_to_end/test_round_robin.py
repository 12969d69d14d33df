"""The official client behind a load balancer without memory: each request comes to another of three instances."""

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, TypeAlias

import pytest

from protocol import MSGPACK, InterestBus, RedisBus, RedisStore
from tests.support.engine_clients import Recorder
from tests.support.forwarding_cluster import forwarding, round_robin
from tests.support.official_client import VALUES, final, make_io, script
from tests.support.running import Serve

Scenario: TypeAlias = Callable[[str], Awaitable[list[Any]]]


@pytest.fixture(
    params=[("polling", RedisBus), ("polling,websocket", RedisBus), ("polling,websocket", InterestBus)],
    ids=["polling", "websocket", "websocket by interest"],
)
def way(request: pytest.FixtureRequest) -> Any:
    """The transports, and the mode of the bus."""
    return request.param


@pytest.fixture
def transports(way: tuple[str, type[RedisBus | InterestBus]]) -> str:
    return way[0]


@pytest.fixture
def play(
    serve: Serve,
    seen: Recorder,
    redis_url: str,
    way: tuple[str, type[RedisBus | InterestBus]],
) -> Callable[..., Awaitable[list[Any]]]:
    """What the client says in a scenario."""
    transports, kind = way

    async def play(name: str, **options: Any) -> list[Any]:
        urls = []
        for _ in range(3):
            bus, store = kind(redis_url), RedisStore(redis_url)
            urls.append(
                (await serve(make_io(seen, bus=bus, store=store, forwarding=forwarding(), **options))).origin
            )
        async with round_robin(*urls) as url, script(name, SimpleNamespace(origin=url), transports) as client:
            return await client.lines()

    return play


Play: TypeAlias = Callable[..., Awaitable[list[Any]]]


async def test_events(play: Play, transports: str) -> None:
    """Text, binary and acks in both directions, and acks that do not come."""
    assert await play("events") == [
        ["echo", *VALUES],
        ["echoed", *VALUES],
        ["transport", final(transports)],
        ["echo", *VALUES],
        ["no values"],
        ["asked", {"hex": "07"}],
        ["asked", "text"],
        ["no ack", "operation has timed out"],
        ["server", "operation has timed out"],
        ["news", 100_000],
    ]


async def test_order(play: Play) -> None:
    """300 events with binary, from before the connection is there to after the upgrade."""
    assert await play("order") == [["in order", True]]


async def test_reasons(play: Play) -> None:
    """Whoever ends it, the other hears why."""
    assert await play("reasons", ping_interval=50) == [
        ["client", "io client disconnect", False],
        ["server", "io server disconnect", False],
        ["other", True, "/custom"],
        ["server, all", "io server disconnect", "io server disconnect"],
        ["alive", "/"],
    ]


async def test_msgpack(play: Play, transports: str) -> None:
    values = [*VALUES, {"date": 1234567890123}, None]
    assert await play("msgpack", parser=MSGPACK) == [
        ["transport", final(transports)],
        ["echo", *values],
        ["echoed", *values],
        ["asked", {"hex": "07"}],
        ["refused", "no entry", {"code": 7}],
    ]
