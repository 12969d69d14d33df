"""What people do with rooms; events and REST both come here.

Each change is committed with its number in the room's log and then announced. Announcements reach every instance
over the bus, in the order in which they were stored there: first the sockets of the user whose membership
changed enter or leave the room, then the room is told.
"""

import logging

import uuid_utils

from app import store
from app.db import Database, DatabaseUnavailable, Queries
from app.events import (
    MESSAGE_NEW,
    USER_JOINED,
    USER_LEFT,
    CreateRoom,
    MembershipChanged,
    Message,
    Room,
    message_of,
    room_of,
    wire,
)
from app.refusals import Refusal, refuse
from protocol import BusUnavailable, Server

log = logging.getLogger(__name__)

NO_ROOM = "There is no such room"
NOT_A_MEMBER = "You are not a member of this room"


def room_channel(room_id: str) -> str:
    """The socket room that hears of a room."""
    return f"room:{room_id}"


def user_channel(user_id: str) -> str:
    """The socket room of all devices of a user."""
    return f"user:{user_id}"


class Rooms:
    """Rooms, their members and their history."""

    def __init__(self, db: Database, io: Server) -> None:
        self._db = db
        self._io = io

    async def create(self, user_id: str, payload: CreateRoom) -> Room:
        """Makes a room with its creator as admin."""
        room_id = str(uuid_utils.uuid7())

        async def work(q: Queries) -> Room:
            await store.rooms.insert(
                q,
                room_id=room_id,
                kind="private" if payload.is_private else "public",
                name=payload.name.strip(),
                description=payload.description,
                created_by=user_id,
            )
            await _add_member(q, room_id, user_id, "admin")
            return await _room(q, room_id, user_id)

        room = await self._db.transaction(work)
        try:
            await self._announce_joined(user_id, room_id, room.last_seq)
        except (BusUnavailable, DatabaseUnavailable):
            # A refusal would make the client create it again; this room is there, and `room:join` enters it.
            log.warning("room %s was created but not announced", room_id)
        return room

    async def join(self, user_id: str, room_id: str) -> Room:
        """Makes a user a member of a public room; changes nothing for one who is a member of any room already.

        Whoever enters a room that all have left becomes its admin. Raises Refusal: `not_found`, `forbidden`.
        """

        async def work(q: Queries) -> tuple[Room, int | None]:
            row = await store.rooms.lock(q, room_id) or refuse("not_found", NO_ROOM)
            member = await store.members.state(q, room_id, user_id)
            if member is not None and member["state"] == "member":
                return await _room(q, room_id, user_id), None
            if member is not None and member["state"] == "banned":
                raise Refusal("forbidden", "You are banned from this room")
            if row["kind"] != "public":
                raise Refusal("forbidden", "This room is entered by invitation only")
            others = await store.members.others(q, room_id, user_id)
            seq = await _add_member(q, room_id, user_id, "member" if others["members"] else "admin")
            return await _room(q, room_id, user_id), seq

        room, seq = await self._db.transaction(work)
        if seq is None:
            await self._subscribe(user_id, room_id, member=True)
        else:
            await self._announce_joined(user_id, room_id, seq)
        return room

    async def leave(self, user_id: str, room_id: str) -> MembershipChanged:
        """Ends a membership. Raises Refusal: `not_found`, `not_a_member`, and `conflict` for a last admin.

        The user's sockets leave the room even when there was no membership to end: an earlier attempt may have
        been committed and not announced.
        """

        async def work(q: Queries) -> int | None:
            row = await store.rooms.lock(q, room_id) or refuse("not_found", NO_ROOM)
            member = await store.members.state(q, room_id, user_id)
            if member is None or member["state"] != "member":
                return None
            if row["kind"] == "direct":
                raise Refusal("forbidden", "A direct conversation cannot be left")
            others = await store.members.others(q, room_id, user_id)
            if others["members"] and not others["admins"]:
                raise Refusal("conflict", "The last admin cannot leave while there are other members")
            seq = await store.rooms.next_seq(q, room_id)
            await store.members.mark_left(q, room_id=room_id, user_id=user_id, change_seq=seq)
            return seq

        seq = await self._db.transaction(work)
        await self._subscribe(user_id, room_id, member=False)
        if seq is None:
            raise Refusal("not_a_member", NOT_A_MEMBER)
        change = MembershipChanged(room_id, user_id, seq)
        # The one who left hears of it too, on every device.
        audience = self._io.to(room_channel(room_id), user_channel(user_id))
        await audience.emit(USER_LEFT, wire(change))
        return change

    async def of_user(self, user_id: str) -> list[Room]:
        """The rooms that a user is a member of, by name; direct conversations are not among them."""
        return [room_of(row) for row in await store.rooms.of_user(self._db, user_id)]

    async def history(self, user_id: str, room_id: str, before: str | None, limit: int) -> list[Message]:
        """The newest messages of a room, or the newest before the one with the id `before`, newest first.

        Raises Refusal: `not_a_member`, and `not_found` for a room or a `before` that this room does not have.
        """
        if await store.rooms.of_member(self._db, room_id, user_id) is None:
            if await store.rooms.exists(self._db, room_id):
                raise Refusal("not_a_member", NOT_A_MEMBER)
            raise Refusal("not_found", NO_ROOM)
        place = None
        if before is not None:
            place = await store.log.seq_of(self._db, room_id, before)
            if place is None:
                raise Refusal("not_found", "There is no such message in this room")
        return [
            message_of(row) for row in await store.log.history(self._db, room_id, before=place, limit=limit)
        ]

    async def announce(self, message: Message) -> None:
        """Tells a room of a message that was committed."""
        await self._io.to(room_channel(message.room_id)).emit(MESSAGE_NEW, wire(message))

    async def _announce_joined(self, user_id: str, room_id: str, seq: int) -> None:
        await self._subscribe(user_id, room_id, member=True)
        change = MembershipChanged(room_id, user_id, seq)
        await self._io.to(room_channel(room_id)).emit(USER_JOINED, wire(change))

    async def _subscribe(self, user_id: str, room_id: str, *, member: bool) -> None:
        """Makes all sockets of a user enter the room of a new member, or leave that of one who is none any more.

        Records are stored in another order than memberships are committed where a user joins and leaves at once,
        and the last one counts. So what is true is read after ours is stored: whoever changes it later stores
        theirs later, and whoever changed it before is put right here.
        """
        sockets, channel = self._io.in_(user_channel(user_id)), room_channel(room_id)
        while True:
            await (sockets.sockets_join(channel) if member else sockets.sockets_leave(channel))
            row = await store.members.state(self._db, room_id, user_id)
            if member == (row is not None and row["state"] == "member"):
                return
            member = not member


async def _add_member(q: Queries, room_id: str, user_id: str, role: str) -> int:
    seq = await store.rooms.next_seq(q, room_id)
    member_id = str(uuid_utils.uuid7())
    await store.members.put(
        q, member_id=member_id, room_id=room_id, user_id=user_id, role=role, change_seq=seq
    )
    return seq


async def _room(q: Queries, room_id: str, user_id: str) -> Room:
    row = await store.rooms.of_member(q, room_id, user_id)
    assert row is not None
    return room_of(row)
