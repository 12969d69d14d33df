"""Sees to it that the changes of a room are announced in the order of its log, whichever instances make them.

Changes are committed one after the other, each with its number, and announced by the instance that made them; of two
instances one may be the slower. But each hears what all announce. So one that has heard of the fourth change, and has
made the sixth, knows that the fifth is on its way and lets it go first. It asks no other instance, and mostly waits for
nothing.

The fifth may never come: its instance has died, or it is a change that is not announced. So no wait is long; the
members learn from the number that they have missed something. Nor does an instance wait for changes of a room of which
nothing was heard yet.
"""

import asyncio
from collections import defaultdict
from contextlib import suppress
from typing import Any, NamedTuple

from app.payloads.server_events import (
    DIRECT_NEW,
    MEMBER_UPDATED,
    MESSAGE_DELETED,
    MESSAGE_EDITED,
    MESSAGE_NEW,
    REACTION_UPDATED,
    ROOM_UPDATED,
    USER_JOINED,
    USER_LEFT,
)

WAIT = 0.25  # seconds, for an instance that is alive
MOST_ROOMS = 100_000  # whose last number is remembered

# The fields of each event's payload that tell the room, and the number of the change in its log.
PLACES = {
    MESSAGE_NEW: ("roomId", "changeSeq"),
    DIRECT_NEW: ("roomId", "changeSeq"),
    MESSAGE_EDITED: ("roomId", "changeSeq"),
    MESSAGE_DELETED: ("roomId", "seq"),
    REACTION_UPDATED: ("roomId", "seq"),
    USER_JOINED: ("roomId", "seq"),
    USER_LEFT: ("roomId", "seq"),
    MEMBER_UPDATED: ("roomId", "seq"),
    ROOM_UPDATED: ("id", "changeSeq"),
}


class Place(NamedTuple):
    """A change, by its room and its number in the room's log."""

    room_id: str
    number: int


def place_of(event: str, *args: Any) -> Place | None:
    """The place of the change that an event announces; None for one that announces none, or is none of ours."""
    if event not in PLACES or not args or not isinstance(args[0], dict):
        return None
    room_id, number = (args[0].get(field) for field in PLACES[event])
    return Place(room_id, number) if isinstance(room_id, str) and isinstance(number, int) else None


class LogOrder:
    """Knows how far each room's log has been announced, and what waits for that."""

    def __init__(self) -> None:
        self._announced: dict[
            str, int
        ] = {}  # the greatest number of each room, the room last heard of at the end
        self._waiting: defaultdict[str, list[tuple[int, asyncio.Future[None]]]] = defaultdict(list)

    def hear(self, event: str, *args: Any) -> None:
        """The bus has brought an event."""
        place = place_of(event, *args)
        if place is not None:
            self.passed(place)

    async def turn(self, place: Place) -> None:
        """Return once the change before this one has been announced, or is not worth waiting for any more."""
        if self._announced.get(place.room_id, place.number) >= place.number - 1:
            return
        waiting = self._waiting[place.room_id]
        entry = (place.number, asyncio.get_running_loop().create_future())
        waiting.append(entry)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(WAIT):
                    await entry[1]
        finally:
            waiting.remove(entry)
            if not waiting:
                self._waiting.pop(place.room_id, None)

    def passed(self, place: Place) -> None:
        """This change has been put on the bus, or has come from it."""
        room_id, number = place
        number = max(number, self._announced.pop(room_id, 0))
        self._announced[room_id] = number
        if len(self._announced) > MOST_ROOMS:
            del self._announced[next(iter(self._announced))]
        for awaited, turn in self._waiting.get(room_id, ()):
            if awaited <= number + 1 and not turn.done():
                turn.set_result(None)
