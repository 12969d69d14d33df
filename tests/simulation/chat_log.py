"""The model of PostgreSQL, as far as a room's log needs it: changes with their numbers, members, and names of messages.

A commit takes its time and is done at one moment of it. What may happen to it: the database is away, so a statement
fails; or the caller is gone when the answer comes, which the simulator brings about by killing the instance.
"""

import asyncio
import datetime as dt
from dataclasses import dataclass, field
from random import Random

from app.payloads.responses import Member as MemberPayload
from app.payloads.responses import MemberChanged, Message, UserRef
from app.store.conversations.members import MembershipRow
from tests.simulation.virtual_loop import VirtualLoop

EPOCH = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


class Away(Exception):
    """The database does not answer."""


@dataclass
class Room:
    """A room: its changes in order, the first with number 1, and its members."""

    changes: list[str] = field(default_factory=list)
    members: set[str] = field(default_factory=set)
    written: dict[str, int] = field(default_factory=dict)  # by the client's name of the message: its number


class ChatLog:
    """The rooms. `up` is set from outside."""

    def __init__(self, loop: VirtualLoop, random: Random, delay: float, rooms: list[str]) -> None:
        self.rooms = {room: Room() for room in rooms}
        self.up = True
        self._loop = loop
        self._random = random
        self._delay = delay

    async def _turn(self) -> None:
        await asyncio.sleep(self._delay * (0.5 + self._random.random()))
        if not self.up:
            raise Away

    async def write(self, room_id: str, user_id: str, name: str) -> tuple[Message | None, int]:
        """Commit a message; the message if it is new, and its number. Raises `Away`, and `KeyError` for a stranger."""
        await self._turn()
        room = self.rooms[room_id]
        if user_id not in room.members:
            raise KeyError(user_id)
        if name in room.written:
            message = None
        else:
            room.changes.append(name)
            room.written[name] = len(room.changes)
            message = self._message(room_id, user_id, name, len(room.changes))
        number = room.written[name]
        await self._turn_back()
        return message, number

    async def change_member(self, room_id: str, user_id: str, *, member: bool) -> MemberChanged | None:
        """Commit that a user enters or leaves; None where that changes nothing. Raises `Away`."""
        await self._turn()
        room = self.rooms[room_id]
        changes = member != (user_id in room.members)
        if changes:
            room.changes.append(f"{user_id} {'enters' if member else 'leaves'}")
            (room.members.add if member else room.members.discard)(user_id)
        change = self._member(room_id, user_id, member, len(room.changes)) if changes else None
        await self._turn_back()
        return change

    async def _turn_back(self) -> None:
        """The answer comes, though the database may be away by then."""
        await asyncio.sleep(self._delay * (0.5 + self._random.random()))

    async def changes_after(self, room_id: str, user_id: str, after: int) -> list[str] | None:
        """The changes of a room after a number; None for one who is no member. Raises `Away`."""
        await self._turn()
        room = self.rooms[room_id]
        found = room.changes[after:] if user_id in room.members else None
        await self._turn_back()
        return found

    async def rooms_of(self, user_id: str) -> list[str]:
        """The rooms of a user. Raises `Away`."""
        await self._turn()
        found = [room_id for room_id, room in self.rooms.items() if user_id in room.members]
        await self._turn_back()
        return found

    async def state(self, _: object, room_id: str, user_id: str) -> MembershipRow | None:
        """In place of `store.members.state`. Raises `Away`."""
        await self._turn()
        member = user_id in self.rooms[room_id].members
        await self._turn_back()
        return MembershipRow(state="member" if member else "left", role="member")

    async def last_seq(self, _: object, room_id: str) -> int:
        """In place of `store.rooms.last_seq`. Raises `Away`."""
        await self._turn()
        number = len(self.rooms[room_id].changes)
        await self._turn_back()
        return number

    def _message(self, room_id: str, user_id: str, name: str, number: int) -> Message:
        return Message(
            id=name, room_id=room_id, sender_id=user_id, seq=number, change_seq=number, type="text",
            content=name, metadata=None, reply_to=None, client_id=name, created_at=EPOCH, modified_at=EPOCH,
            edited_at=None, deleted_at=None, sender=user_ref(user_id), attachments=[],
            reactions=[], mentions=[],
        )  # fmt: skip

    def _member(self, room_id: str, user_id: str, member: bool, number: int) -> MemberChanged:
        shown = MemberPayload(
            room_id=room_id, user_id=user_id, role="member", state="member" if member else "left",
            change_seq=number, joined_at=EPOCH, left_at=None if member else EPOCH, last_read_seq=0,
            last_read_at=None, user=user_ref(user_id),
        )  # fmt: skip
        return MemberChanged(room_id=room_id, user_id=user_id, seq=number, member=shown)


def user_ref(user_id: str) -> UserRef:
    """A user, as messages name them."""
    return UserRef(id=user_id, username=user_id, display_name=None, avatar=None)
