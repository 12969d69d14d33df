"""Who of the people that a user shares rooms with is online, told at once: to a socket that begins to follow its user's
rooms, and to all of a user who has come into one more.

What is told to a user is read once more after, as `announcements` does it, for a change may have been announced between
the reading and the telling.
"""

import logging
from collections.abc import Iterable

from app import store
from app.announce.announcer import user_channel
from app.core.batcher import Batcher
from app.core.redis_scripts import SoftStateUnavailable
from app.core.shared_reads import SharedRead
from app.db.database import Database
from app.db.errors import DatabaseUnavailable
from app.payloads import responses
from app.payloads.server_events import MOST_TOLD, PRESENCE_SNAPSHOT
from app.presence.announcements import PresenceNews
from app.presence.redis_leases import Leases
from protocol import BusUnavailable, Server, Socket

log = logging.getLogger(__name__)

MAX_BATCH = 500  # users in one call of a script
MOST_ACQUAINTANCES = 5_000  # users that a snapshot looks at
MOST_IN_SNAPSHOT = 1_000
SNAPSHOTS_AT_ONCE = 50  # users whose acquaintances are read with one statement
UNAVAILABLE = (BusUnavailable, DatabaseUnavailable, SoftStateUnavailable)


class PresenceSnapshots:
    """Sends `presence:snapshot`. `news` tells of users to those who share a room with them."""

    def __init__(self, io: Server, db: Database, leases: Leases, news: PresenceNews) -> None:
        self._io = io
        self._db = db
        self._leases = leases
        self._news = news
        self._acquaintances = SharedRead(self._online_acquaintances, max_batch=SNAPSHOTS_AT_ONCE)
        self._batcher = Batcher(self._meet, failed=self._could_not_tell, max_batch=MAX_BATCH)

    async def send(self, socket: Socket, user_id: str) -> None:
        """Tells a socket of its user's acquaintances; not while PostgreSQL or Redis is away."""
        try:
            online = await self._acquaintances.of(user_id)
        except (SoftStateUnavailable, DatabaseUnavailable) as error:
            log.info("no snapshot of presence for socket %s: %s", socket.id, error)
            return
        await socket.emit(PRESENCE_SNAPSHOT, snapshot(online), local=True)

    def meet(self, user_ids: Iterable[str]) -> None:
        """Tells, soon, users who have begun to share a room who is online in it, and the others of them."""
        self._batcher.add(*user_ids)

    async def told(self) -> None:
        """Returns when all is told that can be."""
        await self._batcher.drained()

    async def _meet(self, user_ids: list[str]) -> None:
        here = await self._leases.online(user_ids)
        self._news.add(user_id for user_id in user_ids if user_id in here)
        for user_id in here:
            online = await self._acquaintances.of(user_id)
            await self._io.to(user_channel(user_id)).emit(PRESENCE_SNAPSHOT, snapshot(online))
            if set(online) != set(await self._acquaintances.of(user_id)):
                self._batcher.add(user_id)

    def _could_not_tell(self, user_ids: list[str], error: Exception) -> None:
        if isinstance(error, UNAVAILABLE):
            log.info("no snapshot of presence for %d users: %s", len(user_ids), error)
        else:
            log.error("%d users were not told who is online", len(user_ids), exc_info=error)

    async def _online_acquaintances(self, user_ids: list[str]) -> dict[str, list[str]]:
        acquaintances = await store.presence.acquaintances(
            self._db, user_ids, most_members=MOST_TOLD, limit=MOST_ACQUAINTANCES
        )
        known: dict[str, bool] = {}
        return {user_id: await self._online(others, known) for user_id, others in acquaintances.items()}

    async def _online(self, others: list[str], known: dict[str, bool]) -> list[str]:
        """Those who are online, more than `MOST_IN_SNAPSHOT` of them not all; `known` is what was asked before."""
        online: list[str] = []
        for first in range(0, len(others), MAX_BATCH):
            some = others[first : first + MAX_BATCH]
            if asked := [user_id for user_id in some if user_id not in known]:
                found = await self._leases.online(asked)
                known.update((user_id, user_id in found) for user_id in asked)
            online += [user_id for user_id in some if known[user_id]]
            if len(online) >= MOST_IN_SNAPSHOT:
                break
        return online


def snapshot(online: list[str]) -> object:
    """The payload of `presence:snapshot`."""
    return responses.wire(
        [
            responses.Presence(user_id=user_id, status="online", last_seen_at=None)
            for user_id in online[:MOST_IN_SNAPSHOT]
        ]
    )
