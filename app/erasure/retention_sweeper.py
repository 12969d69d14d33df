"""Erases the messages that are older than their room keeps them, with their files, the oldest first and some at a time.

Tombstones stay, as of any deleted message. The members are told to sync, by `app.announce.log_sweeper`, which finds
that the room's log has come further than was announced.
"""

import logging
from functools import partial

from app import store
from app.db.database import Database
from app.db.queries import Queries

log = logging.getLogger(__name__)

LOOK_EVERY = 60.0  # seconds
ROOMS_AT_ONCE = 100
MESSAGES_AT_ONCE = 200


class RetentionSweeper:
    """Looks after the rooms that keep messages for some days alone; several instances take turns with a room."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def look(self) -> None:
        """Erases all that is too old. Raises DatabaseUnavailable."""
        while room_ids := await store.erasure.rooms_with_old(self._db, ROOMS_AT_ONCE):
            for room_id in room_ids:
                erased = await self._db.transaction(partial(self._erase_some, room_id))
                if erased:
                    log.info("%d messages of room %s were older than it keeps them", erased, room_id)

    async def _erase_some(self, room_id: str, q: Queries) -> int:
        await store.rooms.lock(q, room_id)
        message_ids = await store.erasure.old_messages(q, room_id, MESSAGES_AT_ONCE)
        await store.erasure.detach_files(q, message_ids)
        await store.erasure.wipe_all(q, room_id, message_ids)
        return len(message_ids)
