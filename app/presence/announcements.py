"""Tells people who share rooms that somebody came or went, but for those of whom one has blocked the other.

What is told is what is true when it is told, and it is read once more after: of two instances that tell of the same
user at about the same time, the one whose word is stored last would otherwise be believed even when it is the older
word. What could not be told, because PostgreSQL or Redis was away, is told later.
"""

import asyncio
import datetime as dt
import logging
from collections.abc import Iterable
from itertools import islice

from app import store
from app.announce.announcer import room_channel, user_channel
from app.core.redis_scripts import SoftStateUnavailable
from app.db.database import Database
from app.db.errors import DatabaseUnavailable
from app.payloads.responses import Presence, wire
from app.payloads.server_events import MOST_TOLD, PRESENCE_CHANGED
from app.presence.redis_leases import Leases
from protocol import BusUnavailable, Server

log = logging.getLogger(__name__)

MAX_BATCH = 200  # users whose rooms are read at once


class PresenceNews:
    """Announces `presence:changed`, and keeps when people were last seen."""

    def __init__(self, io: Server, db: Database, leases: Leases) -> None:
        self._io = io
        self._db = db
        self._leases = leases
        self._changed: dict[str, float] = {}  # user -> when it happened, in the event loop's time
        self._telling: asyncio.Task[None] | None = None
        self._silent = False

    def add(self, user_ids: Iterable[str], ago: int = 0) -> None:
        """Tells, soon, what has become of some users; it happened `ago` ms ago."""
        happened = asyncio.get_running_loop().time() - ago / 1000
        self._changed.update(dict.fromkeys(user_ids, happened))
        self.resume()

    def resume(self) -> None:
        """Tells what could not be told before."""
        if self._changed and self._telling is None:
            self._telling = asyncio.create_task(self._tell_all())

    async def told(self) -> list[str]:
        """Returns when everything is told that can be now: the users of whom it could not."""
        if self._telling is not None:
            await self._telling
        return list(self._changed)

    async def of(self, user_ids: Iterable[str]) -> dict[str, Presence]:
        """The present state of each of the users. Raises SoftStateUnavailable, DatabaseUnavailable."""
        asked = list(user_ids)
        online = await self._leases.online(asked) if asked else set()
        offline = [user_id for user_id in asked if user_id not in online]
        last_seen = await store.presence.last_seen(self._db, offline) if offline else {}
        return {user_id: presence(user_id, online, last_seen) for user_id in asked}

    async def _tell_all(self) -> None:
        try:
            while self._changed:
                batch = {
                    user_id: self._changed.pop(user_id) for user_id in list(islice(self._changed, MAX_BATCH))
                }
                try:
                    await self._tell(batch)
                except (BusUnavailable, DatabaseUnavailable, SoftStateUnavailable) as error:
                    self._changed = batch | self._changed
                    if not self._silent:
                        log.warning("who came and went cannot be told now: %s", error)
                    self._silent = True
                    return
                except Exception:
                    log.exception("it was not told that %d users came or went", len(batch))
                self._silent = False
        finally:
            self._telling = None

    async def _tell(self, batch: dict[str, float]) -> None:
        user_ids = list(batch)
        online = await self._leases.online(user_ids)
        now = asyncio.get_running_loop().time()
        gone = {user_id: now - happened for user_id, happened in batch.items() if user_id not in online}
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
        for user_id in online ^ await self._leases.online(user_ids):
            self._changed.setdefault(user_id, now)


def presence(user_id: str, online: set[str], last_seen: dict[str, dt.datetime | None]) -> Presence:
    """How somebody is shown."""
    if user_id in online:
        return Presence(user_id=user_id, status="online", last_seen_at=None)
    return Presence(user_id=user_id, status="offline", last_seen_at=last_seen.get(user_id))
