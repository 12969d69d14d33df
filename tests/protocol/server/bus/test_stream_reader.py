"""How far a reader of the stream says that it is behind."""

from typing import Any

import pytest
import redis

from protocol.server.bus.redis_bus import RedisBus
from protocol.server.bus.stream_reader import StreamReader
from protocol.server.redis.connection import RedisConnection
from tests.support.inbox import Inbox, event

STREAM = "socket.io"


@pytest.fixture
def client(redis_url: str) -> Any:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


async def test_a_reader_is_behind_by_the_time_between_two_entries(redis_url: str, client: Any) -> None:
    async def ask(*words: str) -> Any:
        return client.execute_command(*words)

    reader = StreamReader(RedisConnection(redis_url), STREAM)
    await reader.seek_end()
    assert await reader.lag(ask) == 0  # there is nothing yet
    client.xadd(STREAM, {"a": "b"}, id="1000-0")
    await reader.seek_end()
    assert await reader.lag(ask) == 0
    client.xadd(STREAM, {"a": "b"}, id="3500-7")
    assert await reader.lag(ask) == 2.5
    client.delete(STREAM)
    assert await reader.lag(ask) == 0
    await reader.close()


async def test_a_bus_that_keeps_up_is_not_behind(redis_url: str) -> None:
    bus, inbox = RedisBus(redis_url, stream_count=3), Inbox()
    await bus.start(inbox.deliver, inbox.gap)
    await bus.publish(event("one"))
    await inbox.wait_for(1)
    assert await bus.lag() == 0
    await bus.stop()
