"""Presence, typing and leases settle within their times."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator

from scripts.soaking.history import Heard, Leases, Lost, Online, PresenceTold
from scripts.soaking.invariants.violation import Violation
from scripts.soaking.timeline import Timeline

TYPED_WITHIN = 6.0  # seconds: it lasts three, is told once a second, and is looked at four times a second
MESSAGE_BEFORE = 1.0  # seconds by which the message that ends it may come before the news that it began
MESSAGES = ("message:new", "dm:new")


def presence_settles(timeline: Timeline) -> Iterator[Violation]:
    """At the end whoever has a connected device is online, and nobody else, wherever one asks."""
    for settled in timeline.history:
        if not isinstance(settled, Online):
            continue
        for told in timeline.history:
            if isinstance(told, PresenceTold):
                for status in ("online", "offline"):
                    users = settled.online if status == "online" else settled.offline
                    for user in users:
                        found = told.statuses.get(user, "nothing")
                        if found != status:
                            words = f"{told.device} is told that {user} is {found}, who is {status}"
                            yield Violation(f"{told.device} {user}", words, (told, settled))


def leases_settle(timeline: Timeline) -> Iterator[Violation]:
    """At the end Redis has a lease for each process that serves and for no other, and the users who are online."""
    online = next((entry for entry in timeline.history if isinstance(entry, Online)), None)
    for entry in timeline.history:
        if not isinstance(entry, Leases):
            continue
        if entry.instances != entry.running:
            words = f"{entry.instances} instances have a lease, and {entry.running} run"
            yield Violation("instances", words, (entry,))
        if online is not None:
            for user in set(entry.users) ^ set(online.online):
                there = "has" if user in entry.users else "lacks"
                words = f"Redis {there} user {user}, against the devices that are connected"
                yield Violation(f"user {user}", words, (entry, online))


def typing_settles(timeline: Timeline) -> Iterator[Violation]:
    """Whoever is told that a user types is told the end of it: by a later update, or by the message."""
    updates: dict[tuple[str, str, str], list[Heard]] = defaultdict(list)
    messages: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    losses: dict[str, list[float]] = defaultdict(list)
    for entry in timeline.history:
        if isinstance(entry, Heard) and entry.event == "typing:update":
            updates[entry.device, entry.room, entry.item].append(entry)
        elif isinstance(entry, Heard) and entry.event in MESSAGES:
            messages[entry.device, entry.room, entry.value["sender"]].append(entry.at)
        elif isinstance(entry, Lost):
            losses[entry.device].append(entry.at)
    for key, heard in updates.items():
        device, room, user = key
        for entry, following in zip(heard, [*heard[1:], None], strict=True):
            due = entry.at + TYPED_WITHIN
            if not entry.value["typing"] or due > timeline.end or not timeline.calm(entry.at, due):
                continue
            ended = following is not None and following.at <= due
            ended = ended or any(entry.at - MESSAGE_BEFORE <= at <= due for at in messages[key])
            gone = any(entry.at <= at <= due for at in losses[device]) or went(
                timeline, room, device, user, entry, due
            )
            if not ended and not gone:
                words = f"{device} was told that {user} types in room {room}, and never that it was over"
                yield Violation(f"{device} {room} {user} {entry.at}", words, (entry,))
            if too_far(entry, timeline):
                words = f"{device} was told that {user} types in room {room} for more than {TYPED_WITHIN:g} s"
                yield Violation(f"{device} {room} {user} {entry.at} far", words, (entry,))


def went(timeline: Timeline, room: str, device: str, user: str, entry: Heard, due: float) -> bool:
    """True if one of the two has left the room by then."""
    for one in (user, timeline.users.get(device, "")):
        place = timeline.membership_when(room, one, due)
        if place is None or not place.member or place.at > entry.at:
            return True
    return False


def too_far(entry: Heard, timeline: Timeline) -> bool:
    """True if an update says that it is true for longer than anything typed can be."""
    expires, began = entry.value.get("expiresAt"), timeline.began
    if expires is None or began is None:
        return False
    return dt.datetime.fromisoformat(expires).timestamp() - began > entry.at + TYPED_WITHIN
