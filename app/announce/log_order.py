"""Sees to it that the changes of a room are announced in the order of its log, whichever instances make them.

Changes are committed one after the other, each with its number, and announced by the instance that made them; of two
instances one may be the slower. But each hears what all announce. So one that has heard of the fourth change, and has
made the sixth, knows that the fifth is on its way and lets it go first. It asks no other instance, and mostly waits for
nothing.

The fifth may never come: its instance has died, or it is a change that is not announced. So no wait is long; the
members learn from the number that they have missed something. Nor does an instance wait for changes of a room of which
nothing was heard yet; where instances hear only of rooms in which they have members, nor for those of another room.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from app.payloads.server_events import (
    DIRECT_NEW,
    MEMBER_UPDATED,
    MESSAGE_DELETED,
    MESSAGE_EDITED,
    MESSAGE_NEW,
    REACTION_UPDATED,
    ROOM_SYNC_NEEDED,
    ROOM_UPDATED,
    USER_JOINED,
    USER_LEFT,
)

WAIT = 0.25  # seconds, for an instance that is alive
MOST_ROOMS = 100_000  # whose last number is remembered
NOTHING = (0, 0)  # known of a room

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
NUMBERED = PLACES | {
    ROOM_SYNC_NEEDED: ("roomId", "lastSeq")
}  # which stands for changes that nobody announces


class Place(NamedTuple):
    """A change, by its room and its number in the room's log."""

    room_id: str
    number: int


def place_of(event: str, *args: Any) -> Place | None:
    """The place of the change that an event announces; None for one that announces none, or is none of ours."""
    return _place(PLACES, event, *args)


def _place(fields: Mapping[str, tuple[str, str]], event: str, *args: Any) -> Place | None:
    if event not in fields or not args or not isinstance(args[0], dict):
        return None
    room_id, number = (args[0].get(field) for field in fields[event])
    return Place(room_id, number) if isinstance(room_id, str) and isinstance(number, int) else None


class LogOrder:
    """Knows how far each room's log has been announced, and what waits for that."""

    def __init__(self) -> None:
        # The greatest number of each room that was announced, and that came over the bus; the room last heard of at the
        # end.
        self._known: dict[str, tuple[int, int]] = {}
        self._waiting: defaultdict[str, list[tuple[int, asyncio.Future[None]]]] = defaultdict(list)
        self._here: set[str] | None = None  # rooms with members here, where no others are heard of

    def hears_only_of_rooms_here(self) -> None:
        """This instance is told of `came` and `went`, and hears of no other rooms."""
        self._here = set()

    def came(self, room_id: str) -> None:
        """A room has its first member here: what was announced before is not known any more."""
        if self._here is not None:
            self._here.add(room_id)
            self._known.pop(room_id, None)

    def went(self, room_id: str) -> None:
        """A room has lost its last member here."""
        if self._here is not None:
            self._here.discard(room_id)

    def is_here(self, room_id: str) -> bool:
        """True if this instance hears of a room."""
        return self._here is None or room_id in self._here

    def learn(self, room_id: str, number: int) -> None:
        """Another instance has heard of a change."""
        self._raise(Place(room_id, number), number)

    def hear(self, event: str, *args: Any) -> None:
        """The bus has brought an event."""
        place = _place(NUMBERED, event, *args)
        if place is not None:
            self._raise(place, place.number)

    def heard(self, room_id: str) -> int:
        """The greatest number of a room that the bus has brought; 0 where nothing is known of it."""
        return self._known.get(room_id, NOTHING)[1]

    def is_turn(self, place: Place) -> bool:
        """True if the change before this one has been announced, or nothing is known of its room."""
        if not self.is_here(place.room_id):
            return True
        known = self._known.get(place.room_id)
        return known is None or known[0] >= place.number - 1

    async def turn(self, place: Place) -> None:
        """Return once the change before this one has been announced, or is not worth waiting for any more."""
        if self.is_turn(place):
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
        """This change is given to the bus."""
        self._raise(place, 0)

    def _raise(self, place: Place, heard: int) -> None:
        room_id, number = place
        known = self._known.pop(room_id, NOTHING)
        number = max(number, known[0])
        self._known[room_id] = (number, max(heard, known[1]))
        if len(self._known) > MOST_ROOMS:
            del self._known[next(iter(self._known))]
        for awaited, turn in self._waiting.get(room_id, ()):
            if awaited <= number + 1 and not turn.done():
                turn.set_result(None)
