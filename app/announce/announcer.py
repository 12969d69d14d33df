"""Tells rooms and people what was committed, on every instance.

A change is first committed with its number in the room's log and then announced here, in the order of the numbers.
Announcements reach every instance over the bus, in the order in which they were stored there. All that tells of one
change is one record: it is stored whole or not at all, in one round trip. One that cannot be stored is logged and not
repeated: the change is in the log, where every member finds it at the next sync.
"""

import logging
from collections.abc import Awaitable, Iterable, Mapping
from typing import Any, NamedTuple

from msgspec import UNSET

from app import store
from app.announce.log_order import LogOrder, place_of
from app.db.database import Database
from app.payloads.responses import Message, Sent, wire
from app.payloads.server_events import DIRECT_NEW, MENTION_NEW, MESSAGE_NEW
from protocol import BroadcastBatch, BusUnavailable, Server

log = logging.getLogger(__name__)


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

    def __init__(self, io: Server, db: Database) -> None:
        self._io = io
        self._db = db
        self._order = LogOrder()
        io.on_any_broadcast(self._order.hear)

    async def room(
        self, room_id: str, event: str, payload: Sent, *users: str, withheld: Iterable[str] = ()
    ) -> None:
        """Tells the members of a room, and all devices of the given users; a socket that is both hears it once.

        Users from whom it is `withheld` do not hear it.
        """
        await self.announce(to_room(room_id, event, payload, *users, withheld=withheld))

    async def announce(self, *announcements: Announcement) -> None:
        """Tells all that there is to tell of one change, in this order."""
        try:
            if len(announcements) == 1:  # as for nearly every message
                await _emit(self._io, announcements[0], await self._wired(announcements[0]))
            else:
                await self._publish(announcements)
        except BusUnavailable:
            for channels, event, _, _ in announcements:
                log.warning("%s was committed but not announced to %s", event, ", ".join(channels))

    async def message(self, message: Message) -> None:
        """Tells a room of a new message; in a direct conversation, under the name that it has there.

        Then the users that it mentions are told.
        """
        if message.receiver_id is UNSET:
            new = to_room(message.room_id, MESSAGE_NEW, message)
        else:
            # All devices of both, also those that do not follow a conversation that has only begun.
            new = to_room(message.room_id, DIRECT_NEW, message, message.sender_id, message.receiver_id)
        await self.announce(new, *mentions(message, message.mentions))

    async def user(self, user_id: str, event: str, payload: Sent) -> None:
        """Tells all devices of a user."""
        await self.announce(to_user(user_id, event, payload))

    async def change_members(
        self, room_id: str, members: Mapping[str, bool], *announcements: Announcement
    ) -> None:
        """Makes all sockets of users enter the channel of a room, or leave it when the membership has ended, and then
        tells of that. Raises BusUnavailable, when no one was told, and DatabaseUnavailable, when all were.
        """
        await self._publish(announcements, room_channel(room_id), members)
        for user_id, member in members.items():
            if not await self._is_so(user_id, room_id, member):  # see `follow`
                await self.follow(user_id, room_id, member=not member)

    async def follow(self, user_id: str, room_id: str, *, member: bool, local: bool = False) -> None:
        """As `change_members` for one user, without telling anyone.

        With `local`, the sockets of this instance alone, for which the bus is not needed.

        Records are stored in another order than memberships are committed where a user joins and leaves at once,
        and the last one counts. So what is true is read after ours is stored: a later change is stored
        later, and an earlier one is put right here. Raises BusUnavailable, DatabaseUnavailable.
        """
        server = self._io.local if local else self._io
        sockets, channel = server.in_(user_channel(user_id)), room_channel(room_id)
        while True:
            await (sockets.sockets_join(channel) if member else sockets.sockets_leave(channel))
            if await self._is_so(user_id, room_id, member):
                return
            member = not member

    async def _is_so(self, user_id: str, room_id: str, member: bool) -> bool:
        row = await store.members.state(self._db, room_id, user_id)
        return member == (row is not None and row.state == "member")

    async def _publish(
        self, announcements: Iterable[Announcement], channel: str = "", members: Mapping[str, bool] = {}
    ) -> None:
        """Puts one record on the bus, by which sockets enter and leave a channel before they are told."""
        wired = [(announcement, await self._wired(announcement)) for announcement in announcements]
        async with self._io.batch() as batch:
            for user_id, member in members.items():
                sockets = batch.in_(user_channel(user_id))
                await (sockets.sockets_join(channel) if member else sockets.sockets_leave(channel))
            for announcement, payload in wired:
                await _emit(batch, announcement, payload)

    async def _wired(self, announcement: Announcement) -> Any:
        """The payload as it is sent, once its place in the room's log has its turn.

        The next announcement gets to the bus after the caller, who must give it to the bus without waiting.
        """
        wired = wire(announcement.payload)
        place = place_of(announcement.event, wired)
        if place is not None:
            await self._order.turn(place)
            self._order.passed(place)
        return wired


def _emit(sender: Server | BroadcastBatch, announcement: Announcement, payload: object) -> Awaitable[None]:
    channels, event, _, withheld = announcement
    return sender.to(*channels).except_(*map(user_channel, withheld)).emit(event, payload)


def mentions(message: Message, user_ids: Iterable[str]) -> list[Announcement]:
    """Announcements to all devices of the given users that a message names them."""
    channels = list(map(user_channel, user_ids))
    return [Announcement(channels, MENTION_NEW, message)] if channels else []  # none would be all users
