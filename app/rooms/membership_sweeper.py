"""Ends memberships on this instance where that was not announced: a former member must hear nothing.

The instance that ends a membership takes the user's sockets out of the room's channel, over the bus. When the bus is
away just then, or that instance dies before, the change is committed all the same, and the sockets would go on
listening. So each instance looks for memberships that have ended since it looked last.
"""

import time

from app import store
from app.announce.announcer import Announcer, room_channel, user_channel
from app.db.database import Database
from protocol import Server

LOOK_EVERY = 10.0  # seconds
LATE = 60.0  # seconds from the moment that a transaction calls its now to the commit, at the most


class MembershipSweeper:
    """Looks after the sockets of this instance; those that come later are let into rooms of their own alone."""

    def __init__(self, io: Server, db: Database, announcer: Announcer) -> None:
        self._io = io
        self._db = db
        self._announcer = announcer
        self._looked_at = time.monotonic()

    async def look(self) -> None:
        """One look. Raises DatabaseUnavailable."""
        begun = time.monotonic()
        for row in await store.members.ended_lately(self._db, begun - self._looked_at + LATE):
            user_id, room_id = row.user_id, row.room_id
            devices = await self._io.local.in_(user_channel(user_id)).fetch_sockets()
            if not any(room_channel(room_id) in device.rooms for device in devices):
                continue
            member = await store.members.state(self._db, room_id, user_id)
            if (
                member is None or member.state != "member"
            ):  # else the user has come back, and is to miss nothing
                await self._announcer.follow(user_id, room_id, member=False, local=True)
        self._looked_at = begun
