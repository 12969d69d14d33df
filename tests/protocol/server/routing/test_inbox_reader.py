"""How far a reader of an inbox and the common stream says that it is behind, and what it finds in both."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from protocol.cluster.interest.routing_keys import RoutingKeys
from protocol.server.redis.connection import RedisConnection
from protocol.server.routing.inbox_reader import InboxReader

KEYS = RoutingKeys("s")
OWN, COMMON = KEYS.inbox("a"), KEYS.common


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


async def test_it_is_behind_the_stream_that_goes_on_further(redis_url: str, client: Any) -> None:
    async def ask(*words: str) -> Any:
        return client.execute_command(*words)

    reader = InboxReader(RedisConnection(redis_url), KEYS, "a", lambda _offset: None)
    client.xadd(OWN, {"a": "b"}, id="2000-0")
    client.xadd(COMMON, {"a": "b"}, id="1000-0")
    reader.begin_behind("2000-0", "1000-0")
    assert await reader.lag(ask) == 0
    client.xadd(OWN, {"a": "b"}, id="4000-0")
    assert await reader.lag(ask) == 2
    client.xadd(COMMON, {"a": "b"}, id="4500-0")
    assert await reader.lag(ask) == 2.5
    entries, intact = await reader._read()
    assert ([offset for offset, _ in entries], intact) == (["4000-0", "4500-0"], True)
    assert await reader.lag(ask) == 0
    await reader.close()


@pytest.mark.parametrize("gone", [OWN, COMMON])
async def test_a_stream_that_lost_its_end_is_a_gap_and_is_read_on(
    redis_url: str, client: Any, gone: str
) -> None:
    reader = InboxReader(RedisConnection(redis_url), KEYS, "a", lambda _offset: None)
    for stream in (OWN, COMMON):
        client.xadd(stream, {"a": "b"}, id="1000-0")
        client.xadd(stream, {"a": "b"}, id="2000-0")
    reader.begin_behind("2000-0", "2000-0")
    client.delete(gone)
    client.xadd(gone, {"a": "b"}, id="1000-0")
    reader.failure = TimeoutError()  # after which it does not wait
    assert await reader._read() == ([], False)
    client.xadd(gone, {"a": "b"}, id="1500-0")
    entries, intact = await reader._read()
    assert ([offset for offset, _ in entries], intact) == (["1500-0"], True)
    await reader.close()
