"""What is acknowledged is in the log, once, and nothing else is heard."""

import pytest

from scripts.soaking.history import Answered, AnyEntry, Called, Committed, Marked, Stored
from tests.support.soak_histories import acked, broken, fields, hears, member, message, sends, text

SENT = sends(1, "text 3", at=10)


def stored(*, room: int = 0, **messages: list[object]) -> Stored:
    members = {"A": [1, "member", "member", 0], "B": [2, "member", "member", 0]}
    known = [room, "a room", False, []] if room else []
    return Stored(at=100, room="r", last_number=3, messages=messages, members=members, fields=known)


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        pytest.param([SENT, acked(1, 3, at=11), message(3, at=10.5)], [], id="kept"),
        pytest.param([SENT, acked(1, 3, at=11)], ["a call 1"], id="lost"),
        pytest.param([SENT, acked(1, 3, at=11), message(3, item="other", at=10)], ["a call 1"], id="another"),
        pytest.param([SENT, acked(1, 3, "x", at=11), message(3, at=10)], ["a call 1"], id="other text"),
        pytest.param([message(3, at=10), stored(m3=[3, 3, "A", "text 3", False, []])], [], id="there"),
        pytest.param([message(3, at=10), stored()], ["r m3"], id="gone"),
        pytest.param(
            [message(3, at=10), stored(m3=[4, 3, "A", "changed", False, []])], ["r m3"], id="changed unseen"
        ),
        pytest.param([fields(3, at=10), stored(room=3)], [], id="a room"),
        pytest.param([fields(3, at=10), stored(room=2)], ["r r"], id="a room as it was before"),
        pytest.param([fields(3, at=10), stored()], ["r r"], id="a room without its fields"),
    ],
)
def test_acknowledged_is_kept(entries: list[AnyEntry], found: list[str]) -> None:
    assert broken("acknowledged-is-kept", *entries) == found


def test_an_acknowledged_deletion_is_one() -> None:
    call = Called(at=20, device="a", call=2, event="message:delete", payload={"messageId": "m3"})
    answer = Answered(
        at=21, device="a", call=2, value={"room": "r", "number": 3, "item": "m3", "deleted": True}
    )
    assert broken("acknowledged-is-kept", message(3, at=10), call, answer) == ["a call 2"]
    answer.value["number"] = 4
    value = text(3, deleted=True)
    deleted = Committed(at=20.5, room="r", number=4, what="message", item="m3", value=value)
    assert broken("acknowledged-is-kept", message(3, at=10), call, answer, deleted) == []


def test_an_acknowledged_archiving_is_one() -> None:
    value = {"room": "r", "number": 3, "item": "r", "archived": True}
    answer = Answered(at=21, device="a", call=2, value=value)
    assert broken("acknowledged-is-kept", answer, fields(3, archived=True, at=20)) == []
    assert broken("acknowledged-is-kept", answer, fields(3, at=20)) == ["a call 2"]


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        pytest.param([message(4, at=11), fields(5, at=12)], ["r 4"], id="written"),
        pytest.param([fields(4, at=11), message(5, at=12)], [], id="brought back before"),
        pytest.param([fields(4, archived=True, at=11), message(5, at=12)], ["r 5"], id="archived still"),
        pytest.param([member(4, "B", "left", at=11)], [], id="left"),
        pytest.param([member(4, "C", at=11)], ["r 4"], id="entered"),
    ],
)
def test_archived_is_closed(entries: list[AnyEntry], found: list[str]) -> None:
    assert broken("archived-is-closed", fields(3, archived=True, at=10), *entries) == found


def test_an_acknowledged_mark_is_set() -> None:
    answer = Answered(at=21, device="a", call=2, value={"room": "r", "item": "A", "mark": 5})
    assert broken("acknowledged-is-kept", answer) == ["a call 2"]
    assert broken("acknowledged-is-kept", answer, Marked(at=20, room="r", user="A", mark=5)) == []


def test_an_acknowledged_departure_is_kept() -> None:
    value = {"room": "r", "number": 3, "item": "B", "state": "left", "role": "member"}
    answer = Answered(at=21, device="b", call=2, value=value)
    assert broken("acknowledged-is-kept", answer, member(3, "B", "left", at=20)) == []
    assert broken("acknowledged-is-kept", answer, member(3, "B", at=20)) == ["b call 2"]


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        pytest.param([message(3, "x", at=10), message(4, "y", at=11)], [], id="two"),
        pytest.param([message(3, "x", at=10), message(4, "x", at=11)], ["message x"], id="one twice"),
        pytest.param([message(3, "x", at=10), message(4, "x", sender="B", at=11)], [], id="of two people"),
        pytest.param([message(3, "x", at=10), message(3, "y", item="z", at=11)], ["r 3"], id="one number"),
        pytest.param(
            [sends(1, "x", at=9), acked(1, 3, "x", at=10), sends(2, "x", at=11), acked(2, 3, "x", at=12)],
            [],
            id="answered again",
        ),
        pytest.param(
            [sends(1, "x", at=9), acked(1, 3, "x", at=10), sends(2, "x", at=11), acked(2, 4, "x", at=12)],
            ["clientId x"],
            id="answered as two",
        ),
    ],
)
def test_once_in_the_log(entries: list[AnyEntry], found: list[str]) -> None:
    assert broken("once-in-the-log", *entries) == found


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        pytest.param([SENT, message(3, at=10), hears("b", 3, at=10.1)], [], id="heard"),
        pytest.param(
            [SENT, message(3, at=10), hears("b", 3, at=9.9)], ["b r 3 early"], id="before the commit"
        ),
        pytest.param(
            [SENT, message(3, at=10), hears("b", 4, at=11)], ["b r 4 unknown"], id="never committed"
        ),
        pytest.param(
            [SENT, message(3, at=10), hears("b", 3, "x", at=11)], ["b r 3 differs"], id="other text"
        ),
        pytest.param(
            [SENT, message(3, at=10), hears("b", 3, at=11, item="x")], ["b r 3 unknown"], id="other"
        ),
        pytest.param([message(3, at=10)], ["message m3"], id="nobody wrote it"),
        pytest.param([SENT, message(3, sender="B", at=10)], ["message m3"], id="by another"),
    ],
)
def test_no_phantoms(entries: list[AnyEntry], found: list[str]) -> None:
    assert broken("no-phantoms", *entries) == found
