"""What devices and PostgreSQL have at the end agrees, and marks only went forward."""

from typing import Any

import pytest

from scripts.soaking.history import Answered, AnyEntry, Committed, Marked, Stored, Unread, Viewed
from tests.support.soak_histories import broken

MESSAGES = {
    "m3": [3, 3, "A", "one", False, [], None, True, []],
    "m4": [4, 4, "B", "two", False, [], None, True, []],
    "m5": [6, 5, "A", "", True, [], None, True, []],
    "m8": [8, 8, "B", "in its thread", False, [], "m3", False, []],
}
MEMBERS = {"A": [1, "member", "admin"], "B": [2, "member", "member"], "C": [7, "left", "member"]}
FIELDS = [5, "a room", False, ["m4", "m3"]]
STORED = Stored(
    at=100,
    room="r",
    last_number=8,
    messages=MESSAGES,
    members={user: [*member, 3 if user == "A" else 0, None] for user, member in MEMBERS.items()},
    fields=FIELDS,
)


def viewed(
    device: str = "a", *, room: str = "r", applied: int = 8, fields: list[Any] = FIELDS, **messages: Any
) -> Viewed:
    return Viewed(
        at=99,
        device=device,
        room=room,
        applied=applied,
        messages=MESSAGES | messages,
        members=MEMBERS,
        fields=fields,
    )


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        pytest.param(viewed(), [], id="the same"),
        pytest.param(
            viewed(m3=[3, 3, "A", "other", False, [], None, True, []]), ["a r"], id="a message differs"
        ),
        pytest.param(viewed(m9=[9, 9, "A", "more", False, [], None, True, []]), ["a r"], id="one too many"),
        pytest.param(viewed(applied=6), ["a r"], id="not to the end"),
        pytest.param(viewed(fields=[5, "a room", False, ["m3", "m4"]]), ["a r"], id="pins in another order"),
        pytest.param(viewed(fields=[5, "a room", True, ["m4", "m3"]]), ["a r"], id="archived"),
        pytest.param(viewed(fields=[5, "a room"]), [], id="told by an earlier release"),
        pytest.param(viewed(fields=[]), ["a r"], id="not told of the room"),
        pytest.param(viewed(room="other"), [], id="a device that looked at nothing of this"),
    ],
)
def test_views_converge(entry: Viewed, found: list[str]) -> None:
    assert broken("views-converge", STORED, entry) == found


def test_a_room_that_a_member_does_not_know() -> None:
    other = Stored(
        at=100, room="s", last_number=1, messages={}, members={"A": [1, "member", "admin", 0, None]}
    )
    assert broken("views-converge", STORED, viewed(), other) == ["a s unknown"]


def test_a_group_is_listed_once_something_was_written_in_it() -> None:
    place = ["member", "admin", 0, None]
    silent = Stored(at=100, room="s", last_number=1, messages={}, members={"A": [1, *place]})
    begins = Committed(at=1, room="s", number=0, what="room", item="s", value={"name": "A, B", "group": True})
    assert broken("views-converge", STORED, viewed(), begins, silent) == []
    silent.messages["m"] = [2, 2, "B", "one", False, [], None, True, []]
    assert broken("views-converge", STORED, viewed(), begins, silent) == ["a s unknown"]


@pytest.mark.parametrize(
    ("user", "told", "found"),
    [("A", 1, []), ("A", 2, ["A r"]), ("B", 1, []), ("B", 0, ["B r"])],
    ids=["after the mark", "too many", "without one's own and the deleted", "too few"],
)
def test_unread_is_counted(user: str, told: int, found: list[str]) -> None:
    assert broken("unread-is-counted", STORED, Unread(at=99, user=user, room="r", told=told)) == found


def test_unread_is_counted_from_where_it_was_marked() -> None:
    marked = Stored(
        at=100, room="r", last_number=8, messages=MESSAGES, members={"A": [1, "member", "admin", 5, 3]}
    )
    for told, found in ((2, []), (1, ["A r"])):
        assert broken("unread-is-counted", marked, Unread(at=99, user="A", room="r", told=told)) == found


@pytest.mark.parametrize(
    ("marks", "found"), [([3, 5, 5], []), ([3, 5, 4], [" r A 4"])], ids=["forward", "back"]
)
def test_marks_never_go_back(marks: list[int], found: list[str]) -> None:
    entries: list[AnyEntry] = [
        Marked(at=10 + place, room="r", user="A", mark=mark) for place, mark in enumerate(marks)
    ]
    assert broken("marks-never-go-back", *entries) == found


def test_answers_about_marks_never_go_back() -> None:
    answers = [
        Answered(at=10 + place, device="a", call=place, value={"room": "r", "item": "A", "mark": mark})
        for place, mark in enumerate((5, 4))
    ]
    assert broken("marks-never-go-back", *answers) == ["a r A 4"]
