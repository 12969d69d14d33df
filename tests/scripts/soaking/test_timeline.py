"""A history in order: sessions, memberships, and when it was calm."""

import pytest

from scripts.soaking.history import Admitted
from scripts.soaking.timeline import (
    AFTERMATH,
    AFTERMATH_OF_LOCKS,
    AFTERMATH_OF_REDIS,
    EVER,
    Session,
    Timeline,
)
from tests.support.soak_histories import connects, fault, loses, member, room

TROUBLE = (fault("redis-cut", 10, 12), fault("postgres-restart", 15, 16), fault("instance-kill", 50, 55))


def test_a_session_lasts_over_the_connections_for_which_it_was_recovered() -> None:
    timeline = Timeline(
        [
            *room(),
            loses("a", at=10),
            connects("a", 1, at=11, recovered=True),
            Admitted(at=11, device="a", session=1),
            loses("a", at=20),
            connects("a", 2, at=21),
            Admitted(at=22, device="a", session=2),
        ]
    )
    found = [session for session in timeline.sessions if session.device == "a"]
    assert found == [Session("a", 1, 1, 20, False), Session("a", 2, 22, EVER, False)]


def test_a_membership_counts_by_number_and_by_moment() -> None:
    timeline = Timeline([*room(), member(5, "B", "left", at=20), member(8, "B", at=30)])
    by_number = [timeline.membership_at("r", "B", number) for number in (1, 2, 4, 5, 7, 8)]
    assert [place and place.member for place in by_number] == [None, True, True, False, False, True]
    by_moment = [timeline.membership_when("r", "B", at) for at in (0.1, 10, 25, 35)]
    assert [place and place.member for place in by_moment] == [None, True, False, True]


@pytest.mark.parametrize(
    ("since", "until", "calm"),
    [
        (1, 9, True),
        (1, 10, False),
        (12, 13, False),
        (12 + AFTERMATH_OF_REDIS + 0.1, 49, True),
        (12 + AFTERMATH_OF_REDIS, 49, False),
        (55 + AFTERMATH + 0.1, 99, True),
        (55 + AFTERMATH, 99, False),
        (40, 60, False),
    ],
)
def test_calm_is_without_a_fault_and_its_aftermath(since: float, until: float, calm: bool) -> None:
    assert Timeline(TROUBLE).calm(since, until) is calm


def test_what_is_due_in_trouble_is_due_when_all_of_it_has_ended() -> None:
    timeline = Timeline(TROUBLE)
    assert timeline.settled(1, 5) == 5
    assert timeline.settled(11, 12) == 12 + AFTERMATH_OF_REDIS
    assert timeline.settled(8, 51) == 55 + AFTERMATH


def test_locks_of_a_forgotten_connection_are_trouble_for_longer() -> None:
    timeline = Timeline([*room(), fault("postgres-abandon", 10, 10)])
    assert not timeline.calm(10 + AFTERMATH_OF_LOCKS - 1, 99)
    assert timeline.calm(10 + AFTERMATH_OF_LOCKS + 1, 99)
