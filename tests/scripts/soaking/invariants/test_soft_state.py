"""Presence, typing and leases settle."""

import pytest

from scripts.soaking.history import AnyEntry, Heard, Leases, Online, PresenceTold
from tests.support.soak_histories import broken, fault, hears, loses, member

SETTLED = Online(at=99, online=["A", "B"], offline=["C"])


def told(**statuses: str) -> PresenceTold:
    return PresenceTold(at=98, device="a", statuses={"A": "online", "B": "online", "C": "offline"} | statuses)


@pytest.mark.parametrize(
    ("entry", "found"),
    [(told(), []), (told(B="offline"), ["a B"]), (told(C="online"), ["a C"])],
    ids=["as it is", "taken for offline", "online for ever"],
)
def test_presence_settles(entry: PresenceTold, found: list[str]) -> None:
    assert broken("presence-settles", SETTLED, entry) == found


@pytest.mark.parametrize(
    ("leases", "found"),
    [
        (Leases(at=99, instances=3, running=3, users=["A", "B"]), []),
        (Leases(at=99, instances=4, running=3, users=["A", "B"]), ["instances"]),
        (Leases(at=99, instances=3, running=3, users=["A", "B", "C"]), ["user C"]),
        (Leases(at=99, instances=3, running=3, users=["A"]), ["user B"]),
    ],
    ids=["as it is", "of a dead instance", "somebody who has gone", "somebody is missing"],
)
def test_leases_settle(leases: Leases, found: list[str]) -> None:
    assert broken("leases-settle", SETTLED, leases) == found


def typing(is_typing: bool, *, at: float, expires: str | None = None) -> Heard:
    value = {"typing": is_typing, "expiresAt": expires}
    return Heard(at=at, device="a", session=1, event="typing:update", room="r", item="B", value=value)


BEGAN = typing(True, at=10, expires="1970-01-01T00:00:13Z")
SENT = Heard(
    at=11, device="a", session=1, event="message:new", room="r", number=3, item="m3", value={"sender": "B"}
)


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        pytest.param([typing(False, at=13)], [], id="stopped"),
        pytest.param([SENT], [], id="sent"),
        pytest.param([], ["a r B 10"], id="for ever"),
        pytest.param([typing(False, at=30)], ["a r B 10"], id="too late"),
        pytest.param([hears("a", 3, at=11)], ["a r B 10"], id="another has sent"),
        pytest.param([fault("redis-kill", 11, 12)], [], id="Redis went away"),
        pytest.param([loses("a", at=11)], [], id="the connection was lost"),
        pytest.param([member(4, "B", "left", at=11)], [], id="the one who types has left"),
        pytest.param(
            [typing(False, at=12), typing(True, at=13, expires="1970-01-01T01:00:00Z"), typing(False, at=14)],
            ["a r B 13 far"],
            id="for an hour",
        ),
    ],
)
def test_typing_settles(entries: list[AnyEntry], found: list[str]) -> None:
    assert broken("typing-settles", BEGAN, *entries) == found
