"""Blocks and invitations, and what is found where they do not hold."""

import pytest

from scripts.soaking.history import Answered, AnyEntry, Called, Committed, Invitations, Stored, Unanswered
from tests.support.soak_histories import broken


def asks(call: int, event: str, *, at: float, device: str = "a", other: str = "B") -> Called:
    return Called(at=at, device=device, call=call, event=event, payload={"userId": other})


def done(call: int, *, at: float, device: str = "a") -> Answered:
    return Answered(at=at, device=device, call=call, value={})


def enters(number: int, user: str) -> Committed:
    value = {"state": "member", "role": "member"}
    return Committed(at=0.5, room="d", number=number, what="member", item=user, value=value)


def says(number: int, *, at: float, sender: str = "B", seq: int = 0) -> Committed:
    value = {"sender": sender, "seq": seq or number, "text": "hello", "deleted": False}
    return Committed(at=at, room="d", number=number, what="message", item=f"m{seq or number}", value=value)


CONVERSATION = [
    Committed(at=0.5, room="d", number=0, what="room", item="d", value={"name": None}),
    enters(1, "A"),
    enters(2, "B"),
]
BLOCK = [asks(1, "user:block", at=5), done(1, at=6)]
UNBLOCK = [asks(2, "user:unblock", at=10), done(2, at=11)]


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        pytest.param([*BLOCK, *UNBLOCK, says(3, at=4), says(4, at=12)], [], id="before and after"),
        pytest.param([*BLOCK, *UNBLOCK, says(3, at=8)], ["d 3"], id="by who is blocked"),
        pytest.param([*BLOCK, *UNBLOCK, says(3, at=8, sender="A")], ["d 3"], id="by who has blocked"),
        pytest.param([*BLOCK, says(3, at=50)], ["d 3"], id="never taken back"),
        pytest.param([*BLOCK, *UNBLOCK, says(3, at=5.5), says(4, at=10.5)], [], id="before the answers"),
        pytest.param([*BLOCK, *UNBLOCK, says(4, at=8, seq=3)], [], id="an edit of what was said before"),
        pytest.param(
            [
                asks(9, "user:unblock", at=3),
                Unanswered(at=4, device="a", call=9, why="timeout"),
                *BLOCK,
                *UNBLOCK,
                says(3, at=8),
            ],
            [],
            id="one that may be taken back by an earlier call",
        ),
    ],
)
def test_blocks_hold(entries: list[AnyEntry], found: list[str]) -> None:
    assert broken("blocks-hold", *CONVERSATION, *entries) == found


@pytest.mark.parametrize(
    ("state", "told", "found"),
    [("invited", ["s"], []), ("invited", [], ["A s"]), ("left", ["s"], ["A s"]), ("member", [], [])],
)
def test_invitations_arrive(state: str, told: list[str], found: list[str]) -> None:
    stored = Stored(at=100, room="s", last_number=1, messages={}, members={"A": [1, state, "member", 0]})
    assert broken("invitations-arrive", stored, Invitations(at=99, user="A", rooms=told)) == found
