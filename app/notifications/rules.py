"""What reaches whom: pure rules, in tables.

    kind of message   all   mentions   nothing
    mention           yes   yes        no        names the user
    group_mention     yes   yes        no        @all or @here of an admin
    direct            yes   yes        no        in a direct conversation
    reply             yes   yes        no        stands in a thread that the user follows
    message           yes   no         no        any other that stands in the room

The level is that of the room where the member has chosen one, else the user's own. Nothing reaches a user who has muted
the room or everything until later, or has quiet hours now; nor of a message that was read on any device. A user with a
connection is given some seconds to read it there.
"""

import datetime as dt
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from enum import Enum
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from app.payloads.fields.notification_fields import NotificationLevel

Kind: TypeAlias = Literal["mention", "group_mention", "direct", "reply", "message"]

CALLS: AbstractSet[Kind] = frozenset(["mention", "group_mention", "direct", "reply"])
REACHES: Mapping[NotificationLevel, AbstractSet[Kind]] = {
    "all": CALLS | {"message"},
    "mentions": CALLS,
    "nothing": frozenset(),
}


class Outcome(Enum):
    """The decision about a message and a user."""

    SEND = "send"
    HOLD = "hold"  # decide again after some seconds
    DROP = "drop"


class QuietHours(Struct, frozen=True):
    """Each day from one time of the clock to another, which may be on the next day, in a time zone by its IANA name."""

    start: dt.time
    end: dt.time
    time_zone: str

    def cover(self, now: dt.datetime) -> bool:
        """True if a moment is in them: from `start` on, before `end`. Clocks that change are as they show."""
        clock = now.astimezone(zone_of(self.time_zone)).time()
        if self.start <= self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end


class Recipient(Struct, frozen=True):
    """What is known of a user when it is decided whether a message reaches them.

    `level` is the user's own, `room_level` that for the room, None where it is not chosen.
    """

    level: NotificationLevel
    room_level: NotificationLevel | None = None
    muted_until: dt.datetime | None = None
    room_muted: bool = False
    quiet_hours: QuietHours | None = None
    has_read: bool = False


def kind_of(*, mentioned: bool, called: bool, direct: bool, replied: bool) -> Kind:
    """The kind that a message is to a user: the most pressing of several."""
    if direct:
        return "direct"
    if mentioned:
        return "mention"
    if replied:
        return "reply"
    return "group_mention" if called else "message"


def decide(
    kind: Kind, recipient: Recipient, now: dt.datetime, *, active: bool, held: bool = False
) -> Outcome:
    """Decides whether a message reaches a user now. `active`: a device is connected; `held`: it had its time."""
    level = recipient.room_level or recipient.level
    if recipient.has_read or kind not in REACHES[level]:
        return Outcome.DROP
    if recipient.room_muted or (recipient.muted_until is not None and now < recipient.muted_until):
        return Outcome.DROP
    if recipient.quiet_hours is not None and recipient.quiet_hours.cover(now):
        return Outcome.DROP
    return Outcome.HOLD if active and not held else Outcome.SEND


def zone_of(name: str) -> dt.tzinfo:
    """The time zone of a name; UTC where the tables of this machine know it no longer."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return dt.UTC
