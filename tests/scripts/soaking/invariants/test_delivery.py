"""What is committed is heard by each member's devices: all of it, once, in order, and by nobody else."""

import pytest

from scripts.soaking.history import AnyEntry, Heard
from tests.support.soak_histories import (
    END,
    broken,
    connects,
    fault,
    fields,
    hears,
    loses,
    member,
    message,
    synced,
)

M3, M4 = message(3, at=10), message(4, at=10.1)
ALL3 = [hears("a", 3, at=10.2), hears("b", 3, at=10.2)]
KILLED = fault("instance-kill", 10.5, 15)
# B leaves, and comes back, which its device hears of half a second later.
CAME = [
    member(4, "B", "left", at=20),
    member(5, "B", at=30),
    hears("a", 4, at=20.5),
    *(hears("a", number, at=30.5) for number in (5, 6)),
    hears("b", 5, at=30.5),
]


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        pytest.param([hears("b", 3, at=11), hears("b", 4, at=12)], [], id="two changes"),
        pytest.param([hears("b", 3, at=11), hears("b", 3, at=12)], ["b 1 r 3"], id="twice"),
        pytest.param([hears("b", 3, at=11), hears("b", 3, at=12, session=2)], [], id="in two sessions"),
    ],
)
def test_told_once(entries: list[AnyEntry], found: list[str]) -> None:
    assert broken("told-once", *entries) == found


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        pytest.param([hears("b", 3, at=11), hears("b", 4, at=12)], [], id="in order"),
        pytest.param([hears("b", 4, at=11), hears("b", 3, at=12)], ["b 1 r 3"], id="out of order"),
        pytest.param(
            [fault("redis-kill", 9, 10), hears("b", 4, at=11), hears("b", 3, at=12)],
            [],
            id="late after a fault",
        ),
        pytest.param(
            [
                fault("redis-kill", 9, 10),
                hears("b", 4, at=11),
                hears("b", 3, at=12),
                hears("a", 3, at=11),
                hears("a", 4, at=12),
            ],
            ["b 1 r 3 otherwise"],
            id="late for some",
        ),
    ],
)
def test_one_order(entries: list[AnyEntry], found: list[str]) -> None:
    assert broken("one-order", M3, M4, *entries) == found


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        pytest.param(ALL3, [], id="heard"),
        pytest.param(ALL3[:1], ["b 1 r 3"], id="not heard"),
        pytest.param([ALL3[0], hears("b", 3, at=10.2, session=2)], ["b 1 r 3"], id="in another session"),
        pytest.param([ALL3[0], hears("b", 3, at=20)], ["b 1 r 3 late"], id="late"),
        pytest.param([ALL3[0], hears("b", 3, at=20), fault("redis-stall", 9, 15)], [], id="late for a fault"),
        pytest.param([ALL3[0], fault("redis-stall", 9, 15)], ["b 1 r 3"], id="a fault is no excuse"),
        pytest.param([ALL3[0], KILLED, synced("b", 3, at=12)], [], id="forgotten by a killed instance"),
        pytest.param([ALL3[0], KILLED, synced("b", 2, at=12)], ["b 1 r 3 unread"], id="and never found"),
        pytest.param([ALL3[0], KILLED, synced("b", 3, at=70)], ["b 1 r 3 unread"], id="and found too late"),
        pytest.param(
            [ALL3[0], fault("redis-full", 9, 12), fault("rolling-restart", 11, 20), synced("b", 3, at=30)],
            [],
            id="forgotten by one that was stopped while Redis was away",
        ),
        pytest.param(
            [ALL3[0], fault("postgres-abandon", 10.1, 10.1), synced("b", 3, at=45)],
            [],
            id="PostgreSQL's answer was lost",
        ),
        pytest.param(
            [ALL3[0], fault("postgres-abandon", 10.1, 10.1), synced("b", 3, at=48)],
            ["b 1 r 3 unread"],
            id="and found too late by the instance that knows",
        ),
        pytest.param(
            [ALL3[0], fault("redis-lose-writes", 9, 9.9), synced("b", 3, at=33)], [], id="lost by Redis"
        ),
        pytest.param(
            [ALL3[0], fault("redis-lose-writes", 9, 9.9), synced("b", 3, at=35)],
            ["b 1 r 3 unread"],
            id="lost by Redis, and found too late",
        ),
        pytest.param(
            [ALL3[0], fault("redis-lose-writes", 4, 5), synced("b", 3, at=33)],
            ["b 1 r 3"],
            id="long after Redis has lost something",
        ),
        pytest.param(
            [ALL3[0], fault("rolling-restart", 11, 20), synced("b", 3, at=30)],
            ["b 1 r 3"],
            id="stopped in order",
        ),
        pytest.param([ALL3[0], fault("instance-kill", 30, 35)], ["b 1 r 3"], id="killed much later"),
        pytest.param(
            [ALL3[0], fault("redis-stall", 9, 12), fault("redis-empty", 11, 11), synced("b", 3, at=14)],
            [],
            id="Redis lost it before an instance could read it",
        ),
        pytest.param(
            [ALL3[0], fault("redis-stall", 9, 12), fault("redis-empty", 11, 11)],
            ["b 1 r 3 unread"],
            id="and nobody was told to sync",
        ),
        pytest.param(
            [ALL3[0], fault("redis-empty", 11, 11), synced("b", 3, at=14)],
            ["b 1 r 3"],
            id="Redis lost it, and all could have read it",
        ),
        pytest.param([ALL3[0], loses("b", at=11)], [], id="the session ended"),
        pytest.param([ALL3[0], loses("b", at=40)], ["b 1 r 3"], id="the session ended later"),
        pytest.param(
            [ALL3[0], loses("b", at=11), connects("b", 1, at=12, recovered=True)],
            ["b 1 r 3"],
            id="the session was recovered without it",
        ),
        pytest.param(
            [*ALL3, member(4, "B", "left", at=20), message(5, at=21)], ["a 1 r 4", "a 1 r 5"], id="left"
        ),
        pytest.param([*ALL3, message(4, at=END + 1)], [], id="after the end"),
        pytest.param(
            [*ALL3, *CAME, message(6, at=41)], ["b 1 r 6"], id="who has come hears all from then on"
        ),
        pytest.param([*ALL3, *CAME, message(6, at=30.1)], [], id="but not what was before that was told"),
    ],
)
def test_no_holes(entries: list[AnyEntry], found: list[str]) -> None:
    assert broken("no-holes", M3, *entries) == found


@pytest.mark.parametrize(("group", "found"), [(True, []), (False, ["a 1 r 3", "b 1 r 3", "c 1 r 3"])])
def test_how_a_group_begins_is_not_announced(group: bool, found: list[str]) -> None:
    """Its people are told of the room; who comes back to it later is announced."""
    begins = [fields(0, group=group, at=0.1), member(3, "C", at=10)]
    assert broken("no-holes", *begins) == found
    returns = [member(4, "C", "left", at=20), member(5, "C", at=30)]
    heard = [hears("b", number, at=10.1 * number, item="C", event="room:user-joined") for number in (4, 5)]
    assert "a 1 r 5" in broken("no-holes", *begins, *returns, *heard)


LEFT = member(3, "B", "left", at=10)
TYPING = Heard(
    at=13, device="b", session=1, event="typing:update", room="r", item="A", value={"typing": False}
)


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        pytest.param([hears("b", 3, at=10.1, item="B", event="room:user-left")], [], id="of the departure"),
        pytest.param([hears("b", 4, at=10.5)], [], id="on its way"),
        pytest.param([hears("b", 4, at=12)], ["b r message:new 12"], id="later"),
        pytest.param([hears("b", 2, at=12)], [], id="what came before"),
        pytest.param([TYPING], ["b r typing:update 13"], id="typing"),
        pytest.param([hears("b", 4, at=12), member(5, "B", at=11)], [], id="back again"),
        pytest.param([hears("c", 4, at=12)], [], id="a stranger, who was never a member"),
        pytest.param([fault("redis-cut", 9, 11), hears("b", 4, at=20)], [], id="during a fault"),
        pytest.param(
            [fault("redis-cut", 9, 11), hears("b", 4, at=50)], ["b r message:new 50"], id="long after"
        ),
    ],
)
def test_silent_after_leaving(entries: list[AnyEntry], found: list[str]) -> None:
    assert broken("silent-after-leaving", LEFT, *entries) == found
