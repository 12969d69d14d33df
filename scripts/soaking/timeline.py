"""A history put in order: which change is which, who was a member when, how long sessions were, when it was calm."""

from bisect import bisect_right
from collections import defaultdict
from functools import cached_property
from typing import NamedTuple

from scripts.soaking.history import (
    Admitted,
    Began,
    Called,
    Calm,
    Committed,
    Connected,
    Fault,
    Heard,
    History,
    Lost,
    Stored,
    Synced,
)

# Seconds after a fault in which its effects may last: the link of a client that is silent is noticed in five, the one
# of a reader of Redis's stream in ten.
AFTERMATH = 7.0
AFTERMATH_OF_REDIS = 12.0
# PostgreSQL holds the locks of a transaction whose connection the network has forgotten for 20 s.
AFTERMATH_OF_LOCKS = 25.0
HOLD_LOCKS = ("postgres-abandon", "postgres-stall", "postgres-stall-requests", "postgres-stall-answers")
EVER = float("inf")


class Membership(NamedTuple):
    """A change of a user's place in a room: from its number and moment on the user is a member, or is not."""

    number: int
    at: float
    member: bool
    entry: Committed


class Session(NamedTuple):
    """A session of a device, over all connections for which the server recovered it. It `began` when the device was
    admitted and `ended` with the loss that it was not recovered from."""

    device: str
    number: int
    began: float
    ended: float
    wanted: bool


class Timeline:
    """The same history, looked at in several ways. `end` is when all that was owed had had its time."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.end = next((entry.ended for entry in history if isinstance(entry, Calm)), EVER)

    @cached_property
    def users(self) -> dict[str, str]:
        """The user of each device."""
        return {
            device: user
            for entry in self.history
            if isinstance(entry, Began)
            for device, (_, user) in entry.devices.items()
        }

    @cached_property
    def began(self) -> float | None:
        """When time 0 was, in seconds since 1970."""
        return next((entry.clock for entry in self.history if isinstance(entry, Began)), None)

    @cached_property
    def calls(self) -> dict[tuple[str, int], Called]:
        """Each call by its device and number."""
        return {(entry.device, entry.call): entry for entry in self.history if isinstance(entry, Called)}

    @cached_property
    def committed(self) -> dict[tuple[str, int], Committed]:
        """Each change by its room and number."""
        return {(entry.room, entry.number): entry for entry in self.history if isinstance(entry, Committed)}

    @cached_property
    def rooms(self) -> dict[str, list[Committed]]:
        """The changes of each room, in their order."""
        rooms: dict[str, list[Committed]] = defaultdict(list)
        for entry in self.committed.values():
            rooms[entry.room].append(entry)
        for changes in rooms.values():
            changes.sort(key=lambda change: change.number)
        return dict(rooms)

    @cached_property
    def direct(self) -> set[str]:
        """The rooms that are direct conversations."""
        return {
            change.room
            for change in self.committed.values()
            if change.what == "room" and change.value.get("name") is None
        }

    @cached_property
    def groups(self) -> set[str]:
        """The rooms that are groups."""
        changes = self.committed.values()
        return {change.room for change in changes if change.what == "room" and change.value.get("group")}

    @cached_property
    def stored(self) -> dict[str, Stored]:
        """Each room as it was at the end."""
        return {entry.room: entry for entry in self.history if isinstance(entry, Stored)}

    @cached_property
    def heard(self) -> dict[tuple[str, int, str], list[Heard]]:
        """What told of changes, by device, session and room, in the order in which it came."""
        heard: dict[tuple[str, int, str], list[Heard]] = defaultdict(list)
        for entry in self.history:
            if isinstance(entry, Heard) and entry.number:
                heard[entry.device, entry.session, entry.room].append(entry)
        return dict(heard)

    @cached_property
    def first_heard(self) -> dict[tuple[str, int, str], dict[int, Heard]]:
        """What each device heard first of each change, by session and room, and by number."""
        found: dict[tuple[str, int, str], dict[int, Heard]] = {}
        for key, entries in self.heard.items():
            numbers = found[key] = {}
            for entry in entries:
                numbers.setdefault(entry.number, entry)
        return found

    @cached_property
    def synced(self) -> dict[tuple[str, str], list[Synced]]:
        """The pages of `room:sync` that each device has read, by room."""
        found: dict[tuple[str, str], list[Synced]] = defaultdict(list)
        for entry in self.history:
            if isinstance(entry, Synced):
                found[entry.device, entry.room].append(entry)
        return dict(found)

    # --- members ---

    @cached_property
    def memberships(self) -> dict[tuple[str, str], list[Membership]]:
        """The changes of each user's place in each room, in their order."""
        found: dict[tuple[str, str], list[Membership]] = defaultdict(list)
        for room, changes in self.rooms.items():
            for change in changes:
                if change.what == "member":
                    member = change.value["state"] == "member"
                    found[room, change.item].append(Membership(change.number, change.at, member, change))
        return dict(found)

    def membership_at(self, room: str, user: str, number: int) -> Membership | None:
        """The place of a user in a room as of a number of its log; None where there was none."""
        changes = self.memberships.get((room, user), [])
        place = bisect_right(changes, number, key=lambda change: change.number)
        return changes[place - 1] if place else None

    def membership_when(self, room: str, user: str, at: float) -> Membership | None:
        """The same as of a moment."""
        before = [change for change in self.memberships.get((room, user), []) if change.at <= at]
        return before[-1] if before else None

    # --- sessions ---

    @cached_property
    def sessions(self) -> list[Session]:
        """All sessions in which a device was admitted."""
        began: dict[tuple[str, int], float] = {}
        ended: dict[tuple[str, int], tuple[float, bool]] = {}
        for entry in self.history:
            if isinstance(entry, Admitted):
                began.setdefault((entry.device, entry.session), entry.at)
            elif isinstance(entry, Lost):
                ended[entry.device, entry.session] = (entry.at, entry.wanted)
            elif isinstance(entry, Connected):
                ended.pop((entry.device, entry.session), None)
        return [
            Session(device, number, at, *ended.get((device, number), (EVER, False)))
            for (device, number), at in began.items()
        ]

    # --- faults ---

    @cached_property
    def faults(self) -> list[Fault]:
        """All faults."""
        return [entry for entry in self.history if isinstance(entry, Fault)]

    @cached_property
    def troubles(self) -> list[tuple[float, float]]:
        """The times of faults with what comes after them, joined where they overlap."""
        joined: list[tuple[float, float]] = []
        for fault in sorted(self.faults, key=lambda fault: fault.at):
            lasts = AFTERMATH_OF_REDIS if fault.fault.startswith("redis") else AFTERMATH
            lasts = AFTERMATH_OF_LOCKS if fault.fault in HOLD_LOCKS else lasts
            begins, ends = fault.at, fault.until + lasts
            if joined and begins <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(joined[-1][1], ends))
            else:
                joined.append((begins, ends))
        return joined

    def calm(self, since: float, until: float) -> bool:
        """True if no fault had an effect between two moments."""
        return not any(begins <= until and since <= ends for begins, ends in self.troubles)

    def trouble(self, since: float, until: float) -> tuple[float, float]:
        """The time of faults that touches two moments, or these."""
        found = [trouble for trouble in self.troubles if trouble[0] <= until and since <= trouble[1]]
        return (found[0][0], found[-1][1]) if found else (since, until)

    def settled(self, since: float, until: float) -> float:
        """The moment by which what was due between two moments should have come: `until`, or when trouble had ended."""
        return max(until, self.trouble(since, until)[1])
