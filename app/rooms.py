"""What people do with rooms; events and REST both come here.

Each change is committed with its number in the room's log and then announced: first the sockets of the user whose
membership changed enter or leave the room's channel, then the room is told.
"""

import logging

import uuid_utils

from app import store
from app.announce import Announcer
from app.caller import Caller
from app.db import Database, DatabaseUnavailable, Queries
from app.events import ROOM_ADDED, USER_JOINED, USER_LEFT
from app.payloads import CreateRoom, Nothing, RoomRef
from app.refusals import Refusal, refuse
from app.rows import member_of, room_of
from app.views import MemberChanged, Room
from protocol import BusUnavailable

log = logging.getLogger(__name__)

NO_ROOM = "There is no such room"
NOT_A_MEMBER = "You are not a member of this room"


class Rooms:
    """Rooms, and who enters and leaves them."""

    def __init__(self, db: Database, announcer: Announcer) -> None:
        self._db = db
        self._announcer = announcer

    async def list_all(self, caller: Caller, _: Nothing) -> list[Room]:
        """The rooms that the user is a member of, by name; direct conversations are not among them."""
        return [room_of(row) for row in await store.rooms.of_user(self._db, caller.user_id, "member")]

    async def get(self, caller: Caller, payload: RoomRef) -> Room:
        """One room that the user is a member of. Refused: `not_found`, `not_a_member`."""
        return await room_of_member(self._db, payload.room_id, caller.user_id)

    async def create(self, caller: Caller, payload: CreateRoom) -> Room:
        """Makes a room with its creator as admin."""
        room_id = str(uuid_utils.uuid7())

        async def work(q: Queries) -> Room:
            await store.rooms.insert(
                q,
                room_id=room_id,
                kind="private" if payload.is_private else "public",
                name=payload.name.strip(),
                description=payload.description,
                created_by=caller.user_id,
            )
            await _add_member(q, room_id, caller.user_id, "admin")
            return await room_of_member(q, room_id, caller.user_id)

        room = await self._db.transaction(work)
        try:
            await self._announce_joined(caller.user_id, room)
        except (BusUnavailable, DatabaseUnavailable):
            # A refusal would make the client create it again; this room is there, and `room:join` enters it.
            log.warning("room %s was created but not announced", room_id)
        return room

    async def join(self, caller: Caller, payload: RoomRef) -> Room:
        """Makes the user a member of a public room; changes nothing for one who is a member of any room already.

        Whoever enters a room that all have left becomes its admin. Refused: `not_found`, `forbidden`.
        """
        user_id, room_id = caller.user_id, payload.room_id

        async def work(q: Queries) -> tuple[Room, bool]:
            row = await store.rooms.lock(q, room_id) or refuse("not_found", NO_ROOM)
            member = await store.members.state(q, room_id, user_id)
            if member is not None and member["state"] == "member":
                return await room_of_member(q, room_id, user_id), False
            if member is not None and member["state"] == "banned":
                raise Refusal("forbidden", "You are banned from this room")
            if row["kind"] != "public":
                raise Refusal("forbidden", "This room is entered by invitation only")
            others = await store.members.others(q, room_id, user_id)
            await _add_member(q, room_id, user_id, "member" if others["members"] else "admin")
            return await room_of_member(q, room_id, user_id), True

        room, joined = await self._db.transaction(work)
        if joined:
            await self._announce_joined(user_id, room)
        else:
            await self._announcer.follow(user_id, room_id, member=True)
        return room

    async def leave(self, caller: Caller, payload: RoomRef) -> MemberChanged:
        """Ends the user's membership. Refused: `not_found`, `not_a_member`, and `conflict` for a last admin.

        The user's sockets leave the room's channel even when there was no membership to end: an earlier attempt may
        have been committed and not announced.
        """
        user_id, room_id = caller.user_id, payload.room_id

        async def work(q: Queries) -> MemberChanged | None:
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
            return await member_changed(q, room_id, user_id)

        change = await self._db.transaction(work)
        await self._announcer.follow(user_id, room_id, member=False)
        if change is None:
            raise Refusal("not_a_member", NOT_A_MEMBER)
        await self._announcer.room(room_id, USER_LEFT, change, user_id)
        return change

    async def _announce_joined(self, user_id: str, room: Room) -> None:
        await self._announcer.follow(user_id, room.id, member=True)
        await self._announcer.user(user_id, ROOM_ADDED, room)
        change = await member_changed(self._db, room.id, user_id)
        await self._announcer.room(room.id, USER_JOINED, change)


async def room_of_member(q: Queries, room_id: str, user_id: str) -> Room:
    """A room as its member sees it. Raises Refusal: `not_found`, `not_a_member`."""
    row = await store.rooms.of_member(q, room_id, user_id)
    if row is None:
        if await store.rooms.exists(q, room_id):
            raise Refusal("not_a_member", NOT_A_MEMBER)
        raise Refusal("not_found", NO_ROOM)
    return room_of(row)


async def member_changed(q: Queries, room_id: str, user_id: str) -> MemberChanged:
    """The last change of somebody's place in a room, to be announced."""
    row = await store.members.shown(q, room_id, user_id)
    assert row is not None
    member = member_of(row)
    return MemberChanged(room_id=room_id, user_id=user_id, seq=member.change_seq, member=member)


async def _add_member(q: Queries, room_id: str, user_id: str, role: str) -> None:
    await store.members.put(
        q,
        member_id=str(uuid_utils.uuid7()),
        room_id=room_id,
        user_id=user_id,
        role=role,
        change_seq=await store.rooms.next_seq(q, room_id),
    )
