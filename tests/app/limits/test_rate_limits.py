"""Limits: the arithmetic against a simple exact model, Redis' against ours, and what holds on several instances."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from fractions import Fraction
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from app.config.settings import Settings
from app.core.errors import Refusal
from app.core.redis_scripts import SoftState
from app.limits import rate_limits as limits_module
from app.limits.configured_buckets import buckets_of
from app.limits.rate_limits import LimitKind, Limits, name_key
from app.limits.token_bucket import SECOND, Bucket, LocalBuckets, Taken, take
from protocol import network_of
from tests.support.redis_servers import RedisServer
from tests.support.tries import tries

HOUR = 3600
FAST = Bucket(SECOND // 100, 200)  # which instances take up to 20 tokens of at a time
MANY = 10_000  # tries after which a bucket that refuses nobody is broken

numbers = count(1)

# Arithmetic

T = 10  # interval of the bucket in the table
FULL, EMPTY = 1_000, 1_050  # full_at of a bucket of 5, at the time 1,000
TABLE = {
    "one of a full bucket": (FULL, 1, 1, 0, Taken(1_010, 1, 0)),
    "one of a bucket that was full long ago": (3, 1, 1, 0, Taken(1_010, 1, 0)),
    "all of a full bucket": (FULL, 1, 5, 0, Taken(EMPTY, 5, 0)),
    "more than it holds": (FULL, 1, 9, 0, Taken(EMPTY, 5, 0)),
    "some of what is wanted": (1_030, 1, 4, 0, Taken(EMPTY, 2, 0)),
    "a half token is none": (1_045, 1, 1, 0, Taken(1_045, 0, 5)),
    "none of an empty one": (EMPTY, 1, 1, 0, Taken(EMPTY, 0, 10)),
    "too few are none at all": (1_030, 3, 4, 0, Taken(1_030, 0, 10)),
    "the whole burst of a bucket in use": (1_001, 5, 5, 0, Taken(1_001, 0, 1)),
    "back into an empty one": (EMPTY, 0, 0, 2, Taken(1_030, 0, 0)),
    "back into a full one": (FULL, 0, 0, 2, Taken(FULL, 0, 0)),
    "back and out again": (EMPTY, 2, 2, 2, Taken(EMPTY, 2, 0)),
    "after the clock was set back": (9_999_999, 1, 1, 0, Taken(EMPTY, 0, 10)),
}


@pytest.mark.parametrize(
    ("full_at", "need", "want", "returned", "expected"), TABLE.values(), ids=TABLE.keys()
)
def test_take(full_at: int, need: int, want: int, returned: int, expected: Taken) -> None:
    assert take(Bucket(T, 5), full_at, 1_000, need=need, want=want, returned=returned) == expected


@pytest.mark.parametrize(
    ("seconds", "tokens", "burst", "bucket"),
    [
        (1, 50, 200, Bucket(20_000, 200)),
        (60, 30, None, Bucket(2_000_000, 30)),
        (1, 3, 1, Bucket(333_334, 1)),  # never faster than was said
        (1, 1_000_000, 1, Bucket(1, 1)),
    ],
)
def test_rates(seconds: int, tokens: int, burst: int | None, bucket: Bucket) -> None:
    assert Bucket.per(seconds, tokens, burst) == bucket


class Model:
    """A bucket as one would draw it: a level that rises with time, in exact fractions of tokens."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self.level = Fraction(bucket.burst)
        self.time = 0

    def take(self, now: int, need: int, want: int, returned: int) -> tuple[int, int]:
        self.level += Fraction(now - self.time, self.bucket.interval) + returned
        self.level = min(self.level, Fraction(self.bucket.burst))
        self.time = now
        if self.level < need:
            wait = (need - self.level) * self.bucket.interval
            assert wait.denominator == 1
            return 0, int(wait)
        granted = min(want, int(self.level))
        self.level -= granted
        return granted, 0


buckets = st.builds(Bucket, st.integers(1, 50), st.integers(1, 20))


@st.composite
def histories(draw: st.DrawFn) -> tuple[Bucket, list[tuple[int, int, int, int]]]:
    """A bucket, and what is asked of it: after so many µs, need, want, returned."""
    bucket = draw(buckets)
    need = st.integers(0, bucket.burst)
    steps = st.tuples(st.integers(0, 300), need, st.integers(0, 30), st.integers(0, 5) | st.just(0))
    return bucket, [(gap, n, max(n, w), r) for gap, n, w, r in draw(st.lists(steps, max_size=40))]


@given(histories())
def test_take_is_the_model(history: tuple[Bucket, list[tuple[int, int, int, int]]]) -> None:
    bucket, steps = history
    model, full_at, now = Model(bucket), 0, 0
    for gap, need, want, returned in steps:
        now += gap
        full_at, granted, wait = take(bucket, full_at, now, need=need, want=want, returned=returned)
        assert (granted, wait) == model.take(now, need, want, returned)
        assert (take(bucket, full_at, now + wait, need=need, want=need).granted == need) or not wait


def test_local_buckets_forget_what_was_idle_longest() -> None:
    local = LocalBuckets(2)
    bucket = Bucket(T, 1)
    for key in ("a", "b", "a", "c"):
        local.take(key, bucket, 1_000, need=1, want=1)
    assert len(local) == 2
    granted = {key: local.take(key, bucket, 1_000, need=1, want=1).granted for key in ("a", "c", "b")}
    assert granted == {"a": 0, "c": 0, "b": 1}


def test_local_buckets_keep_nothing_of_a_full_bucket() -> None:
    local = LocalBuckets(2)
    local.take("a", Bucket(T, 1), 1_000, need=1, want=1)
    local.take("a", Bucket(T, 1), 2_000, need=0, want=0)
    assert len(local) == 0


# Redis


@pytest.fixture
async def soft_state(redis_url: str) -> AsyncIterator[SoftState]:
    soft_state = SoftState(redis_url)
    yield soft_state
    await soft_state.close()


@examples(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=tries(50),
    deadline=None,
)
@given(history=histories(), slow=st.sampled_from([1, 1_000, 1_000_000]))
async def test_redis_computes_the_same(soft_state: SoftState, history: Any, slow: int) -> None:
    """The script says what time it was; told that, `take` must come to the same."""
    script = soft_state.script(limits_module.TAKE)
    bucket, steps = history
    bucket = Bucket(bucket.interval * slow, bucket.burst)
    key, full_at = str(next(numbers)), 0
    for _, need, want, returned in steps:
        now, granted, wait = await script([key], bucket.interval, bucket.burst, need, want, returned)
        expected = take(bucket, full_at, now, need=need, want=want, returned=returned)
        assert (granted, wait) == (expected.granted, expected.wait)
        full_at = expected.full_at


async def test_redis_keeps_a_bucket_until_it_is_full(soft_state: SoftState) -> None:
    script = soft_state.script(limits_module.TAKE)
    left = soft_state.script("return {redis.call('EXISTS', KEYS[1]), redis.call('PTTL', KEYS[1])}")
    await script(["a"], HOUR * SECOND, 2, 1, 1, 0)
    there, expires_in = await left(["a"])
    assert there == 1
    assert 0 < expires_in <= HOUR * 1000
    await script(["a"], HOUR * SECOND, 2, 0, 0, 1)
    assert await left(["a"]) == [0, -2]


async def test_redis_takes_of_many_keys_in_one_call(soft_state: SoftState) -> None:
    script = soft_state.script(limits_module.TAKE)
    ask = (HOUR * SECOND, 3, 2, 2, 0)
    _now, *answers = await script(["a", "b", "a"], *ask, *ask, *ask)
    assert answers[:5] == [2, 0, 2, 0, 0]
    assert answers[5] == HOUR * SECOND  # no time passes within a script


# Instances

MakeLimits = Callable[..., Limits]


@pytest.fixture
async def make(redis_url: str) -> AsyncIterator[MakeLimits]:
    """Makes the limits of instances that share a Redis."""
    async with AsyncExitStack() as stack:

        def make(
            bucket: Bucket, *, kind: LimitKind = "event", url: str = redis_url, **options: Any
        ) -> Limits:
            soft_state = SoftState(url)
            limits = Limits(soft_state, {kind: bucket}, **options)
            stack.push_async_callback(soft_state.close)
            stack.push_async_callback(limits.close)
            return limits

        yield make


async def spend(limits: Limits, key: str = "ann", **options: Any) -> tuple[int, Refusal]:
    """Takes tokens until they are refused; how many there were, and the refusal."""
    for spent in range(MANY):
        try:
            await limits.take("event", key, **options)
        except Refusal as refusal:
            return spent, refusal
    raise AssertionError("nothing was refused")


async def test_a_burst_and_no_more(make: MakeLimits) -> None:
    limits = make(Bucket(HOUR * SECOND, 200))
    spent, refusal = await spend(limits)
    assert spent == 200
    assert refusal.reason == "rate_limited"
    assert refusal.retry_after is not None
    assert 0 < refusal.retry_after <= HOUR * 1000
    assert (await spend(limits, "bob"))[0] == 200  # one key is not the other's


async def test_instances_share_a_bucket(make: MakeLimits) -> None:
    one, other = make(Bucket(HOUR * SECOND, 200)), make(Bucket(HOUR * SECOND, 200))
    for _ in range(50):
        await one.take("event", "ann")
        await other.take("event", "ann")
    spent = [await spend(limits) for limits in (one, other)]
    assert 100 + sum(tokens for tokens, _ in spent) == 200


async def test_at_the_same_time_on_all_instances(make: MakeLimits) -> None:
    instances = [make(Bucket(HOUR * SECOND, 100)) for _ in range(3)]
    spent = await asyncio.gather(*(spend(limits) for limits in instances for _ in range(5)))
    assert sum(tokens for tokens, _ in spent) == 100


async def test_after_the_time_that_was_said_it_goes(make: MakeLimits) -> None:
    limits = make(Bucket(SECOND // 5, 2))
    for _ in range(2):
        _count, refusal = await spend(limits)
        assert refusal.retry_after is not None
        await asyncio.sleep(refusal.retry_after / 1000)
        await limits.take("event", "ann")


async def test_a_refusal_is_believed_for_a_second_without_another_question(make: MakeLimits) -> None:
    clock = [0]
    limits = make(Bucket(HOUR * SECOND, 1), now=lambda: clock[0])
    other = make(Bucket(HOUR * SECOND, 1))
    _count, refusal = await spend(limits)
    other.give_back("event", "ann", 1)
    await other.take("event", "somebody else")  # answered after what was given back has arrived
    clock[0] = SECOND - 1
    with pytest.raises(Refusal) as again:
        await limits.take("event", "ann")
    assert refusal.retry_after is not None
    assert again.value.retry_after in (refusal.retry_after - 999, refusal.retry_after - 1_000)
    clock[0] = SECOND
    await limits.take("event", "ann")


async def test_what_instances_keep_comes_out_of_one_bucket(make: MakeLimits) -> None:
    started = time.monotonic()
    instances = [make(FAST, now=lambda: 0) for _ in range(3)]  # what they have taken, they keep
    spent = await asyncio.gather(*(spend(limits) for limits in instances))
    refilled = (time.monotonic() - started) * 100 + 1
    assert 200 <= sum(tokens for tokens, _ in spent) <= 200 + refilled


async def test_tokens_are_lost_after_a_second(make: MakeLimits) -> None:
    clock = [0]
    limits = make(FAST, now=lambda: clock[0])
    for _ in range(4):
        await limits.take("event", "ann")  # took 1, 2 and 4 of the bucket
    kept = limits._allowances["event", "ann"]
    assert (kept.tokens, kept.size) == (3, 4)
    clock[0] = SECOND
    await limits.take("event", "ann")
    fresh = limits._allowances["event", "ann"]
    assert (fresh.tokens, fresh.size) == (0, 1)


@examples(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=tries(30),
    deadline=None,
)
@given(gaps=st.lists(st.sampled_from([0, 0, 0, 1, SECOND // 2, SECOND, 2 * SECOND]), min_size=1, max_size=60))
async def test_nobody_is_charged_more_than_twice_what_they_do(make: MakeLimits, gaps: list[int]) -> None:
    clock = [0]
    limits = make(Bucket(SECOND // 1000, 1_000_000), now=lambda: clock[0])
    charged, seen = 0, None
    for used, gap in enumerate(gaps, 1):
        clock[0] += gap
        await limits.take("event", "ann")
        allowance = limits._allowances["event", "ann"]
        charged += allowance.size if allowance is not seen else 0
        seen = allowance
        assert charged < 2 * used


async def test_more_than_the_burst_counts_as_the_burst(make: MakeLimits) -> None:
    limits = make(Bucket(HOUR * SECOND, 5))
    await limits.take("event", "ann", 9)
    assert (await spend(limits))[0] == 0


async def test_a_refusal_of_many_is_none_of_one(make: MakeLimits) -> None:
    limits = make(Bucket(HOUR * SECOND, 5))
    await limits.take("event", "ann", 3)
    assert (await spend(limits, tokens=3))[0] == 0
    assert (await spend(limits))[0] == 2


async def test_what_is_given_back_can_be_taken_again(make: MakeLimits) -> None:
    one, other = make(Bucket(HOUR * SECOND, 5)), make(Bucket(HOUR * SECOND, 5))
    await spend(one)
    one.give_back("event", "ann", 2)
    assert (await spend(one))[0] == 2
    assert (await spend(other))[0] == 0


async def test_a_kind_without_a_bucket_is_not_limited(make: MakeLimits) -> None:
    limits = make(Bucket(HOUR * SECOND, 1))
    for _ in range(3):
        await limits.take("upload", "ann")
        limits.give_back("upload", "ann", 1)
    settings = Settings(event_rate=0, sign_up_rate=0, upload_rate=7, address_rate=10, address_burst=30)
    buckets = buckets_of(settings)
    assert set(buckets) == {
        *("address", "sign_in", "username", "place", "device", "credential"),
        *("conversation", "room", "invitation", "group_mention", "upload"),
    }
    assert not {"username", "place", "device", "password"} & set(buckets_of(Settings(sign_in_rate_of_name=0)))
    assert buckets["upload"] == Bucket.per(60, 7)
    assert buckets["address"] == Bucket.per(1, 10, 30)


async def test_what_an_instance_remembers_is_bounded(
    make: MakeLimits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits_module, "MAX_KEYS", 300)
    clock = [0]
    limits = make(Bucket(HOUR * SECOND, 1), now=lambda: clock[0])
    await asyncio.gather(*(limits.take("event", str(number)) for number in range(500)))
    assert len(limits._allowances) == 300
    assert len(limits._asked) == 0
    clock[0] = SECOND
    await limits.take("event", "ann")
    assert list(limits._allowances) == [("event", "ann")]
    assert (await spend(limits, "3"))[0] == 0  # Redis has not forgotten


async def test_whoever_goes_away_leaves_the_others_their_answer(make: MakeLimits) -> None:
    limits = make(Bucket(HOUR * SECOND, 2))
    gone, waits = (asyncio.create_task(limits.take("event", "ann")) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    await waits
    assert gone.cancelled()


# Redis away and back


async def test_without_redis_each_instance_limits_on_its_own(
    make: MakeLimits,
    redis_server: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(limits_module, "PROBE_EVERY", 0.01)
    caplog.set_level(logging.INFO, "app.limits.rate_limits")
    redis = redis_server()
    one, other = (make(Bucket(HOUR * SECOND, 5), url=redis.url) for _ in range(2))
    assert (await spend(one))[0] == 5

    redis.kill()
    assert (await spend(one, "bob"))[0] == 5
    assert (await spend(other, "bob"))[0] == 5
    assert (await spend(one, "bob"))[0] == 0
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 2  # one an instance

    probing = [limits._probing for limits in (one, other)]
    redis.start()
    for task in probing:
        assert task is not None
        await task
    spent = [(await spend(limits, "cid"))[0] for limits in (one, other)]
    assert spent == [5, 0]
    assert len([record for record in caplog.records if "across instances again" in record.message]) == 2


# Keys


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:DB8:1:2::", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("", "unknown"),
        (None, "unknown"),
        ("testclient", "unknown"),
    ],
)
def test_the_key_of_an_address(address: str | None, key: str) -> None:
    assert network_of(address) == key


def test_the_key_of_a_name() -> None:
    assert name_key("Ann") == name_key("aNN") != name_key("Bob")
    assert len(name_key("x" * 256)) == len(name_key("\ud800 a lone surrogate")) == 32
