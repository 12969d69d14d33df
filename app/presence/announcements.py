"""Tells users who share rooms that a user came or went, but for those of whom one has blocked the other.

What is told is what is true when it is told, and it is read once more after: of two instances that tell of the same
user at about the same time, the one whose word is stored last would otherwise be believed even when it is the older
word. What could not be told, because PostgreSQL or Redis was away, is told later.
"""

import asyncio
import datetime as dt
import logging
from collections.abc import Iterable

from app import store
from app.announce.announcer import room_channel, user_channel
from app.core.batcher import Batcher
from app.core.redis_scripts import SoftStateUnavailable
from app.db.database import Database
from app.db.errors import DatabaseUnavailable
from app.payloads.responses import Presence, wire
from app.payloads.server_events import MOST_TOLD, PRESENCE_CHANGED
from app.presence.redis_leases import Leases
from protocol import BusUnavailable, Server

log = logging.getLogger(__name__)

MAX_BATCH = 200  # users whose rooms are read at once
UNAVAILABLE = (BusUnavailable, DatabaseUnavailable, SoftStateUnavailable)


class PresenceNews:
    """Announces `presence:changed`, and keeps when people were last seen."""

    def __init__(self, io: Server, db: Database, leases: Leases) -> None:
        self._io = io
        self._db = db
        self._leases = leases
        self._changed_at: dict[str, float] = {}  # by user, of all that wait, in the event loop's time
        self._batcher = Batcher(
            self._tell,
            failed=self._could_not_tell,
            max_batch=MAX_BATCH,
            retry_on=UNAVAILABLE,
            paused=self._cannot_tell_now,
        )
        self._silent = False

    async def add_overdue(self, ms: int) -> None:
        """Tells of those who went offline longer ago than `ms`, where nobody has. Raises SoftStateUnavailable."""
        for user_id, ago in (await self._leases.overdue(ms, MAX_BATCH)).items():
            self.add([user_id], ago)

    def add(self, user_ids: Iterable[str], ago: int = 0) -> None:
        """Tells, soon, what has become of some users; it happened `ago` ms ago."""
        happened = asyncio.get_running_loop().time() - ago / 1000
        changed = dict.fromkeys(user_ids, happened)
        self._changed_at.update(changed)
        self._batcher.add(*changed)
        self.resume()

    def resume(self) -> None:
        """Tells what could not be told before."""
        self._batcher.resume()

    async def told(self) -> list[str]:
        """Returns when everything is told that can be now: the users of whom it could not."""
        await self._batcher.drained()
        return self._batcher.waiting

    async def of(self, user_ids: Iterable[str]) -> dict[str, Presence]:
        """The present state of each of the users. Raises SoftStateUnavailable, DatabaseUnavailable."""
        asked = list(user_ids)
        online = await self._leases.online(asked) if asked else set()
        offline = [user_id for user_id in asked if user_id not in online]
        last_seen = await store.presence.last_seen(self._db, offline) if offline else {}
        return {user_id: presence(user_id, online, last_seen) for user_id in asked}

    def _cannot_tell_now(self, error: Exception) -> None:
        if not self._silent:
            log.warning("presence changes cannot be announced now: %s", error)
        self._silent = True

    def _could_not_tell(self, user_ids: list[str], error: Exception) -> None:
        log.error("it was not told that %d users came or went", len(user_ids), exc_info=error)
        self._silent = False

    async def _tell(self, user_ids: list[str]) -> None:
        changed_at = {user_id: self._changed_at.pop(user_id) for user_id in user_ids}
        try:
            await self._tell_of(changed_at)
        except UNAVAILABLE:
            self._changed_at = changed_at | self._changed_at  # for the next try
            raise
        self._silent = False

    async def _tell_of(self, changed_at: dict[str, float]) -> None:
        user_ids = list(changed_at)
        online = await self._leases.online(user_ids)
        now = asyncio.get_running_loop().time()
        gone = {user_id: now - at for user_id, at in changed_at.items() if user_id not in online}
        last_seen = await store.presence.set_last_seen(self._db, gone) if gone else {}
        rooms = await store.presence.rooms_told(self._db, user_ids, MOST_TOLD)
        withheld = await store.blocks.of_acquaintances(self._db, user_ids)
        await asyncio.gather(
            *(
                self._io.to(user_channel(user_id), *map(room_channel, rooms.get(user_id, ())))
                .except_(*map(user_channel, withheld.get(user_id, ())))
                .emit(PRESENCE_CHANGED, wire(presence(user_id, online, last_seen)))
                for user_id in user_ids
            )
        )
        now_online = await self._leases.told({user_id: user_id in online for user_id in user_ids})
        for user_id in online ^ now_online:
            self._changed_at.setdefault(user_id, now)
            self._batcher.add(user_id)


def presence(user_id: str, online: set[str], last_seen: dict[str, dt.datetime | None]) -> Presence:
    """How a user is shown."""
    if user_id in online:
        return Presence(user_id=user_id, status="online", last_seen_at=None)
    return Presence(user_id=user_id, status="offline", last_seen_at=last_seen.get(user_id))
