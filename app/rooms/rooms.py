"""The operations on rooms; events and REST both come here.

Each change is committed with its number in the room's log and then announced, by one record of the bus: first the
sockets of the user whose membership changed enter or leave the room's channel, then the room is told.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeAlias

import uuid_utils

from app import store
from app.announce.announcer import Announcement, Announcer, to_room, to_user
from app.core.caller import Caller
from app.core.errors import Reason, Refusal, refuse
from app.db.database import Database
from app.db.errors import DatabaseUnavailable
from app.db.queries import Queries
from app.payloads.fields.field_types import MemberState, Role
from app.payloads.fields.validation import is_id
from app.payloads.from_rows import member_of, room_of
from app.payloads.requests import CreateRoom, DiscoverRooms, Nothing, RoomRef
from app.payloads.responses import MemberChanged, Room
from app.payloads.rooms.public_room_payloads import PublicRoom, PublicRooms, public_room_of
from app.payloads.server_events import MEMBER_UPDATED, ROOM_ADDED, USER_JOINED, USER_LEFT
from app.search.names import name_asked, name_vector
from app.store.conversations.rooms import LockedRoomRow
from protocol import BusUnavailable

log = logging.getLogger(__name__)

NO_ROOM = "There is no such room"
NOT_A_MEMBER = "You are not a member of this room"
ARCHIVED: tuple[Reason, str] = ("archived", "This room is archived: nothing can be written or changed in it")


# Raises Refusal where a user with that state in a locked room may not become a member of it.
Admit: TypeAlias = Callable[[Queries, LockedRoomRow, MemberState | None], Awaitable[None]]


class Rooms:
    """Rooms, and entering and leaving them. A user may be in `most_rooms`, 0 for any number.

    `may_create` may refuse a user who makes another room; `met` is told who has come into a room with others.
    """

    def __init__(
        self,
        db: Database,
        announcer: Announcer,
        *,
        most_rooms: int = 0,
        may_create: Callable[[str], Awaitable[None]] | None = None,
        met: Callable[[str], None] = lambda _user_id: None,
    ) -> None:
        self._db = db
        self._announcer = announcer
        self._most_rooms = most_rooms
        self._may_create = may_create
        self._met = met

    async def list_all(self, caller: Caller, _: Nothing) -> list[Room]:
        """The rooms that the user is a member of, by name; direct conversations are not among them."""
        return [room_of(row) for row in await store.rooms.of_user(self._db, caller.user_id)]

    async def discover(self, caller: Caller, payload: DiscoverRooms) -> PublicRooms:
        """Public rooms in the order in which they were made; with a query, those whose names fit it.

        They do when each word of the query is a part of the name, in any case and with any accents. Archived rooms are
        left out. Refused: `not_found` for an unknown `after`.
        """
        after, size = payload.after, payload.limit
        if after is not None and not (is_id(after) and await store.public_rooms.is_public(self._db, after)):
            raise Refusal("not_found", NO_ROOM)
        asked = None if payload.query is None else name_asked(payload.query)
        if payload.query is None:
            rows = await store.public_rooms.public(self._db, caller.user_id, after=after, limit=size + 1)
        elif asked is None:  # nothing of it can be seen
            rows = []
        else:
            rows = await store.public_rooms.public_with_words(
                self._db, caller.user_id, asked=asked, after=after, limit=size + 1
            )
        rooms = [public_room_of(row) for row in rows[:size]]
        return PublicRooms(rooms=rooms, next=rooms[-1].id if len(rows) > size else None)

    async def look_up(self, caller: Caller, payload: RoomRef) -> PublicRoom:
        """What everybody may know of a public room, before they join it.

        Refused: `not_found`, also for one that is not public, or archived.
        """
        row = None
        if is_id(payload.room_id):
            row = await store.public_rooms.public_one(self._db, caller.user_id, payload.room_id)
        return public_room_of(row or refuse("not_found", NO_ROOM))

    async def get(self, caller: Caller, payload: RoomRef) -> Room:
        """One room that the user is a member of. Refused: `not_found`, `not_a_member`."""
        return await room_of_member(self._db, payload.room_id, caller.user_id)

    async def create(self, caller: Caller, payload: CreateRoom) -> Room:
        """Makes a room with its creator as admin.

        Refused: `too_many` for one who is in as many rooms as one may be, `rate_limited` for one who makes too many.
        """
        if self._may_create is not None:
            await self._may_create(caller.user_id)
        room_id = str(uuid_utils.uuid7())

        async def work(q: Queries) -> tuple[Room, MemberChanged]:
            await store.rooms.insert(
                q,
                room_id=room_id,
                kind="private" if payload.is_private else "public",
                name=payload.name,
                description=(payload.description or "").strip() or None,
                created_by=caller.user_id,
                words=name_vector(payload.name),
            )
            await self._enter(q, room_id, caller.user_id, "admin")
            change = await member_changed(q, room_id, caller.user_id)
            return await room_of_member(q, room_id, caller.user_id), change

        room, change = await self._db.transaction(work)
        try:
            await self._announce_joined(room, change)
        except (BusUnavailable, DatabaseUnavailable):
            # A refusal would make the client create it again; this room is there, and `room:join` enters it.
            log.warning("room %s was created, and may not have been announced", room_id)
        return room

    async def join(self, caller: Caller, payload: RoomRef) -> Room:
        """Makes the user a member of a room that is public or that they are invited to.

        It changes nothing for a user who is a member already; a socket that asked for no acknowledgement gets
        `room:user-joined` then, alone. A user who enters a room that all have left becomes its admin. Refused:
        `not_found`, `forbidden`, `archived`, and `too_many` for a user who is in as many rooms as a user may be.
        """
        return await self.enter(caller, payload.room_id, _invited_or_public)

    async def enter(self, caller: Caller, room_id: str, admit: Admit) -> Room:
        """As `join`, where `admit` decides in its transaction whether a user who is no member may come in."""
        user_id = caller.user_id

        async def work(q: Queries) -> tuple[Room, MemberChanged, bool]:
            row = await store.rooms.lock(q, room_id) or refuse("not_found", NO_ROOM)
            member = await store.members.state(q, room_id, user_id)
            state = None if member is None else member.state
            enters = state != "member"
            if enters:
                if state == "banned":
                    raise Refusal("forbidden", "You are banned from this room")
                await admit(q, row, state)
                check_not_archived(row)
                others = await store.members.others(q, room_id, user_id)
                await self._enter(q, room_id, user_id, "member" if others.members else "admin")
            change = await member_changed(q, room_id, user_id)
            return await room_of_member(q, room_id, user_id), change, enters

        room, change, entered = await self._db.transaction(work)
        if entered:
            await self._announce_joined(room, change)
            self._met(user_id)
        else:
            await self._announcer.follow(user_id, room_id, member=True)
            if caller.socket_id is not None and not caller.wants_answer:
                await self._announcer.announce(Announcement([caller.socket_id], USER_JOINED, change))
        return room

    async def leave(self, caller: Caller, payload: RoomRef) -> MemberChanged:
        """Ends the user's membership, or declines an invitation, which the inviter cannot repeat for 24 hours.

        Refused: `not_found`, `not_a_member`, `forbidden` for a direct conversation, and `conflict` for the last admin
        of a room that others are in: name another one before. The user's sockets leave the room's channel even when
        there was no membership to end: an earlier attempt may have been committed and not announced.
        """
        user_id, room_id = caller.user_id, payload.room_id

        async def work(q: Queries) -> tuple[MemberChanged, str] | None:
            row = await store.rooms.lock(q, room_id) or refuse("not_found", NO_ROOM)
            member = await store.members.state(q, room_id, user_id)
            if member is None or member.state not in ("member", "invited"):
                return None
            if row.kind == "direct":
                raise Refusal("forbidden", "A direct conversation cannot be left")
            if member.role == "admin":
                others = await store.members.others(q, room_id, user_id)
                if others.members and not others.admins:
                    raise Refusal("conflict", "The last admin cannot leave while there are other members")
            if member.state == "invited":
                await store.invitations.note_declined(q, room_id, user_id)
            seq = await store.rooms.next_seq(q, room_id)
            await store.members.mark_left(q, room_id=room_id, user_id=user_id, change_seq=seq)
            event = USER_LEFT if member.state == "member" else MEMBER_UPDATED
            return await member_changed(q, room_id, user_id), event

        left = await self._db.transaction(work)
        if left is None:
            await self._announcer.follow(user_id, room_id, member=False)
            raise Refusal("not_a_member", NOT_A_MEMBER)
        change, event = left
        told = to_room(room_id, event, change, user_id)
        await self._announcer.change_members(room_id, {user_id: False}, told)
        return change

    async def _enter(self, q: Queries, room_id: str, user_id: str, role: Role) -> None:
        if self._most_rooms:
            # For another instance may let the same user into another room.
            await store.accounts.lock(q, user_id)
            if await store.members.count_of_user(q, user_id) >= self._most_rooms:
                raise Refusal("too_many", "You are in as many rooms as one may be: leave one first")
        await put_member(q, room_id, user_id, role=role)

    async def _announce_joined(self, room: Room, change: MemberChanged) -> None:
        await self._announcer.change_members(
            room.id,
            {change.user_id: True},
            to_user(change.user_id, ROOM_ADDED, room),
            to_room(room.id, USER_JOINED, change, change.user_id),
        )


async def room_of_member(q: Queries, room_id: str, user_id: str) -> Room:
    """A room as its member sees it. Raises Refusal: `not_found`, `not_a_member`."""
    row = await store.rooms.of_member(q, room_id, user_id)
    return await refuse_stranger(q, room_id) if row is None else room_of(row)


async def check_member(q: Queries, room_id: str, user_id: str) -> None:
    """Raises Refusal: `not_found`, `not_a_member`."""
    row = await store.members.state(q, room_id, user_id)
    if row is None or row.state != "member":
        await refuse_stranger(q, room_id)


async def check_writer(q: Queries, room_id: str, user_id: str) -> None:
    """Raises Refusal: `not_found`, `not_a_member`, `archived`."""
    room = await store.room_log.room_for(q, room_id, user_id) or refuse("not_found", NO_ROOM)
    if room.state != "member":
        raise Refusal("not_a_member", NOT_A_MEMBER)
    if room.archived_at is not None:
        raise Refusal(*ARCHIVED)


async def refuse_stranger(q: Queries, room_id: str) -> NoReturn:
    """Tells a user who is not in a room why nothing comes of it. Raises Refusal: `not_found`, `not_a_member`."""
    if await store.rooms.exists(q, room_id):
        raise Refusal("not_a_member", NOT_A_MEMBER)
    raise Refusal("not_found", NO_ROOM)


async def put_member(
    q: Queries,
    room_id: str,
    user_id: str,
    *,
    role: Role = "member",
    state: MemberState = "member",
    changed_by: str | None = None,
) -> None:
    """Gives a user a place in a locked room, as the next change of its log."""
    await store.members.put(
        q,
        member_id=str(uuid_utils.uuid7()),
        room_id=room_id,
        user_id=user_id,
        role=role,
        change_seq=await store.rooms.next_seq(q, room_id),
        state=state,
        changed_by=changed_by,
    )


def check_not_archived(room: LockedRoomRow) -> None:
    """Raises Refusal: `archived`."""
    if room.archived_at is not None:
        raise Refusal(*ARCHIVED)


async def member_changed(q: Queries, room_id: str, user_id: str) -> MemberChanged:
    """The last change of a user's place in a room, to be announced."""
    row = await store.members.shown(q, room_id, user_id)
    assert row is not None
    member = member_of(row)
    return MemberChanged(room_id=room_id, user_id=user_id, seq=member.change_seq, member=member)


async def _invited_or_public(_: Queries, room: LockedRoomRow, state: MemberState | None) -> None:
    if room.kind == "direct" or (room.kind == "private" and state != "invited"):
        raise Refusal("forbidden", "This room is entered by invitation only")
