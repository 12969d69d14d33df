"""The scripts that count sockets, in a real Valkey, against a simple model of what they should know."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Coroutine
from itertools import count
from typing import Any, TypeVar

import pytest
import redis.asyncio
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from app.core.redis_scripts import PREFIX, SoftState
from app.presence.redis_leases import (
    CALLS,
    COUNT,
    INSTANCES,
    LET_GO,
    OF_INSTANCE,
    OF_USER,
    UNTOLD,
    LeaseClaim,
    Leases,
    LeaseState,
    Verdict,
)
from tests.support.redis_servers import rewinding
from tests.support.tries import tries

T = TypeVar("T")

HOUR = 3_600_000  # ms
MOST = 3  # sockets of a user
USERS = ("ann", "bob", "cat")

runs = count(1)


@pytest.fixture(params=["redis_url", "redis_sentinel_url", "redis_cluster_url"])
async def leases(request: pytest.FixtureRequest) -> AsyncIterator[Leases]:
    soft_state = SoftState(request.getfixturevalue(request.param))
    yield Leases(soft_state, max_sockets=MOST)
    await soft_state.close()


async def test_the_first_socket_brings_a_user_online_and_the_last_hold_takes_it_off(leases: Leases) -> None:
    await leases.begin("a", HOUR)
    assert await leases.count("a", [LeaseClaim("ann", 0, 1), LeaseClaim("bob", 0, 2)]) == [
        Verdict(1, 1),
        Verdict(2, 1),
    ]
    assert await leases.count("a", [LeaseClaim("ann", 1, 2)]) == [Verdict(2, 0)]
    assert await leases.count("a", [LeaseClaim("ann", 0, 0)]) == [Verdict(0, 0)]
    assert await leases.online(["cat", "ann", "bob"]) == {"ann", "bob"}
    assert await leases.count("a", [LeaseClaim("ann", 0, LET_GO)]) == [Verdict(LET_GO, -1)]
    assert await leases.online(["ann", "bob"]) == {"bob"}


async def test_only_as_many_sockets_as_a_user_may_have_on_all_living_instances(leases: Leases) -> None:
    await leases.begin("a", HOUR)
    await leases.begin("b", HOUR)
    assert await leases.count("a", [LeaseClaim("ann", 0, 2)]) == [Verdict(2, 1)]
    assert await leases.count("b", [LeaseClaim("ann", 0, 2)]) == [Verdict(1, 0)]
    assert await leases.count("b", [LeaseClaim("ann", 1, 2)]) == [Verdict(1, 0)]
    assert await leases.count("b", [LeaseClaim("ann", 4, 4)]) == [Verdict(4, 0)]  # they are there already
    await leases.renew("b", 0)
    assert await leases.count("a", [LeaseClaim("ann", 2, 3)]) == [Verdict(3, 0)]


async def test_a_user_who_is_refused_does_not_come_online(leases: Leases) -> None:
    await leases.begin("a", HOUR)
    await leases.begin("b", HOUR)
    await leases.count("a", [LeaseClaim("ann", 0, MOST)])
    assert await leases.count("b", [LeaseClaim("ann", 0, 1)]) == [Verdict(0, 0)]
    assert await leases.count("a", [LeaseClaim("ann", 0, LET_GO)]) == [Verdict(LET_GO, -1)]


async def test_who_is_let_go_and_was_lost_before_has_gone(leases: Leases) -> None:
    for instance in ("a", "b"):
        await leases.begin(instance, HOUR)
    await leases.count("b", [LeaseClaim("bob", 0, 1)])
    claims = [LeaseClaim("ann", 0, LET_GO), LeaseClaim("bob", 0, LET_GO)]
    assert await leases.count("a", claims) == [Verdict(LET_GO, -1), Verdict(LET_GO, 0)]


@pytest.fixture
async def in_redis(redis_url: str) -> AsyncIterator["redis.asyncio.Redis[Any]"]:
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        yield client


@pytest.mark.parametrize("leases", ["redis_url"], indirect=True)
async def test_a_lost_call_is_noticed_until_all_is_to_be_counted_again(
    leases: Leases, in_redis: "redis.asyncio.Redis[Any]"
) -> None:
    await leases.begin("a", HOUR)
    await leases.count("a", [LeaseClaim("ann", 0, 1)])
    rewind = await rewinding(in_redis, f"{PREFIX}presence:*")
    await leases.count("a", [LeaseClaim("bob", 0, 1)])
    assert await leases.renew("a", HOUR) is LeaseState.HELD
    await rewind()
    assert await leases.online(["ann", "bob"]) == {"ann"}
    await leases.count("a", [LeaseClaim("cat", 0, 1)])  # which does not hide it
    assert await leases.renew("a", HOUR) is LeaseState.LOST
    assert await leases.renew("a", HOUR) is LeaseState.LOST
    await leases.begin("a", HOUR)
    assert await leases.renew("a", HOUR) is LeaseState.HELD
    await leases.count("a", [LeaseClaim("bob", 0, 1)])
    assert await leases.renew("a", HOUR) is LeaseState.HELD
    assert await leases.online(["ann", "bob", "cat"]) == {"ann", "bob", "cat"}


@pytest.mark.parametrize("leases", ["redis_url"], indirect=True)
async def test_a_call_that_comes_past_a_later_one_changes_nothing(leases: Leases, redis_url: str) -> None:
    await leases.begin("a", HOUR)
    for sockets in (1, 2):
        await leases.count("a", [LeaseClaim("ann", 0, sockets)])
    late = SoftState(redis_url)
    keys = [INSTANCES, f"{OF_INSTANCE}a", f"{CALLS}a", UNTOLD, f"{OF_USER}ann"]
    assert await late.script(COUNT)(keys, "a", 0, 2, 1, "ann", 0, LET_GO) is None
    assert await leases.online(["ann"]) == {"ann"}
    assert await late.script(COUNT)(keys, "a", 0, 4, 3, "ann", 0, LET_GO) == [LET_GO, -1]
    await late.close()


async def test_the_users_of_a_dead_instance_are_taken_out_in_chunks_and_once(leases: Leases) -> None:
    for instance in ("a", "b"):
        await leases.begin(instance, HOUR)
    users = [f"user-{n}" for n in range(25)]
    await leases.count("a", [LeaseClaim(user, 0, 1) for user in users])
    await leases.count("b", [LeaseClaim("user-7", 0, 1)])
    assert await leases.sweep(10) is None
    await leases.renew("a", 0)
    assert await leases.count("a", [LeaseClaim("ann", 0, 1)]) is None
    assert not await leases.renew("a", HOUR)
    chunks = await asyncio.gather(*(leases.sweep(10) for _ in range(5)))
    found = [chunk.user_ids for chunk in chunks if chunk is not None]
    assert max(map(len, found)) <= 10
    assert sorted(user for chunk in found for user in chunk) == sorted(set(users) - {"user-7"})
    assert chunks.count(None) == 2
    assert all(0 <= chunk.ago < HOUR for chunk in chunks if chunk is not None)
    assert await leases.online(users) == {"user-7"}


async def test_an_instance_without_users_is_forgotten_too(leases: Leases) -> None:
    await leases.begin("a", 0)
    swept = await leases.sweep(10)
    assert swept is not None
    assert swept.user_ids == []
    assert await leases.sweep(10) is None


async def test_who_went_offline_is_overdue_until_it_is_told(leases: Leases) -> None:
    for instance in ("a", "b"):
        await leases.begin(instance, HOUR)
    await leases.count("a", [LeaseClaim("ann", 0, 1), LeaseClaim("bob", 0, 1)])
    await leases.count("b", [LeaseClaim("cat", 0, 1)])
    assert await leases.overdue(0, 10) == {}
    await leases.count("b", [LeaseClaim("cat", 1, LET_GO)])
    await leases.renew("a", 0)
    await leases.sweep(10)
    assert await leases.overdue(HOUR, 10) == {}
    overdue = await leases.overdue(0, 10)
    assert set(overdue) == {"ann", "bob", "cat"}
    assert all(0 <= ago < HOUR for ago in overdue.values())
    assert len(await leases.overdue(0, 2)) == 2
    await leases.count("b", [LeaseClaim("bob", 0, 1)])
    # Of bob it was told that he is offline, which is not so any more: it is told again.
    assert await leases.told({"ann": False, "bob": False}) == {"bob"}
    assert set(await leases.overdue(0, 10)) == {"bob", "cat"}
    assert await leases.told({"bob": True, "cat": False}) == {"bob"}
    assert await leases.overdue(0, 10) == {}


class Counting(RuleBasedStateMachine):
    """Instances that begin, count, end and are swept, in any order."""

    url: str
    loop: asyncio.AbstractEventLoop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    @initialize()
    def begin_empty(self) -> None:
        self.soft_state = SoftState(self.url)
        self.leases = Leases(self.soft_state, max_sockets=MOST)
        self.names = count(1)
        self.run_number = next(runs)
        self.alive: list[str] = []
        self.ended: set[str] = set()
        self.sockets: defaultdict[str, dict[str, int]] = defaultdict(dict)  # user -> instance -> sockets

    def user(self, name: str) -> str:
        return f"{name}-{self.run_number}"

    @rule()
    def an_instance_begins(self) -> None:
        instance = f"{self.run_number}-{next(self.names)}"
        self.run(self.leases.begin(instance, HOUR))
        self.alive.append(instance)

    @rule(data=st.data(), counts=st.dictionaries(st.sampled_from(USERS), st.integers(LET_GO, MOST + 1)))
    def an_instance_counts(self, data: st.DataObject, counts: dict[str, int]) -> None:
        if not self.alive:
            return
        instance = data.draw(st.sampled_from(self.alive))
        claims = []
        expected = []
        for name, asked in counts.items():
            here = self.sockets[name]
            before = min(max(here.get(instance, 0), 0), max(asked, 0))
            claims.append(LeaseClaim(self.user(name), before, asked))
            was_online = bool(here) or asked == LET_GO  # if it is not here, it is taken for lost
            elsewhere = sum(
                there for other, there in here.items() if other != instance and other in self.alive
            )
            allowed = asked if asked <= before else max(before, min(asked, MOST - elsewhere))
            if asked == LET_GO:
                here.pop(instance, None)
            elif allowed > 0 or instance in here:
                here[instance] = allowed
            expected.append(Verdict(allowed, bool(here) - was_online))
        assert self.run(self.leases.count(instance, claims)) == expected

    @rule(data=st.data())
    def an_instance_dies(self, data: st.DataObject) -> None:
        if self.alive:
            instance = data.draw(st.sampled_from(self.alive))
            self.alive.remove(instance)
            self.ended.add(instance)
            assert self.run(self.leases.renew(instance, 0))

    @rule(data=st.data())
    def a_dead_one_tries_to_go_on(self, data: st.DataObject) -> None:
        if self.ended:
            instance = data.draw(st.sampled_from(sorted(self.ended)))
            assert not self.run(self.leases.renew(instance, HOUR))
            assert self.run(self.leases.count(instance, [LeaseClaim(self.user("ann"), 0, 1)])) is None

    @rule(limit=st.integers(1, 4))
    def the_dead_are_swept(self, limit: int) -> None:
        gone = []
        while (swept := self.run(self.leases.sweep(limit))) is not None:
            assert len(swept.user_ids) <= limit
            gone += swept.user_ids
        expected = []
        for name, here in self.sockets.items():
            was_online = bool(here)
            for instance in self.ended & here.keys():
                del here[instance]
            if was_online and not here:
                expected.append(self.user(name))
        assert sorted(gone) == sorted(expected)

    @invariant()
    def who_is_online(self) -> None:
        users = {self.user(name): bool(self.sockets[name]) for name in USERS}
        assert self.run(self.leases.online(list(users))) == {user for user, here in users.items() if here}

    def teardown(self) -> None:
        for instance in self.alive:
            self.run(self.leases.renew(instance, 0))
        while self.run(self.leases.sweep(100)) is not None:
            pass
        self.run(self.soft_state.close())


def test_counting_in_any_order(redis_url: str) -> None:
    with asyncio.Runner() as runner:
        Counting.loop = runner.get_loop()
        Counting.url = redis_url
        run_state_machine_as_test(
            Counting,
            settings=settings(
                max_examples=tries(60),
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
