"""The waits between attempts to reconnect."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.backoff import delay

DEFAULTS = {"first": 1000, "most": 5000, "jitter": 0.5}


@pytest.mark.parametrize(
    ("attempt", "least", "middle", "longest"),
    [
        (0, 500, 1000, 1500),
        (1, 1000, 2000, 3000),
        (2, 2000, 3500, 5000),
        (3, 2500, 3750, 5000),
        (10_000, 2500, 3750, 5000),
    ],
)
def test_defaults(attempt: int, least: int, middle: int, longest: int) -> None:
    waits = [delay(attempt, chance=chance, **DEFAULTS) for chance in (0, 0.5, 1)]  # type: ignore[arg-type]
    assert waits == [least, middle, longest]


def test_without_jitter() -> None:
    waits = [delay(attempt, first=100, most=700, jitter=0, chance=0.9) for attempt in range(5)]
    assert waits == [100, 200, 400, 700, 700]


@given(
    st.integers(0, 1000), st.integers(1, 10_000), st.integers(0, 100_000), st.floats(0, 1), st.floats(0, 1)
)
def test_bounds(attempt: int, first: int, more: int, jitter: float, chance: float) -> None:
    wait = delay(attempt, first=first, most=first + more, jitter=jitter, chance=chance)
    assert int(first * (1 - jitter)) <= wait <= first + more
