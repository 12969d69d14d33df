"""Deletes the rooms that their admins, or administrators, have decided to delete, in parts: each in a transaction.

First the memberships end: the members are told that they are no longer in the room, as of any other end. Then the
messages go, the newest first; their files expire with them, and `app.attachments.attachments` deletes these from the
storage. At last the room goes. Whoever dies on the way leaves the rest to the next look of any instance.
"""

import logging
from functools import partial

from app import store
from app.announce.announcer import Announcer, to_user
from app.db.database import Database
from app.db.queries import Queries
from app.payloads.from_rows import member_of
from app.payloads.responses import MemberChanged
from app.payloads.server_events import MEMBER_UPDATED, USER_LEFT
from app.store.administration.administered_rooms import EndedRow
from protocol import BusUnavailable

log = logging.getLogger(__name__)

LOOK_EVERY = 5.0  # seconds
MEMBERS_AT_ONCE = 50
MESSAGES_AT_ONCE = 500


class RoomSweeper:
    """Does what is left to do of deleted rooms; several instances take turns."""

    def __init__(self, db: Database, announcer: Announcer) -> None:
        self._db = db
        self._announcer = announcer

    async def look(self) -> None:
        """Deletes all rooms that are to be deleted and that no other instance is at. Raises DatabaseUnavailable."""
        while (room_id := await self._db.transaction(store.administered_rooms.lock_deleted)) is not None:
            await self.end_memberships(room_id)
            if not await self._db.transaction(partial(self._delete_some, room_id)):
                return  # another instance is at it

    async def end_memberships(self, room_id: str) -> None:
        """Ends the memberships of a room that is being deleted, and tells who was in it."""
        while changes := await self._end_some(room_id):
            told = [to_user(change.user_id, event, change) for change, event in changes]
            try:
                await self._announcer.change_members(
                    room_id, {change.user_id: False for change, _ in changes}, *told
                )
            except BusUnavailable as error:  # app.rooms.membership_sweeper takes the sockets out
                log.info("who was in a deleted room hears of it later: %s", error)

    async def _end_some(self, room_id: str) -> list[tuple[MemberChanged, str]]:
        async def work(q: Queries) -> list[tuple[MemberChanged, str]]:
            if await store.administered_rooms.lock_deleted(q, room_id) is None:
                return []
            ended = await store.administered_rooms.end_memberships(q, room_id, MEMBERS_AT_ONCE)
            return await _changes(q, room_id, ended)

        return await self._db.transaction(work)

    async def _delete_some(self, room_id: str, q: Queries) -> bool:
        """Deletes some messages of a room, or the room where it has none; false where another instance holds it."""
        if await store.administered_rooms.lock_deleted(q, room_id) is None:
            return False
        if not await store.administered_rooms.delete_messages(q, room_id, MESSAGES_AT_ONCE):
            await store.administered_rooms.delete(q, room_id)
            log.info("room %s was deleted", room_id)
        return True


async def _changes(q: Queries, room_id: str, ended: list[EndedRow]) -> list[tuple[MemberChanged, str]]:
    """The changes of the log, and the events that tell of them."""
    events = {row.user_id: USER_LEFT if row.was_member else MEMBER_UPDATED for row in ended}
    rows = await store.administered_rooms.shown_members(q, room_id, list(events))
    return [
        (
            MemberChanged(
                room_id=room_id,
                user_id=row.user_id,
                seq=row.change_seq,
                member=member_of(row),
                room_deleted=True,
            ),
            events[row.user_id],
        )
        for row in rows
    ]
