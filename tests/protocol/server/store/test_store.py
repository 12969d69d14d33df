"""The contract of a store. Every store passes it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from protocol.errors import StoreUnavailable
from protocol.server.store.redis import RedisStore
from protocol.server.store.store import SWEEP_EVERY, MemoryStore, Store
from tests.support.redis_servers import RedisServer

LONG = 60_000  # ms


@pytest.fixture(params=["memory", "redis_url", "redis_sentinel_url", "redis_cluster_url"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    made: Store
    made = MemoryStore() if request.param == "memory" else RedisStore(request.getfixturevalue(request.param))
    yield made
    await made.close()


async def test_a_value_is_there_for_all_until_it_is_taken(store: Store) -> None:
    await store.put({"a": "€", "b": ""}, LONG)
    assert [await store.get(key) for key in ("a", "b", "c")] == ["€", "", None]
    assert [await store.take(key) for key in ("a", "b", "c")] == ["€", "", None]
    assert [await store.get(key) for key in ("a", "b")] == [None, None]


async def test_the_last_value_of_a_key_counts(store: Store) -> None:
    await store.put({"a": "1"}, LONG)
    await store.put({"a": "2"}, LONG)
    assert await store.get("a") == "2"


async def test_of_several_who_take_a_value_one_gets_it(store: Store) -> None:
    await store.put({"a": "1"}, LONG)
    taken = await asyncio.gather(*(store.take("a") for _ in range(20)))
    assert sorted(taken, key=str) == ["1", *[None] * 19]


async def test_only_what_is_known_is_renewed(store: Store) -> None:
    assert await store.put({"a": "1"}, LONG) == set()
    assert await store.put({"a": "2", "b": "2"}, LONG, only_known=True) == {"b"}
    assert [await store.get("a"), await store.get("b")] == ["2", None]


async def test_what_is_dropped_is_gone(store: Store) -> None:
    await store.put({"a": "1", "b": "2", "c": "3"}, LONG)
    await store.drop(["a", "c", "never was"])
    await store.drop([])
    assert [await store.get(key) for key in "abc"] == [None, "2", None]


async def test_a_value_ends_with_its_time(store: Store) -> None:
    await store.put({"a": "1"}, 1)
    await store.put({"b": "1"}, LONG)
    await asyncio.sleep(0.05)
    assert await store.get("a") is None
    assert await store.take("a") is None
    assert await store.get("b") == "1"
    await store.put({"a": "2"}, LONG, only_known=True)
    assert await store.get("a") is None


async def test_nothing_to_put_is_no_error(store: Store) -> None:
    assert await store.put({}, LONG) == set()


async def test_what_has_ended_does_not_fill_the_memory() -> None:
    store = MemoryStore()
    await store.put({str(number): "" for number in range(SWEEP_EVERY - 1)}, 1)
    await asyncio.sleep(0.05)
    await store.put({"last": ""}, LONG)
    assert len(store) == 1


async def test_a_redis_that_is_away_is_told(redis_server: RedisServer) -> None:
    valkey = redis_server()
    store = RedisStore(valkey.url)
    await store.put({"a": "1"}, LONG)
    valkey.stop()
    with pytest.raises(StoreUnavailable):
        await store.put({"a": "2"}, LONG)
    with pytest.raises(StoreUnavailable):
        await store.get("a")
    with pytest.raises(StoreUnavailable):
        await store.take("a")
    valkey.start()
    assert await store.get("a") == "1"
    await store.close()
