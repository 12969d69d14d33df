"""Tells rooms and people what was committed, on every instance.

A change is first committed with its number in the room's log and then announced here, in the order of the numbers.
Announcements reach every instance over the bus, in the order in which they were stored there. All that tells of one
change is one record: it is stored whole or not at all, in one round trip.

Nobody waits for the bus: a record is kept in memory until it is stored, so what was committed while Redis was away is
told when it is back. What is lost, because too much waits or the instance dies, `app.announce.log_sweeper` finds.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import UNSET

from app import store
from app.announce.log_order import LogOrder, Place, place_of
from app.db.database import Database
from app.payloads.responses import Message, Sent, wire
from app.payloads.server_events import (
    DIRECT_NEW,
    MENTION_NEW,
    MESSAGE_NEW,
    REPLY_NEW,
    ROOM_SYNC_NEEDED,
    SyncNeeded,
)
from protocol import BroadcastBatch, BusUnavailable, Server

log = logging.getLogger(__name__)

STORED_WITHIN = 1.0  # seconds that a change of members waits for the bus
STORED_SOON = 0.1  # the same for one that is known to fail


def room_channel(room_id: str) -> str:
    """The socket room that hears of a room."""
    return f"room:{room_id}"


def user_channel(user_id: str) -> str:
    """The socket room of all devices of a user."""
    return f"user:{user_id}"


class Announcement(NamedTuple):
    """An event for the sockets in any of some channels, but for those of users from whom it is withheld."""

    channels: list[str]
    event: str
    payload: Sent
    withheld: Iterable[str] = ()


def to_room(
    room_id: str, event: str, payload: Sent, *users: str, withheld: Iterable[str] = ()
) -> Announcement:
    """For the members of a room, and all devices of the given users; a socket that is both hears it once."""
    return Announcement([room_channel(room_id), *map(user_channel, users)], event, payload, withheld)


def to_user(user_id: str, event: str, payload: Sent) -> Announcement:
    """For all devices of a user."""
    return Announcement([user_channel(user_id)], event, payload)


class Announcer:
    """Emits to the channels of rooms and users, and decides with the database whose sockets are in them."""

    def __init__(self, io: Server, db: Database, *, lost: Callable[[], None] = lambda: None) -> None:
        """`lost` is called for each announcement that Redis does not get: too much waits for it, or it fails until the
        instance stops."""
        self._io = io
        self._db = db
        self._tell_lost = lost
        self.order = LogOrder()
        self.lost = 0  # announcements of changes that were committed
        self._waiting: set[asyncio.Task[None]] = set()  # announcements that wait for their turn
        self._checking: set[asyncio.Task[None]] = set()  # changes of members that wait for the bus
        io.on_any_broadcast(self.order.hear)
        if io.routes_by_interest:
            self.order.hears_only_of_rooms_here()
            prefix = room_channel("")
            io.on_room("create")(lambda _io, room: self.order.came(room.removeprefix(prefix)))
            io.on_room("delete")(lambda _io, room: self.order.went(room.removeprefix(prefix)))

    async def room(
        self, room_id: str, event: str, payload: Sent, *users: str, withheld: Iterable[str] = ()
    ) -> None:
        """Tells the members of a room, and all devices of the given users; a socket that is both hears it once.

        Users from whom it is `withheld` do not hear it.
        """
        await self.announce(to_room(room_id, event, payload, *users, withheld=withheld))

    async def announce(self, *announcements: Announcement) -> None:
        """Tells all that there is to tell of one change, in this order. Waits neither for the bus nor for the turn of
        the change in its room's log.
        """
        wired = [Wired(announcement) for announcement in announcements]
        if all(each.place is None or self.order.is_turn(each.place) for each in wired):
            await self._keep(wired)
        else:
            task = asyncio.create_task(self._keep_in_turn(wired))
            self._waiting.add(task)
            task.add_done_callback(self._waiting.discard)

    async def close(self) -> None:
        """Returns when nothing waits for its turn any more."""
        while self._waiting:
            await asyncio.wait(self._waiting)

    async def message(
        self, message: Message, called: Sequence[str] = (), followers: Sequence[str] = ()
    ) -> None:
        """Tells a room of a new message; in a direct conversation, under the name that it has there.

        Then the users that it mentions are told, by name or as some of a group (`called`), and of a reply the
        `followers` of its thread.
        """
        if message.receiver_id is UNSET:
            new = to_room(message.room_id, MESSAGE_NEW, message)
        else:
            # All devices of both, also those that do not follow a conversation that has only begun.
            new = to_room(message.room_id, DIRECT_NEW, message, message.sender_id, message.receiver_id)
        mentioned = told_to([*message.mentions, *called], MENTION_NEW, message)
        await self.announce(new, *mentioned, *told_to(followers, REPLY_NEW, message))

    async def user(self, user_id: str, event: str, payload: Sent) -> None:
        """Tells all devices of a user."""
        await self.announce(to_user(user_id, event, payload))

    async def change_members(
        self, room_id: str, members: Mapping[str, bool], *announcements: Announcement
    ) -> None:
        """Makes all sockets of users enter the channel of a room, or leave it when the membership has ended, and then
        tells of that. Raises BusUnavailable, when that is done later, and DatabaseUnavailable, when all were told.
        """
        wired = [Wired(announcement) for announcement in announcements]
        await self._turns(wired)
        batch = await self._put(wired, room_channel(room_id), members)
        await self._wait(self._check(room_id, members, batch))

    async def follow(self, user_id: str, room_id: str, *, member: bool, local: bool = False) -> None:
        """As `change_members` for one user, without telling anyone.

        With `local`, the sockets of this instance alone, for which the bus is not needed.
        """
        if local:
            sockets, channel = self._io.local.in_(user_channel(user_id)), room_channel(room_id)
            while True:
                await (sockets.sockets_join(channel) if member else sockets.sockets_leave(channel))
                if await self._is_so(user_id, room_id, member):
                    return
                member = not member
        await self.change_members(room_id, {user_id: member})

    async def _check(self, room_id: str, members: Mapping[str, bool], batch: BroadcastBatch) -> None:
        """Puts right what is not so any more once a record is stored.

        Records are stored in another order than memberships are committed where a user joins and leaves at once,
        and the last one counts. So what is true is read after ours is stored: a later change is stored
        later, and an earlier one is put right here.
        """
        while True:
            assert batch.stored is not None
            await batch.stored
            members = {
                user_id: not member
                for user_id, member in members.items()
                if not await self._is_so(user_id, room_id, member)
            }
            if not members:
                return
            # Whoever is let in again was kept from what came in between, and nobody else knows of that.
            told = [await self._to_sync(room_id)] if any(members.values()) else []
            batch = await self._put(told, room_channel(room_id), members)

    async def _to_sync(self, room_id: str) -> "Wired":
        """Has all of a room ask for what they lack: an instance that hears this takes it for told to all."""
        needed = SyncNeeded(room_id=room_id, last_seq=await store.rooms.last_seq(self._db, room_id))
        return Wired(to_room(room_id, ROOM_SYNC_NEEDED, needed))

    async def _wait(self, checking: Coroutine[Any, Any, None]) -> None:
        """Returns when sockets have entered and left channels. Raises what keeps them from it, or BusUnavailable, and
        they do later.
        """
        task = asyncio.create_task(checking)
        self._checking.add(task)
        task.add_done_callback(self._checked)
        await asyncio.wait({task}, timeout=STORED_WITHIN if self._io.bus_failure is None else STORED_SOON)
        if not task.done():
            raise BusUnavailable("the bus does not store for now")
        task.result()

    def _checked(self, task: "asyncio.Task[None]") -> None:
        self._checking.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("it was not checked who follows a room: %s", error)

    async def _is_so(self, user_id: str, room_id: str, member: bool) -> bool:
        row = await store.members.state(self._db, room_id, user_id)
        return member == (row is not None and row.state == "member")

    async def _keep_in_turn(self, wired: list["Wired"]) -> None:
        await self._turns(wired)
        await self._keep(wired)

    async def _keep(self, wired: list["Wired"]) -> None:
        try:
            await self._put(wired)
        except BusUnavailable as error:
            for each in wired:
                log.warning("%s was committed but not announced: %s", each.announcement.event, error)

    def _stored(self, stored: "asyncio.Future[str]") -> None:
        if (
            not stored.cancelled() and stored.exception() is not None
        ):  # the bus has stopped; the server logs it
            self._lose()

    def _lose(self) -> None:
        self.lost += 1
        self._tell_lost()

    async def _turns(self, wired: list["Wired"]) -> None:
        """Returns once changes have their turns; the next announcement gets to the bus after the caller, who must give
        these to the bus without waiting."""
        for each in wired:
            if each.place is not None:
                await self.order.turn(each.place)

    async def _put(
        self, wired: Sequence["Wired"], channel: str = "", members: Mapping[str, bool] = {}
    ) -> BroadcastBatch:
        """Puts one record on the bus, by which sockets enter and leave a channel before they are told."""
        for each in wired:
            if each.place is not None:
                self.order.passed(each.place)
        try:
            batch = await self._record(wired, channel, members)
        except BusUnavailable:
            self._lose()
            raise
        if batch.stored is not None:
            batch.stored.add_done_callback(self._stored)
        return batch

    async def _record(
        self, wired: Sequence["Wired"], channel: str, members: Mapping[str, bool]
    ) -> BroadcastBatch:
        async with self._io.batch(kept=True) as batch:
            for user_id, member in members.items():
                sockets = batch.in_(user_channel(user_id))
                await (sockets.sockets_join(channel) if member else sockets.sockets_leave(channel))
            for each in wired:
                channels, event, _, withheld = each.announcement
                selected = batch.to(*channels).except_(*map(user_channel, withheld))
                await selected.emit(event, each.payload)
        return batch


class Wired:
    """An announcement, its payload as it is sent, and its place in the room's log, if it has one."""

    __slots__ = ("announcement", "payload", "place")

    def __init__(self, announcement: Announcement) -> None:
        self.announcement = announcement
        self.payload: Any = wire(announcement.payload)
        self.place: Place | None = place_of(announcement.event, self.payload)


def told_to(user_ids: Iterable[str], event: str, message: Message) -> list[Announcement]:
    """What is announced of a message to all devices of the given users, if there are any."""
    channels = list(map(user_channel, user_ids))
    return [Announcement(channels, event, message)] if channels else []  # none would be all users
