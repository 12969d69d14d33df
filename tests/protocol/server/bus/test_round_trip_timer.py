"""Which of the records that are delivered are one's own, whichever news comes first."""

import time

from protocol.server.bus import round_trip_timer as returns
from protocol.server.bus.round_trip_timer import RoundTripTimer


def test_publication_is_heard_of_first() -> None:
    own = RoundTripTimer()
    assert own.published("5-1", time.perf_counter()) is None
    assert own.delivered("5-0") is None
    assert (own.delivered("5-1") or -1) >= 0
    assert own.delivered("5-1") is None


def test_delivery_is_heard_of_first() -> None:
    own = RoundTripTimer()
    began = time.perf_counter()
    assert own.delivered("9-5") is None
    assert own.delivered("10-0") is None
    told = time.perf_counter()
    assert 0 <= (own.published("9-5", began) or -1) <= told - began  # until it came, not until it was told
    assert own.published("9-6", time.perf_counter()) is None


def test_what_never_comes_back_is_not_kept_for_ever() -> None:
    own = RoundTripTimer()
    for number in range(returns._MOST):
        own.published(f"1-{number}", 0)
    own.published("2-0", time.perf_counter())
    assert own.delivered("1-5") is None
    assert (own.delivered("2-0") or -1) >= 0


def test_what_others_have_published_is_not_kept_for_ever() -> None:
    own = RoundTripTimer()
    for number in range(returns._MOST):
        own.delivered(f"1-{number}")
    began = time.perf_counter()
    own.delivered("2-0")
    assert own.published("1-5", began) is None
    assert (own.published("2-0", began) or -1) >= 0
