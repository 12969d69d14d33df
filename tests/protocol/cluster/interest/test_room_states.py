"""Which rooms an instance hears of: the table of states, and any order of what can happen, beside a model of Redis."""

import itertools
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.cluster.interest.room_states import (
    TRANSITIONS,
    InterestTable,
    Order,
    RoomInput,
    RoomState,
)

LINGER = 5.0
A, B, C = "/,a", "/,b", "/,c"


def test_each_state_has_its_inputs() -> None:
    """What can happen in each state; all else is a mistake of ours."""
    always = {RoomInput.WANT, RoomInput.GIVE, RoomInput.LOSE}
    assert {state: set(inputs) for state, inputs in TRANSITIONS.items()} == {
        RoomState.ABSENT: always,
        RoomState.ANNOUNCING: always | {RoomInput.STORE, RoomInput.FAIL},
        RoomState.HELD: always | {RoomInput.EXPIRE},
        RoomState.WITHDRAWING: always | {RoomInput.STORE, RoomInput.KEEP, RoomInput.FAIL},
        RoomState.RETURNING: always | {RoomInput.STORE, RoomInput.KEEP, RoomInput.FAIL},
    }


def test_each_state_can_be_reached_and_left() -> None:
    reached = {target for inputs in TRANSITIONS.values() for target in inputs.values()}
    assert reached == set(RoomState)
    assert all(set(inputs.values()) != {state} for state, inputs in TRANSITIONS.items())


def test_the_joins_of_one_turn_are_one_order() -> None:
    table = InterestTable(LINGER)
    for room in (A, B, C):
        table.enter(room, 0)
    order = table.take(100, 0)
    assert order == Order((A, B, C), ())
    assert not table.is_held((A,))
    assert table.take(100, 0) == Order((), ()), "one is under way"
    table.stored(order, 0)
    assert table.is_held((A, B, C))
    assert table.take(100, 100) == Order((), ())


def test_an_order_has_as_many_rooms_as_it_may() -> None:
    table = InterestTable(LINGER)
    for number in range(5):
        table.enter(f"/,{number}", 0)
    sizes = []
    while order := table.take(2, 0):
        sizes.append(len(order.announced))
        table.stored(order, 0)
    assert sizes == [2, 2, 1]
    for number in range(5):
        table.leave(f"/,{number}", 0)
    sizes = []
    while order := table.take(2, LINGER):
        sizes.append(len(order.withdrawn))
        table.stored(order, LINGER)
    assert sizes == [2, 2, 1]
    assert len(table) == 0


def held(*rooms: str) -> InterestTable:
    table = InterestTable(LINGER)
    for room in rooms:
        table.enter(room, 0)
    table.stored(table.take(100, 0), 0)
    return table


def test_who_comes_back_soon_is_no_change() -> None:
    table = held(A)
    for now in range(10):
        table.leave(A, now)
        assert table.take(100, now + LINGER - 1) == Order((), ())
        table.enter(A, now + 0.5)
    assert table.next_due() is None
    assert table.take(100, 1_000) == Order((), ())


def test_a_room_is_taken_back_after_a_while_without_members() -> None:
    table = held(A, B)
    table.leave(B, 1)
    table.leave(A, 2)
    assert table.next_due() == 1 + LINGER
    order = table.take(100, 1 + LINGER)
    assert order == Order((), (B,))
    table.stored(order, 1 + LINGER)
    assert (table.state(A), table.state(B)) == (RoomState.HELD, RoomState.ABSENT)
    assert table.next_due() == 2 + LINGER


def test_a_member_that_comes_while_its_room_is_taken_back() -> None:
    """It is told again, and is not held before that."""
    table = held(A)
    table.leave(A, 0)
    order = table.take(100, LINGER)
    table.enter(A, LINGER)
    assert not table.is_held((A,))
    table.stored(order, LINGER)
    assert not table.is_held((A,))
    order = table.take(100, LINGER)
    assert order == Order((A,), ())
    table.stored(order, LINGER)
    assert table.is_held((A,))


@pytest.mark.parametrize("comes", [True, False])
def test_redis_keeps_what_it_gave(comes: bool) -> None:
    """A record that makes a socket join has crossed the order to take the room back."""
    table = held(A)
    table.leave(A, 0)
    order = table.take(100, LINGER)
    table.given(A, LINGER)
    if comes:
        table.enter(A, LINGER)
    table.stored(order, LINGER, kept=True)
    assert table.is_held((A,))
    again = table.take(100, 3 * LINGER)
    assert again == (Order((), ()) if comes else Order((), (A,)))


def test_a_room_that_redis_gave_is_told_all_the_same_and_lingers() -> None:
    table = InterestTable(LINGER)
    table.given(A, 0)
    order = table.take(100, 0)
    assert order == Order((A,), ())
    table.stored(order, 0)
    assert table.is_held((A,))
    assert table.take(100, 1) == Order((), ())
    assert table.take(100, LINGER) == Order((), (A,))


def test_a_room_is_held_for_somebody_who_is_about_to_come() -> None:
    table = InterestTable(LINGER)
    table.hold(A, 0)
    table.stored(table.take(100, 0), 0)
    table.hold(A, 3)
    assert table.take(100, 1 + LINGER) == Order((), ())
    table.enter(A, 3 + LINGER - 1)
    assert table.take(100, 100) == Order((), ())


def test_an_order_without_an_answer_is_told_anew() -> None:
    table = held(A, B)
    table.leave(A, 0)
    table.leave(B, 0)
    table.enter(C, 1)
    order = table.take(100, LINGER)
    assert order == Order((C,), (A, B))
    table.enter(B, LINGER)
    table.failed(order, LINGER)
    again = table.take(100, LINGER)
    assert (set(again.announced), again.withdrawn) == ({A, B, C}, ())
    table.stored(order, LINGER)  # its answer comes late, and does not count
    assert not table.is_held((C,))
    table.stored(again, LINGER)
    assert table.take(100, 2 * LINGER) == Order((), (A,))


def test_all_that_is_wanted_is_told_again_when_redis_has_lost_it() -> None:
    table = held(A, B)
    table.leave(B, 0)
    table.lose(1)
    order = table.take(100, 1)
    assert set(order.announced) == {A, B}
    table.lose(1)
    table.stored(order, 1)
    assert not table.is_held((A,))


def test_held_rooms_are_renewed_in_turns() -> None:
    rooms = [f"/,{number}" for number in range(5)]
    table = held(*rooms)
    table.leave(rooms[0], 0)
    table.take(100, LINGER)
    seen = [table.renew(2) for _ in range(3)]
    assert list(itertools.chain(*seen)) == rooms[1:]
    assert table.renew(2) == (rooms[1],)
    assert InterestTable(LINGER).renew(2) == ()


Step: TypeAlias = tuple[str, str, float]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["enter", "leave", "hold", "join", "read", "send", "answer", "break", "fail", "lose", "wait"]
        ),
        st.sampled_from([A, B]),
        st.sampled_from([0.0, 1.0, LINGER]),
    ),
    max_size=60,
)


class Instance:
    """A table, the members that its rooms have, and Redis, which carries out an order before its answer comes."""

    def __init__(self) -> None:
        self.table = InterestTable(LINGER)
        self.now = 0.0
        self.members: set[str] = set()
        self.redis: set[str] = set()
        self.unread: list[str] = []  # rooms that Redis gave, by records that were not read yet
        self.order = Order((), ())
        self.answer: bool | None = None  # whether the order that is carried out was kept

    def do(self, step: str, room: str, pause: float) -> None:
        match step:
            case "enter" if room not in self.members:
                self.members.add(room)
                self.table.enter(room, self.now)
            case "leave" if room in self.members:
                self.members.remove(room)
                self.table.leave(room, self.now)
            case "hold":
                self.table.hold(room, self.now)
            case "join":
                self.redis.add(room)
                self.unread.append(room)
            case "read" if self.unread:
                room = self.unread.pop(0)
                self.table.given(room, self.now)
                if room not in self.members:
                    self.members.add(room)
                    self.table.enter(room, self.now)
            case "send":
                self.send()
            case "answer" if self.answer is not None:
                self.table.stored(self.order, self.now, kept=self.answer)
                self.order, self.answer = Order((), ()), None
            case "break" if self.order:  # carried out or not
                self.table.failed(self.order, self.now)
                self.order, self.answer = Order((), ()), None
            case "lose":
                self.redis.clear()
                self.unread.clear()
                self.table.lose(self.now)
                self.order, self.answer = Order((), ()), None
            case "wait":
                self.now += pause

    def send(self) -> None:
        """An order reaches Redis."""
        if self.answer is not None:
            return
        self.order = self.table.take(100, self.now)
        if self.order:
            self.redis.update(self.order.announced)
            self.answer = bool(self.order.withdrawn and self.unread)
            if not self.answer:
                self.redis.difference_update(self.order.withdrawn)

    def settle(self) -> None:
        """Let all be read and answered."""
        while self.unread:
            self.do("read", A, 0)
        while True:
            self.do("answer", A, 0)
            self.send()
            if not self.order:
                return

    def check(self) -> None:
        """What is held is in Redis."""
        for room in (A, B):
            if self.table.is_held((room,)):
                assert room in self.redis


@given(STEPS)
def test_whatever_happens(steps: list[Step]) -> None:
    """No room is taken for held that Redis does not know; and in the end Redis knows those with members, and no other
    for longer than they linger."""
    instance = Instance()
    for step in steps:
        instance.do(*step)
        instance.check()
    instance.settle()
    instance.check()
    assert instance.members <= instance.redis
    assert instance.table.is_held(instance.members)
    for _ in range(3):  # what was told anew lingers once more
        instance.now += LINGER
        instance.settle()
    assert instance.redis == instance.members
    assert len(instance.table) == len(instance.members)
    assert instance.table.next_due() is None
