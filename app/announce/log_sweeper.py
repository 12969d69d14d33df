"""Finds changes that were committed and not announced, and tells their rooms that there is something to sync.

The instance that makes a change announces it. It does not where it dies before Redis has the announcement, or where
more wait for Redis than it keeps. Members learn of such a change from the number of the room's next one, which may be
long in coming. So every few seconds one of the instances reads which rooms have changed lately, and compares how far
their logs go with what it heard over the bus, as all instances did. Where instances hear only of rooms in which they
have members, it asks the others what they heard. A room that lacks something gets `room:sync-needed`, and its clients
ask for what they lack. The database remembers how far that was done, so changes from while Redis, or all instances,
were away are found later.

An instance that knows of a loss waits for nobody's turn: it looks at once where PostgreSQL's answer to a commit was
lost, or where too much waited for Redis; and when it stops while Redis fails, it has another instance look at once.

An instance for which the bus has lost something does not ask the others: it tells the rooms of its own clients.

An instance that has just started has heard little. It leaves the work to older ones, if there are any, and tells rooms
that lack nothing otherwise; their clients ignore that by its number.
"""

import asyncio
import datetime as dt
import logging
import time
from collections.abc import Callable
from typing import NamedTuple

from app import store
from app.announce.announcer import Announcer, room_channel, user_channel
from app.announce.heard_elsewhere import HeardElsewhere
from app.db.database import Database
from app.db.errors import DatabaseUnavailable
from app.payloads.responses import wire
from app.payloads.server_events import ROOM_SYNC_NEEDED, SyncNeeded
from app.store.conversations.announced_changes import ChangedMemberRow, ChangedRoomRow
from protocol import BusUnavailable, Server

log = logging.getLogger(__name__)

LOOK_EVERY = 5.0  # seconds
SETTLED = 2.0  # seconds within which what was committed is heard of, if it is announced
LATE = 60.0  # seconds from the moment that a transaction calls its now to the commit, at the most
KNOWS_AFTER = 2 * LATE + SETTLED  # seconds in which an instance has heard of all rooms that a look reads
AT_ONCE = 100  # rooms told with one record of the bus
MOST_SUSPECTS = 10_000  # rooms that are compared again, and told, before more are read
MOST_MEMBERS = 100  # changes, from the end of a log of which nothing was heard, that are searched for members


class Cursor(NamedTuple):
    """How far the rooms have been read, in the order of the minutes of their last changes, and of their ids."""

    minute: dt.datetime
    room_id: str


class LogSweeper:
    """Looks for all instances, when it is the first to. `told` is called with the number of rooms told to sync."""

    def __init__(
        self,
        io: Server,
        db: Database,
        announcer: Announcer,
        *,
        told: Callable[[int], None] = lambda _rooms: None,
    ) -> None:
        self._io = io
        self._db = db
        self._announcer = announcer
        self._told = told
        self._elsewhere = HeardElsewhere(io, announcer.order) if io.routes_by_interest else None
        self._looked_for = 0  # losses, of those that this instance knows of
        self._started_at = time.monotonic()
        self._gaps = 0  # of the bus, those that were looked after
        self._fine_at = dt.datetime.now(dt.UTC)  # the last look before them

    @property
    def _losses(self) -> int:
        return self._announcer.lost + self._db.uncertain_commits

    async def look(self) -> None:
        """One look, unless Redis is away or another instance looks already. Raises DatabaseUnavailable."""
        if self._io.bus_failure is not None:
            return  # nothing is heard, and nothing could be told
        try:
            await self._look_for_own_clients()
        except BusUnavailable as error:
            log.info("own clients are told later that they may have missed something: %s", error)
            return
        losses = self._losses
        span = await store.announced_changes.claim(self._db, every=self._interval(), late=LATE)
        if span is None:
            return
        after: Cursor | None = Cursor(span.since, "")
        while after is not None:
            suspects, after = await self._suspects(after)
            try:
                await self._tell(suspects, self._elsewhere)
            except BusUnavailable as error:
                log.info("rooms with changes that were not announced are told later: %s", error)
                return
        await store.announced_changes.note(self._db, span.until)
        self._looked_for = losses

    async def _look_for_own_clients(self) -> None:
        """After a gap of the bus: tell the rooms of this instance's clients that have changes that it did not hear of,
        whatever others have heard. Raises BusUnavailable."""
        gaps, begun = self._io.gaps, dt.datetime.now(dt.UTC)
        if gaps != self._gaps:
            after: Cursor | None = Cursor(self._fine_at - dt.timedelta(seconds=KNOWS_AFTER), "")
            while after is not None:
                suspects, after = await self._suspects(after)
                await self._tell([room for room in suspects if self._announcer.order.is_here(room.id)])
        self._gaps, self._fine_at = gaps, begun

    async def hand_over(self) -> None:
        """At the end: have another instance look at once, if this one knows of a loss. Waits for PostgreSQL."""
        await asyncio.sleep(0)  # in which the announcer is called back for what the bus has just dropped
        if self._losses == self._looked_for:
            return
        try:
            await store.announced_changes.hasten(self._db)
        except DatabaseUnavailable as error:
            log.warning("changes that were not announced are found some seconds later: %s", error)

    def _interval(self) -> float:
        """How many seconds ago the last look has been, where one is due."""
        if self._losses != self._looked_for:
            return 0.0
        is_young = time.monotonic() < self._started_at + KNOWS_AFTER
        return 2 * LOOK_EVERY if is_young else LOOK_EVERY / 2

    async def _suspects(self, after: Cursor) -> tuple[list[ChangedRoomRow], Cursor | None]:
        """Rooms of which not all is heard yet, and the place to go on from; None at the end."""
        suspects: list[ChangedRoomRow] = []
        while len(suspects) < MOST_SUSPECTS:
            page = await store.announced_changes.rooms_changed(self._db, after.minute, after=after.room_id)
            suspects += filter(self._lacks, page)
            if len(page) < store.announced_changes.MOST_ROOMS:
                return suspects, None
            after = Cursor(page[-1].changed_minute, page[-1].id)
        return suspects, after

    def _lacks(self, room: ChangedRoomRow) -> bool:
        return self._announcer.order.heard(room.id) < room.last_seq

    async def _tell(self, suspects: list[ChangedRoomRow], elsewhere: HeardElsewhere | None = None) -> None:
        """Waits until what is on its way was heard, and tells the rooms that lack something all the same."""
        if not suspects:
            return
        await asyncio.sleep(SETTLED)
        lacking = list(filter(self._lacks, suspects))
        if lacking and elsewhere is not None:
            await elsewhere.learn([room.id for room in lacking])
            lacking = list(filter(self._lacks, lacking))
        if lacking:
            log.info("%d rooms may have changes that were not announced", len(lacking))
        for first in range(0, len(lacking), AT_ONCE):
            await self._tell_rooms(lacking[first : first + AT_ONCE])

    async def _tell_rooms(self, rooms: list[ChangedRoomRow]) -> None:
        heard = {room.id: self._announcer.order.heard(room.id) for room in rooms}
        after = {room.id: heard[room.id] or room.last_seq - MOST_MEMBERS for room in rooms}
        changed: dict[str, list[ChangedMemberRow]] = {}
        for row in await store.announced_changes.members_changed(self._db, after):
            changed.setdefault(row.room_id, []).append(row)
        for room_id, members in changed.items():  # app.rooms.membership_sweeper has those who left, leave
            entered = {row.user_id: True for row in members if row.state == "member"}
            if entered:
                await self._announcer.change_members(room_id, entered)
        async with self._io.batch() as batch:
            for room in rooms:
                people = {row.user_id for row in changed.get(room.id, ())}
                if room.direct_key is not None:  # whose devices need not follow it yet
                    people.update(room.direct_key.split(":"))
                channels = (room_channel(room.id), *map(user_channel, people))
                needed = SyncNeeded(room_id=room.id, last_seq=room.last_seq)
                await batch.to(*channels).emit(ROOM_SYNC_NEEDED, wire(needed))
        self._told(len(rooms))
