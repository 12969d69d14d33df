"""The log says why the chat is unavailable, and is not flooded by it."""

import pytest

from app.core.errors import Refusal, Unavailable
from app.core.outage_log import EVERY, OutageLog

AWAY = Unavailable("nobody is there")


def test_one_line_tells_of_all_that_were_refused_since_the_last(caplog: pytest.LogCaptureFixture) -> None:
    made_at, *asked_at = 0.0, 0.0, EVERY / 4, EVERY / 2, EVERY, EVERY * 1.5, EVERY * 9
    times = iter([made_at, *asked_at])
    outages = OutageLog(lambda: next(times))
    for _ in asked_at:
        refusal = outages.refusal_of(AWAY)
        assert refusal is not None
        assert refusal.message == Unavailable.shown
    assert caplog.messages == [
        f"refused as unavailable, {number} since the last such line: nobody is there" for number in (1, 3, 2)
    ]


def test_what_is_too_busy_is_told_too(caplog: pytest.LogCaptureFixture) -> None:
    busy = Refusal("unavailable", "Too many at once")
    assert OutageLog().refusal_of(busy) is busy
    assert caplog.messages == ["refused as unavailable, 1 since the last such line: Too many at once"]


@pytest.mark.parametrize("error", [Refusal("forbidden", "no"), ValueError("a fault")])
def test_nothing_else_is(caplog: pytest.LogCaptureFixture, error: Exception) -> None:
    assert OutageLog().refusal_of(error) is (error if isinstance(error, Refusal) else None)
    assert caplog.messages == []
