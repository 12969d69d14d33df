"""Tells rooms and people what was committed, on every instance.

A change is first committed with its number in the room's log and then announced here, in the order of the numbers.
Announcements reach every instance over the bus, in the order in which they were stored there. One that cannot be stored
is logged and not repeated: the change is in the log, where every member finds it at the next sync.
"""

import logging
from collections.abc import Iterable

from msgspec import UNSET

from app import store
from app.announce.log_order import LogOrder, place_of
from app.db.database import Database
from app.payloads.responses import Message, Sent, wire
from app.payloads.server_events import DIRECT_NEW, MENTION_NEW, MESSAGE_NEW
from protocol import BusUnavailable, Server

log = logging.getLogger(__name__)


def room_channel(room_id: str) -> str:
    """The socket room that hears of a room."""
    return f"room:{room_id}"


def user_channel(user_id: str) -> str:
    """The socket room of all devices of a user."""
    return f"user:{user_id}"


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
        channels = [room_channel(room_id), *map(user_channel, users)]
        await self._emit(channels, event, payload, withheld)

    async def message(self, message: Message) -> None:
        """Tells a room of a new message; in a direct conversation, under the name that it has there.

        Then whoever is mentioned in it is told of that.
        """
        if message.receiver_id is UNSET:
            await self.room(message.room_id, MESSAGE_NEW, message)
        else:
            # All devices of both, also those that do not follow a conversation that has only begun.
            await self.room(message.room_id, DIRECT_NEW, message, message.sender_id, message.receiver_id)
        await self.mention(message, message.mentions)

    async def mention(self, message: Message, user_ids: Iterable[str]) -> None:
        """Tells all devices of the given users that a message names them."""
        channels = list(map(user_channel, user_ids))
        if channels:  # none would be everybody
            await self._emit(channels, MENTION_NEW, message)

    async def user(self, user_id: str, event: str, payload: Sent) -> None:
        """Tells all devices of a user."""
        await self._emit([user_channel(user_id)], event, payload)

    async def follow(self, user_id: str, room_id: str, *, member: bool, local: bool = False) -> None:
        """Makes all sockets of a user enter the channel of a room, or leave it when the membership has ended.

        With `local`, those of this instance alone, for which the bus is not needed.

        Records are stored in another order than memberships are committed where a user joins and leaves at once,
        and the last one counts. So what is true is read after ours is stored: whoever changes it later stores
        theirs later, and whoever changed it before is put right here. Raises BusUnavailable, DatabaseUnavailable.
        """
        server = self._io.local if local else self._io
        sockets, channel = server.in_(user_channel(user_id)), room_channel(room_id)
        while True:
            await (sockets.sockets_join(channel) if member else sockets.sockets_leave(channel))
            row = await store.members.state(self._db, room_id, user_id)
            if member == (row is not None and row.state == "member"):
                return
            member = not member

    async def _emit(
        self, channels: list[str], event: str, payload: Sent, withheld: Iterable[str] = ()
    ) -> None:
        wired = wire(payload)
        place = place_of(event, wired)
        if place is not None:
            await self._order.turn(place)
            self._order.passed(place)  # who comes after it gets to the bus after the next line has
        try:
            await self._io.to(*channels).except_(*map(user_channel, withheld)).emit(event, wired)
        except BusUnavailable:
            log.warning("%s was committed but not announced to %s", event, ", ".join(channels))
