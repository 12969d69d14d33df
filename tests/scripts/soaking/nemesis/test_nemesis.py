"""The plan of the faults, and how it follows from the seed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.soaking.nemesis.faults import FAULTS, possible
from scripts.soaking.nemesis.nemesis import plan, with_upgrade
from scripts.soaking.stack import Shape

NAMES = tuple(FAULTS)


@given(st.integers(0, 2**32), st.floats(1, 600))
def test_a_seed_is_a_plan_of_faults_within_the_time(seed: int, seconds: float) -> None:
    planned = plan(seed, seconds, NAMES)
    assert planned == plan(seed, seconds, NAMES)
    for fault in planned:
        assert fault.name in FAULTS
        assert 0 <= fault.begins < seconds
        assert 0 <= fault.lasts <= seconds - fault.begins + 1e-6


def test_seeds_differ_and_reach_all_faults() -> None:
    plans = [plan(seed, 600, NAMES) for seed in range(30)]
    assert len({tuple(fault.name for fault in one) for one in plans}) == 30
    assert {fault.name for one in plans for fault in one} == set(FAULTS)


@pytest.mark.parametrize(
    ("shape", "more", "fewer"),
    [
        (Shape(), "redis-empty", "redis-failover"),
        (Shape(sentinel=True), "redis-failover", "redis-stall"),
        (Shape(clocks=True), "clock-step", "redis-failover"),
        (Shape(sentinel=True), "postgres-stall", "clock-step"),
        (Shape(cluster=True), "redis-slot-migration", "redis-kill"),
        (Shape(), "redis-lose-writes", "redis-cluster-failover"),
        (Shape(upgraded_from="HEAD"), "rolling-restart", "rolling-upgrade"),
    ],
)
def test_what_can_fail_depends_on_what_there_is(shape: Shape, more: str, fewer: str) -> None:
    assert more in possible(shape)
    assert fewer not in possible(shape)


def test_a_run_is_upgraded_once() -> None:
    planned = with_upgrade(plan(1, 60, ["redis-kill"]), 60)
    assert [fault.begins for fault in planned if fault.name == "rolling-upgrade"] == [20]
    assert [fault for fault in planned if fault.name != "rolling-upgrade"] == plan(1, 60, ["redis-kill"])


def test_only_what_is_named_comes() -> None:
    assert {fault.name for fault in plan(1, 600, ["redis-kill"])} == {"redis-kill"}
    assert plan(1, 600, []) == []
