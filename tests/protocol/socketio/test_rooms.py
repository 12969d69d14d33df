"""Rooms, against the plainest model of them: a set of pairs."""

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from protocol.socketio.rooms import RoomIndex
from tests.support.tries import tries


@pytest.fixture
def rooms() -> RoomIndex[str]:
    """`a` and `b` share `red`; `b` is in `blue` too; `c` is in no room."""
    rooms = RoomIndex[str]()
    for member in "abc":
        rooms.add(member)
    rooms.join("a", "red")
    rooms.join("b", "red")
    rooms.join("b", "blue")
    return rooms


@pytest.mark.parametrize(
    ("within", "except_", "members"),
    [
        ((), (), "abc"),
        ((), ("red",), "c"),
        ((), ("nowhere",), "abc"),
        (("red",), (), "ab"),
        (("red",), ("blue",), "a"),
        (("red",), ("red",), ""),
        (("red", "blue"), (), "ab"),
        (("red", "blue"), ("blue", "nowhere"), "a"),
        (("red", "red"), (), "ab"),
        (("nowhere",), (), ""),
        (("nowhere", "blue"), (), "b"),
        ({"red", "blue"}, ("red", "blue"), ""),
    ],
)
def test_select(
    rooms: RoomIndex[str], within: tuple[str, ...], except_: tuple[str, ...], members: str
) -> None:
    assert sorted(rooms.select(within, except_)) == list(members)
    assert len(rooms.select(within, except_)) == len(members)


def test_join_and_leave_tell_of_the_first_and_the_last(rooms: RoomIndex[str]) -> None:
    assert rooms.join("c", "green")
    assert not rooms.join("a", "green")
    assert not rooms.join("a", "green")
    assert not rooms.leave("c", "green")
    assert not rooms.leave("c", "green")
    assert rooms.leave("a", "green")
    assert not rooms.leave("a", "green")
    assert rooms.join("a", "green"), "an empty room is forgotten"


def test_remove_tells_which_rooms_are_empty(rooms: RoomIndex[str]) -> None:
    assert rooms.remove("b") == ["blue"]
    assert rooms.remove("b") == []
    assert "b" not in rooms
    assert rooms.of("b") == frozenset()
    assert list(rooms.select(["red"])) == ["a"]


def test_count(rooms: RoomIndex[str]) -> None:
    assert [rooms.count(member) for member in "abcx"] == [1, 2, 0, 0]


def test_a_stranger(rooms: RoomIndex[str]) -> None:
    with pytest.raises(KeyError):
        rooms.join("x", "red")
    assert sorted(rooms.select(["red"])) == ["a", "b"]
    assert not rooms.leave("x", "red")
    assert rooms.of("x") == frozenset()
    assert rooms.remove("x") == []
    assert "x" not in rooms


def test_add_again_changes_nothing(rooms: RoomIndex[str]) -> None:
    rooms.add("a")
    assert rooms.of("a") == {"red"}
    assert len(rooms) == 3


MEMBERS = st.integers(0, 4)
ROOMS = ["r", "s", "t"]
NAMES = st.sampled_from(ROOMS)


class AnyOrder(RuleBasedStateMachine):
    """Whatever order members come, join, leave and go in, the answers are those of a set of pairs."""

    def __init__(self) -> None:
        super().__init__()
        self.rooms = RoomIndex[int]()
        self.known: set[int] = set()
        self.pairs: set[tuple[int, str]] = set()

    def inside(self, room: str) -> set[int]:
        return {member for member, name in self.pairs if name == room}

    @rule(member=MEMBERS)
    def add(self, member: int) -> None:
        self.rooms.add(member)
        self.known.add(member)

    @rule(member=MEMBERS, room=NAMES)
    def join(self, member: int, room: str) -> None:
        if member not in self.known:
            with pytest.raises(KeyError):
                self.rooms.join(member, room)
            return
        assert self.rooms.join(member, room) is (not self.inside(room))
        self.pairs.add((member, room))

    @rule(member=MEMBERS, room=NAMES)
    def leave(self, member: int, room: str) -> None:
        assert self.rooms.leave(member, room) is (self.inside(room) == {member})
        self.pairs.discard((member, room))

    @rule(member=MEMBERS)
    def remove(self, member: int) -> None:
        expected = {room for _, room in self.pairs if self.inside(room) == {member}}
        emptied = self.rooms.remove(member)
        assert (len(emptied), set(emptied)) == (len(expected), expected)
        self.known.discard(member)
        self.pairs = {pair for pair in self.pairs if pair[0] != member}

    @rule(within=st.lists(NAMES, max_size=3), except_=st.lists(NAMES, max_size=2))
    def select(self, within: list[str], except_: list[str]) -> None:
        chosen: set[Any] = set().union(*map(self.inside, within)) if within else self.known
        selected = self.rooms.select(within, except_)
        assert set(selected) == chosen - set().union(*map(self.inside, except_))
        assert len(selected) == len(set(selected))

    @invariant()
    def it_knows_who_is_where(self) -> None:
        assert len(self.rooms) == len(self.known)
        for member in range(5):
            assert (member in self.rooms) is (member in self.known)
            within = {room for who, room in self.pairs if who == member}
            assert self.rooms.of(member) == within
            assert {room for room in ROOMS if self.rooms.has(member, room)} == within


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=tries(100), stateful_step_count=30, deadline=None)
