"""Histories that hypothesis draws, and what makes the simulator trustworthy: it repeats itself, and it can fail.

`python -m tests.simulation` carries out more of them.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import takewhile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulation.__main__ import main
from tests.simulation.histories import INSTANCES, LENGTH, LONGEST, MEMBERS, ROOMS, STEPS, History, Step, drawn
from tests.simulation.invariants import CHECKS, checked
from tests.simulation.planted import PLANTED, Planted
from tests.simulation.shrinking import broken_by, shrunk
from tests.simulation.trace import traced
from tests.simulation.world import World
from tests.support.paths import ROOT
from tests.support.tries import tries

SEEDS = 250  # in which a planted fault must be found; most need less than 20

numbers = st.integers(0, MEMBERS * INSTANCES - 1)
steps = st.builds(
    Step,
    st.sampled_from(STEPS),
    numbers,
    numbers,
    st.integers(0, LONGEST),
    st.sampled_from((50, 500, 2_000, 6_000)),
)
histories = st.builds(
    History,
    st.lists(steps, max_size=LENGTH).map(tuple),
    chance=st.integers(0, 1_000_000),
    members=st.integers(1, MEMBERS),
    instances=st.integers(1, INSTANCES),
    rooms=st.integers(1, ROOMS),
    streams=st.integers(1, 2),
    polling=st.integers(0, MEMBERS),
    kept=st.sampled_from((1_000_000, 600)),
)


@settings(max_examples=tries(100), derandomize=True, database=None, deadline=None)
@given(histories)
def test_all_invariants_hold_in_every_history(history: History) -> None:
    assert checked(history) == []


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name)
def test_a_planted_fault_is_found(planted: Planted) -> None:
    seeds = range(planted.first, planted.first + SEEDS)
    with planted.plant():
        missed = takewhile(lambda seed: not broken_by(drawn(seed)) & planted.breaks, seeds)
        assert len(list(missed)) < SEEDS


def test_a_history_that_fails_is_made_short() -> None:
    planted = next(each for each in PLANTED if each.name == "handles twice")
    with planted.plant():
        shortest = shrunk(drawn(3), "once-in-the-log")
    assert len(shortest.steps) <= 1
    assert (shortest.members, shortest.instances, shortest.polling) == (1, 1, 0)


def test_a_seed_that_fails_is_told_with_its_shortest_history(capsys: pytest.CaptureFixture[str]) -> None:
    planted = next(each for each in PLANTED if each.name == "handles twice")
    with planted.plant():
        assert main(["--seed", "3", "--jobs", "1"]) == 1
    told = capsys.readouterr().out
    assert "seed 3" in told
    assert "once-in-the-log: emission 1 was handled 2 times" in told
    assert "shortest history" in told
    assert main(["--seed", "3", "--jobs", "1"]) == 0
    assert f"1 histories, {len(CHECKS)} invariants, 0 failed" in capsys.readouterr().out


def test_a_history_is_the_same_each_time_and_in_another_process() -> None:
    """There, sets of texts have another order."""
    seeds = range(5, 10)
    here = [traced(seed) for seed in seeds]
    assert here == [traced(seed) for seed in seeds]
    program = f"from tests.simulation.trace import traced; print(*map(traced, {seeds!r}), sep='\\n')"
    number = "1" if os.environ.get("PYTHONHASHSEED") == "2" else "2"
    there = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONHASHSEED": number},
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert there.splitlines() == here


@pytest.mark.parametrize(
    "change",
    [
        lambda history: replace(history, chance=history.chance + 1),
        lambda history: replace(history, steps=(*history.steps, Step("send"))),
    ],
)
def test_another_history_is_another_one(change: Callable[[History], History]) -> None:
    before = drawn(7)
    worlds = [World(before), World(change(before))]
    for world in worlds:
        world.run()
    assert worlds[0].loop.time() != worlds[1].loop.time()
