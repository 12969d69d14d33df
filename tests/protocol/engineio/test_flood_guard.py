"""How many control packets a client may send."""

from hypothesis import given
from hypothesis import strategies as st

from protocol.engineio.flood_guard import FLOODED, FloodGuard


def test_a_burst_costs_nothing_and_what_comes_on_top_waits() -> None:
    guard = FloodGuard(rate=10, burst=20, now=0)
    assert guard.take(20, now=0) == 0
    assert guard.take(1, now=0) == 100
    assert guard.take(5, now=0) == 600


def test_the_bucket_fills_again() -> None:
    guard = FloodGuard(rate=10, burst=20, now=0)
    guard.take(20, now=0)
    assert guard.take(20, now=2_000) == 0
    assert guard.take(20, now=100_000) == 0
    assert guard.take(1, now=100_000) == 100


def test_a_client_that_is_slowed_and_goes_on_is_closed() -> None:
    guard = FloodGuard(rate=10, burst=20, now=0)
    guard.take(20, now=0)
    assert guard.take(2, now=0) == 200
    assert guard.take(2, now=200) == 200
    assert guard.take(20, now=999) > 0
    assert guard.take(1, now=1_000) == FLOODED


def test_a_client_that_keeps_to_the_rate_in_time_is_not_closed() -> None:
    guard = FloodGuard(rate=10, burst=20, now=0)
    assert guard.take(21, now=0) == 100
    assert guard.take(1, now=1_200) == 0
    assert guard.take(20, now=2_100) > 0
    assert guard.take(1, now=2_200) > 0


@given(
    st.integers(1, 1000),
    st.integers(1, 1000),
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 5_000)), max_size=30),
)
def test_nobody_passes_more_than_the_burst_and_the_rate(
    rate: int, burst: int, steps: list[tuple[int, int]]
) -> None:
    """A client that waits as it is told has never sent more than its burst and its rate allow."""
    guard, now, sent = FloodGuard(rate, burst, now=0), 0, 0
    for packets, pause in steps:
        sent += packets
        wait = guard.take(packets, now)
        if wait == FLOODED:
            break
        now += wait
        assert sent <= burst + rate * now / 1000 + 1
        now += pause
