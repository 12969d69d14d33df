"""The rooms that an instance hears of, as a state machine for each: told to Redis before their first member counts, and
taken back some time after the last one left.

Nothing is told at once. What has changed is collected by `take`, many rooms in one order; one order is under way at a
time, and `stored` has its answer. A room stays for a while without members: for those who reload the page, and for
clients that come back to what they have missed.

Redis gives a room to an instance by itself, too, when a record makes sockets of the instance join it: whoever sends to
the room next need not wait until the instance has read that (`given`). It is told all the same: a Redis that has lost
the last of its writes is known by the orders that it lacks, and not by what it gave. An order to take a room back can
cross such a record. Redis does not carry it out then, and says so.
"""

from collections.abc import Iterable
from enum import IntEnum
from itertools import islice
from typing import NamedTuple


class RoomState(IntEnum):
    """What Redis knows of this instance's interest in a room."""

    ABSENT = 0  # nothing
    ANNOUNCING = 1  # nothing for sure, and it is to be told
    HELD = 2  # the interest
    WITHDRAWING = 3  # the interest, or nothing any more: taking it back is under way
    RETURNING = 4  # the same, and it is wanted again


class RoomInput(IntEnum):
    """What happens to a room."""

    WANT = 0  # it has a member, or somebody is about to come back
    GIVE = 1  # Redis has given it to us
    STORE = 2  # the order that it was part of is carried out
    KEEP = 3  # the order to take it back is not
    EXPIRE = 4  # it was long enough without a member
    FAIL = 5  # whether the order that it was part of is carried out is unknown
    LOSE = 6  # Redis has lost what it knew


_ABSENT, _ANNOUNCING, _HELD, _WITHDRAWING, _RETURNING = RoomState

TRANSITIONS: dict[RoomState, dict[RoomInput, RoomState]] = {
    _ABSENT: {RoomInput.WANT: _ANNOUNCING, RoomInput.GIVE: _ANNOUNCING, RoomInput.LOSE: _ABSENT},
    _ANNOUNCING: {
        RoomInput.WANT: _ANNOUNCING,
        RoomInput.GIVE: _ANNOUNCING,
        RoomInput.STORE: _HELD,
        RoomInput.FAIL: _ANNOUNCING,
        RoomInput.LOSE: _ANNOUNCING,
    },
    _HELD: {
        RoomInput.WANT: _HELD,
        RoomInput.GIVE: _HELD,
        RoomInput.EXPIRE: _WITHDRAWING,
        RoomInput.LOSE: _ANNOUNCING,
    },
    _WITHDRAWING: {
        RoomInput.WANT: _RETURNING,
        RoomInput.GIVE: _RETURNING,
        RoomInput.STORE: _ABSENT,
        RoomInput.KEEP: _HELD,
        RoomInput.FAIL: _ANNOUNCING,
        RoomInput.LOSE: _ABSENT,
    },
    _RETURNING: {
        RoomInput.WANT: _RETURNING,
        RoomInput.GIVE: _RETURNING,
        RoomInput.STORE: _ANNOUNCING,
        RoomInput.KEEP: _HELD,
        RoomInput.FAIL: _ANNOUNCING,
        RoomInput.LOSE: _ANNOUNCING,
    },
}


class Order(NamedTuple):
    """What Redis is to be told in one command: rooms to hear of, some of which it knows already, and rooms to hear of
    no longer."""

    announced: tuple[str, ...]
    withdrawn: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.announced or self.withdrawn)


class _Room:
    __slots__ = ("empty_since", "state")

    def __init__(self, now: float) -> None:
        self.state = _ABSENT
        self.empty_since: float | None = now  # None while it has members


class InterestTable:
    """The rooms of one instance. Times are in seconds, on any clock that does not go back.

    A room is taken back when it has had no member for `linger` seconds.
    """

    def __init__(self, linger: float) -> None:
        self.linger = linger
        self._rooms: dict[str, _Room] = {}
        self._changed: dict[str, None] = {}  # those to announce, in their order
        self._empty: dict[str, None] = {}  # those without members, the one that is so for longest first
        self._under_way: Order | None = None
        self._to_renew: list[str] = []

    def __len__(self) -> int:
        return len(self._rooms)

    def state(self, room: str) -> RoomState:
        """What Redis knows of the interest in a room."""
        found = self._rooms.get(room)
        return _ABSENT if found is None else found.state

    def is_held(self, rooms: Iterable[str]) -> bool:
        """True if this instance hears of all these rooms."""
        return all(self.state(room) is _HELD for room in rooms)

    # --- what happens here ---

    def enter(self, room: str, now: float) -> None:
        """A room has its first member."""
        self._input(room, RoomInput.WANT, now).empty_since = None
        self._empty.pop(room, None)

    def leave(self, room: str, now: float) -> None:
        """A room has lost its last member."""
        if room in self._rooms:
            self._begin_to_linger(room, now)

    def hold(self, room: str, now: float) -> None:
        """A room is wanted for somebody who is about to come back; until then it need not have a member."""
        self._want_without_member(room, RoomInput.WANT, now)

    def given(self, room: str, now: float) -> None:
        """A record has been read by which Redis gave us a room."""
        self._want_without_member(room, RoomInput.GIVE, now)

    def lose(self, now: float) -> None:
        """Redis knows nothing any more; an order that is under way has no answer that counts."""
        self._under_way = None
        for room in list(self._rooms):
            self._input(room, RoomInput.LOSE, now)

    # --- what Redis is told ---

    def take(self, most: int, now: float) -> Order:
        """The next order, of at most `most` rooms of either kind; an empty one where there is nothing to tell, or one
        is under way."""
        if self._under_way is not None:
            return Order((), ())
        taken = tuple(islice(self._changed, most))
        for room in taken:
            del self._changed[room]
        announced = tuple(room for room in taken if self.state(room) is _ANNOUNCING)
        order = Order(announced, self._expired(most, now))
        if order:
            self._under_way = order
        return order

    def stored(self, order: Order, now: float, *, kept: bool = False) -> None:
        """An order is carried out; of one that is `kept`, only what it announced. Nothing, if it is not under way."""
        if order is not self._under_way:
            return
        self._under_way = None
        for room in order.announced:
            self._input(room, RoomInput.STORE, now)
        for room in order.withdrawn:
            self._input(room, RoomInput.KEEP if kept else RoomInput.STORE, now)
            self._linger_again(room, now)

    def failed(self, order: Order, now: float) -> None:
        """An order got no answer: it is unknown whether it is carried out, so its rooms are told anew."""
        if order is not self._under_way:
            return
        self._under_way = None
        for room in (*order.announced, *order.withdrawn):
            self._input(room, RoomInput.FAIL, now)
        for room in order.withdrawn:
            self._linger_again(room, now)

    def renew(self, most: int) -> tuple[str, ...]:
        """The next rooms that are held, in turns over all: what Redis knows of them has an expiry."""
        if not self._to_renew:
            self._to_renew = list(self._rooms)
        rooms, self._to_renew = self._to_renew[:most], self._to_renew[most:]
        return tuple(room for room in rooms if self.state(room) is _HELD)

    def next_due(self) -> float | None:
        """When there is something to tell of a room without members; None: there is none."""
        for room in self._empty:
            empty_since = self._rooms[room].empty_since
            assert empty_since is not None
            return empty_since + self.linger
        return None

    def _expired(self, most: int, now: float) -> tuple[str, ...]:
        expired: list[str] = []
        for room in islice(self._empty, most):
            empty_since = self._rooms[room].empty_since
            assert empty_since is not None
            if empty_since + self.linger > now:
                break
            expired.append(room)
        withdrawn: list[str] = []
        for room in expired:
            if self.state(room) is _HELD:
                self._input(room, RoomInput.EXPIRE, now)
                del self._empty[room]
                withdrawn.append(room)
            else:  # it was not told in all that time
                self._begin_to_linger(room, now)
        return tuple(withdrawn)

    # --- one room ---

    def _input(self, room: str, input: RoomInput, now: float) -> _Room:
        found = self._rooms.get(room)
        if found is None:
            found = self._rooms[room] = _Room(now)
        found.state = TRANSITIONS[found.state][input]
        if found.state is _ANNOUNCING:
            self._changed[room] = None
        elif found.state is _ABSENT:
            del self._rooms[room]
            self._empty.pop(room, None)
        return found

    def _want_without_member(self, room: str, input: RoomInput, now: float) -> None:
        if self._input(room, input, now).empty_since is not None:
            self._begin_to_linger(room, now)

    def _linger_again(self, room: str, now: float) -> None:
        found = self._rooms.get(room)
        if found is not None and found.empty_since is not None:
            self._begin_to_linger(room, now)

    def _begin_to_linger(self, room: str, now: float) -> None:
        self._rooms[room].empty_since = now
        self._empty.pop(room, None)
        self._empty[room] = None
