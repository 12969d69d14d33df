"""Rooms, as administrators treat them: taken over without admins, archived, deleted, entered by new people."""

from msgspec import Struct

from app import store
from app.administration import audit
from app.announce.announcer import Announcement, to_room, to_user
from app.core.errors import NO_USER, Refusal, refuse
from app.db.database import Database
from app.db.queries import Queries
from app.payloads.responses import MemberChanged, Room, RoomInfo
from app.payloads.server_events import MEMBER_UPDATED, ROOM_ADDED, USER_JOINED
from app.rooms.room_settings import set_archived
from app.rooms.rooms import NO_ROOM, member_changed, put_member, room_of_member
from app.store.administration.administered_rooms import AdministeredRoomRow

MOST_DEFAULT_ROOMS = 20


class TakenOver(Struct, frozen=True):
    """A room that has an admin now. `entered` says that the admin has come into it with that."""

    room: Room
    change: MemberChanged
    entered: bool

    def announcements(self) -> list[Announcement]:
        """What tells the members of it, and the new admin."""
        room_id, user_id = self.room.id, self.change.user_id
        if not self.entered:
            return [to_room(room_id, MEMBER_UPDATED, self.change, user_id)]
        return [to_user(user_id, ROOM_ADDED, self.room), to_room(room_id, USER_JOINED, self.change, user_id)]


class AdministeredRooms:
    """Changes rooms that are public or private, and notes that `actor` did. Direct conversations are none of them."""

    def __init__(self, db: Database, actor: str) -> None:
        self._db = db
        self._actor = actor

    async def take_over(self, room_id: str, user_id: str) -> TakenOver:
        """Makes a user the admin of a room that has none, and a member if they are not.

        The members are left to the caller to tell. Raises Refusal: `not_found`; `conflict` for a room with an admin,
        and for a deactivated user.
        """

        async def work(q: Queries) -> TakenOver:
            room = await _lock(q, room_id)
            if room.has_admin:
                raise Refusal("conflict", f"{room.name} has an admin: ask them")
            person = await store.account_states.find(q, user_id) or refuse("not_found", NO_USER)
            if person.deactivated_at is not None:
                raise Refusal("conflict", f"{person.username} is deactivated")
            member = await store.members.state(q, room_id, user_id)
            entered = member is None or member.state != "member"
            if entered:
                await put_member(q, room_id, user_id, role="admin")
            else:
                await store.members.set_role(
                    q,
                    room_id=room_id,
                    user_id=user_id,
                    role="admin",
                    change_seq=await store.rooms.next_seq(q, room_id),
                    changed_by=user_id,
                )
            await self._note(q, "take-over-room", room, admin=person.username)
            return TakenOver(
                await room_of_member(q, room_id, user_id), await member_changed(q, room_id, user_id), entered
            )

        return await self._db.transaction(work)

    async def delete(self, room_id: str) -> AdministeredRoomRow:
        """Begins to delete a room, which nobody finds or enters any more; `RoomSweeper` does the rest.

        Raises Refusal: `not_found`.
        """

        async def work(q: Queries) -> AdministeredRoomRow:
            room = await _lock(q, room_id)
            await store.administered_rooms.begin_deletion(q, room_id)
            await self._note(q, "delete-room", room, kind=room.kind, members=room.member_count)
            return room

        return await self._db.transaction(work)

    async def archive(self, room_id: str, *, archived: bool) -> tuple[AdministeredRoomRow, RoomInfo]:
        """Archives a room, or takes that back, as its admins can; returns it as it was, and what is to be announced.

        Raises Refusal: `not_found`, `conflict` where it is so already.
        """

        async def work(q: Queries) -> tuple[AdministeredRoomRow, RoomInfo]:
            room = await _lock(q, room_id)
            if (room.archived_at is not None) == archived:
                raise Refusal(
                    "conflict", f"{room.name} is {'archived already' if archived else 'not archived'}"
                )
            await self._note(q, "archive-room" if archived else "unarchive-room", room)
            return room, await set_archived(q, room_id, archived=archived)

        return await self._db.transaction(work)

    async def add_default(self, room_id: str) -> AdministeredRoomRow:
        """Lets whoever signs up enter a room, also a private one.

        Raises Refusal: `not_found`, `conflict` where they do already or it is archived, `too_many` beyond 20 rooms.
        """

        async def work(q: Queries) -> AdministeredRoomRow:
            room = await _lock(q, room_id)
            if room.archived_at is not None:
                raise Refusal("conflict", f"{room.name} is archived")
            if len(await store.administered_rooms.default_ids(q)) >= MOST_DEFAULT_ROOMS:
                raise Refusal("too_many", f"New people enter {MOST_DEFAULT_ROOMS} rooms at most")
            if not await store.administered_rooms.add_default(q, room_id):
                raise Refusal("conflict", f"New people enter {room.name} already")
            await self._note(q, "add-default-room", room)
            return room

        return await self._db.transaction(work)

    async def remove_default(self, room_id: str) -> AdministeredRoomRow:
        """Lets whoever signs up from now on not enter a room; who is in it stays. Raises Refusal: `not_found`."""

        async def work(q: Queries) -> AdministeredRoomRow:
            room = await _lock(q, room_id)
            if not await store.administered_rooms.remove_default(q, room_id):
                raise Refusal("not_found", f"New people do not enter {room.name}")
            await self._note(q, "remove-default-room", room)
            return room

        return await self._db.transaction(work)

    async def keep_messages(self, room_id: str, days: int | None) -> AdministeredRoomRow:
        """Has a room keep its messages for some days, None for ever. Raises Refusal: `not_found`."""

        async def work(q: Queries) -> AdministeredRoomRow:
            room = await _lock(q, room_id)
            await store.administered_rooms.set_retention(q, room_id, days)
            await self._note(q, "keep-messages", room, days=days, before=room.retention_days)
            return room

        return await self._db.transaction(work)

    async def _note(self, q: Queries, action: str, room: AdministeredRoomRow, **details: object) -> None:
        await audit.note(q, self._actor, action, room.id, room.name, **details)


async def _lock(q: Queries, room_id: str) -> AdministeredRoomRow:
    """Holds a room. Raises Refusal: `not_found`, also for a direct conversation and for one that is being deleted."""
    await store.rooms.lock(q, room_id)
    return await store.administered_rooms.find(q, room_id) or refuse("not_found", NO_ROOM)
