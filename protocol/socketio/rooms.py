"""Which members are in which rooms: the two-way map behind `join`, `leave` and the choice of a broadcast's
recipients."""

from collections.abc import Collection, Hashable, Iterable
from typing import Generic, TypeVar

RoomMember = TypeVar("RoomMember", bound=Hashable)

_EMPTY: frozenset[str] = frozenset()


class RoomIndex(Generic[RoomMember]):
    """Members and rooms of one namespace on this instance. A member is known from `add` to `remove`."""

    __slots__ = ("_members", "_rooms")

    def __init__(self) -> None:
        self._rooms: dict[RoomMember, set[str]] = {}
        self._members: dict[str, set[RoomMember]] = {}

    def __len__(self) -> int:
        return len(self._rooms)

    def __contains__(self, member: RoomMember) -> bool:
        return member in self._rooms

    def add(self, member: RoomMember) -> None:
        """Make `member` known, in no room."""
        self._rooms.setdefault(member, set())

    def join(self, member: RoomMember, room: str) -> bool:
        """Put a known member into a room; true if the room had no member before. Raises `KeyError` for a stranger."""
        self._rooms[member].add(room)
        members = self._members.get(room)
        if members is None:
            self._members[room] = {member}
            return True
        members.add(member)
        return False

    def leave(self, member: RoomMember, room: str) -> bool:
        """Take a member out of a room; true if the room has no member left because of it."""
        rooms = self._rooms.get(member, set())
        if room not in rooms:
            return False
        rooms.remove(room)
        members = self._members[room]
        members.remove(member)
        if members:
            return False
        del self._members[room]
        return True

    def remove(self, member: RoomMember) -> list[str]:
        """Forget a member; return the rooms that have no member left because of it."""
        emptied = [room for room in self.of(member) if self.leave(member, room)]
        self._rooms.pop(member, None)
        return emptied

    def of(self, member: RoomMember) -> frozenset[str]:
        """The rooms that a member is in."""
        rooms = self._rooms.get(member)
        return frozenset(rooms) if rooms else _EMPTY

    def has(self, member: RoomMember, room: str) -> bool:
        """True if a member is in a room."""
        return room in self._rooms.get(member, _EMPTY)

    def count(self, member: RoomMember) -> int:
        """How many rooms a member is in."""
        return len(self._rooms.get(member, _EMPTY))

    def select(self, rooms: Collection[str] = (), except_: Iterable[str] = ()) -> Collection[RoomMember]:
        """The members in any of `rooms` (of all rooms, where it is empty), each once, without those in any
        room of `except_`.

        The answer may be a live view: do not change membership while walking it.
        """
        chosen: Collection[RoomMember]
        match len(rooms):
            case 0:
                chosen = self._rooms.keys()
            case 1:
                (room,) = rooms
                chosen = self._members.get(room, set())
            case _:
                chosen = set[RoomMember]().union(*(self._members.get(room, ()) for room in rooms))
        excluded = set[RoomMember]().union(*(self._members.get(room, ()) for room in except_))
        return [member for member in chosen if member not in excluded] if excluded else chosen
