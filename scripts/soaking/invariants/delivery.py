"""What is committed is heard by each member's devices: all of it, once, in one order, and by nobody else."""

from collections import defaultdict
from collections.abc import Iterator

from scripts.soaking.history import Committed, Fault, Heard
from scripts.soaking.invariants.violation import Violation
from scripts.soaking.timeline import AFTERMATH_OF_REDIS, EVER, Membership, Session, Timeline

TOLD_WITHIN = 3.0  # seconds from a commit, where there is no fault
SILENT_WITHIN = 1.0  # seconds from the commit of a departure, where there is no fault
SWEPT_WITHIN = 12.0  # seconds after the last fault: a departure that was not announced is found every ten
# What an instance has committed and not announced is forgotten when it is killed, or when it is stopped while Redis is
# away; and it does not know what it has committed where PostgreSQL's answer is lost. What Redis loses that it had
# acknowledged has been announced, for all that its instance knows, and one whose interest in the room is lost does not
# hear of it until it notices. An instance then tells the room that there is something to sync: sooner where the loss is
# known, which is all but that of a kill.
KILLS = ("instance-kill",)
STOPS = ("instance-terminate", "rolling-restart")
LOSSES = ("redis-failover", "redis-lose-writes", "redis-master-kill")
# Of what is gone at once an instance has heard all, unless it could not read just then; it has its clients sync, too.
EMPTYINGS = ("redis-empty", "redis-kill")
NOTICED_WITHIN = 4.0  # seconds after a loss: instances look every two
FORGOTTEN_WITHIN = 2.0  # seconds from the commit, or as long as trouble had lasted
SYNCED_WITHIN = 22.0  # seconds after that
SYNCED_SOON = 12.0  # the same of a loss that is known


def told_once(timeline: Timeline) -> Iterator[Violation]:
    """No device hears of one change twice in a session."""
    for (device, session, room), entries in timeline.heard.items():
        first: dict[int, Heard] = {}
        for entry in entries:
            earlier = first.setdefault(entry.number, entry)
            if earlier is not entry:
                words = f"{device} heard number {entry.number} of room {room} twice in one session"
                yield Violation(f"{device} {session} {room} {entry.number}", words, (earlier, entry))


def one_order(timeline: Timeline) -> Iterator[Violation]:
    """All hear the changes of a room in the order of their numbers; a number that a fault has made late is late for
    all who hear it."""
    orders = {key: places(entries) for key, entries in timeline.heard.items()}
    by_room: dict[str, list[dict[int, int]]] = defaultdict(list)
    for (_, _, room), order in orders.items():
        by_room[room].append(order)
    for (device, session, room), entries in timeline.heard.items():
        for late, earlier in late_numbers(entries):
            change = timeline.committed.get((room, late.number))
            subject = f"{device} {session} {room} {late.number}"
            words = f"{device} heard number {late.number} of room {room} after number {earlier.number}"
            if change is not None and timeline.calm(change.at, late.at):
                yield Violation(subject, f"{words}, without a fault", (earlier, late, change))
            elif any(in_order(order, late.number, earlier.number) for order in by_room[room]):
                yield Violation(
                    f"{subject} otherwise", f"{words}, and others the other way round", (earlier, late)
                )


def places(entries: list[Heard]) -> dict[int, int]:
    order: dict[int, int] = {}
    for place, entry in enumerate(entries):
        order.setdefault(entry.number, place)
    return order


def in_order(order: dict[int, int], number: int, later: int) -> bool:
    return number in order and later in order and order[number] < order[later]


def late_numbers(entries: list[Heard]) -> Iterator[tuple[Heard, Heard]]:
    """What came after a greater number, with that one; a repetition is none."""
    seen: set[int] = set()
    greatest: Heard | None = None
    for entry in entries:
        if greatest is not None and entry.number < greatest.number and entry.number not in seen:
            yield entry, greatest
        if greatest is None or entry.number > greatest.number:
            greatest = entry
        seen.add(entry.number)


def no_holes(timeline: Timeline) -> Iterator[Violation]:
    """A device that is connected hears of each change of its user's rooms; soon, where there is no fault.

    What an instance had committed and not announced when it ended is read from the log instead, after some seconds.
    """
    for session, change in owed(timeline):
        heard = timeline.first_heard.get((session.device, session.number, change.room), {}).get(change.number)
        words = f"number {change.number} of room {change.room}"
        subject = f"{session.device} {session.number} {change.room} {change.number}"
        if heard is None:
            ends = forgotten_by(timeline, change)
            if not ends:
                yield Violation(subject, f"{session.device} never heard {words}, though connected", (change,))
            elif not was_synced(timeline, session, change, ends):
                words = f"{session.device} never read {words}, which nobody had announced"
                yield Violation(f"{subject} unread", words, (change,))
        elif heard.at - change.at > TOLD_WITHIN and timeline.calm(change.at, heard.at):
            late = heard.at - change.at
            words = f"{session.device} heard {words} after {late:.1f} s"
            yield Violation(f"{subject} late", words, (change, heard))


def owed(timeline: Timeline) -> Iterator[tuple[Session, Committed]]:
    """What each session has to be told: all that was committed between its beginning and its end."""
    for session in timeline.sessions:
        user = timeline.users.get(session.device, "")
        last = min(session.ended, timeline.end)
        for room, changes in timeline.rooms.items():
            if (room, user) not in timeline.memberships:
                continue
            for change in changes:
                if not session.began < change.at < last:
                    continue
                if begins_conversation(timeline, change) or not change.number:
                    continue
                place = timeline.membership_at(room, user, change.number)
                if place is None or not place.member or not was_due(timeline, change, session):
                    continue
                if leaves_before(timeline, user, change):
                    continue
                if change is place.entry or has_entered(timeline, session, place, change):
                    yield session, change


def begins_conversation(timeline: Timeline, change: Committed) -> bool:
    """True if a change is how a conversation begins, which is not announced: its members are told of the room."""
    if change.what == "member" and change.room in timeline.groups:
        return timeline.memberships[change.room, change.item][0].entry is change
    return change.what == "member" and change.room in timeline.direct


def leaves_before(timeline: Timeline, user: str, change: Committed) -> bool:
    """True if a user has left a room before a change of it had to be announced: then it may not reach them any more."""
    due = timeline.settled(change.at, change.at + TOLD_WITHIN)
    places = timeline.memberships.get((change.room, user), [])
    following = next((place for place in places if place.number > change.number), None)
    return following is not None and not following.member and following.at < due


def has_entered(timeline: Timeline, session: Session, place: Membership, change: Committed) -> bool:
    """True if a session had heard that its user is a member when a change was committed: what comes before that, the
    device reads when it hears it."""
    if place.at <= session.began:
        return True
    numbers = timeline.first_heard.get((session.device, session.number, change.room), {})
    entered = numbers.get(place.number)
    return entered is not None and entered.at < change.at


def was_due(timeline: Timeline, change: Committed, session: Session) -> bool:
    """True if a session lasted long enough for a change to reach it."""
    if session.ended == EVER:
        return True
    due = change.at + TOLD_WITHIN
    return due < session.ended and timeline.settled(change.at, due) < session.ended


def forgotten_by(timeline: Timeline, change: Committed) -> list[Fault]:
    """The faults by which an instance ended that may not have announced a change yet, or could not learn of its
    commit; or by which Redis lost what it announced before all had read it."""
    return [
        fault
        for fault in timeline.faults
        if fault.until > change.at - 1 and was_waiting(timeline, change, fault)
    ]


def was_waiting(timeline: Timeline, change: Committed, end: Fault) -> bool:
    begins, ends = timeline.trouble(change.at, change.at + 1)
    during = begins <= end.at <= ends
    if end.fault.startswith("postgres"):
        return end.at - 1 <= change.at <= end.until + 1
    if end.fault in LOSSES:
        return end.at - 1 <= change.at <= end.until + NOTICED_WITHIN
    if end.fault in KILLS:
        return during or 0 <= end.at - change.at + 1 < FORGOTTEN_WITHIN + 1
    if end.fault in EMPTYINGS:
        return during and was_redis_away(timeline, end, AFTERMATH_OF_REDIS)
    return end.fault in STOPS and during and was_redis_away(timeline, end, 0)


def was_redis_away(timeline: Timeline, end: Fault, lasts: float) -> bool:
    """True if another fault of Redis, whose effects last for some seconds, was there at the time of a fault."""
    return any(
        fault.fault.startswith("redis") and fault.at <= end.until and end.at <= fault.until + lasts
        for fault in timeline.faults
        if fault is not end
    )


def was_synced(timeline: Timeline, session: Session, change: Committed, ends: list[Fault]) -> bool:
    """True if a device has read a change from the log in time, or its time is not over."""
    within = SYNCED_WITHIN if any(end.fault in KILLS for end in ends) else SYNCED_SOON
    due = timeline.settled(change.at, change.at + TOLD_WITHIN) + within
    if due > min(session.ended, timeline.end):
        return True
    pages = timeline.synced.get((session.device, change.room), [])
    return any(page.upto >= change.number and change.at <= page.at <= due for page in pages)


def silent_after_leaving(timeline: Timeline) -> Iterator[Violation]:
    """Who is not a member of a room any more hears nothing of it, but for what was on its way."""
    for entry in timeline.history:
        if not isinstance(entry, Heard) or not entry.room or entry.room in timeline.direct:
            continue
        user = timeline.users.get(entry.device, "")
        left = timeline.membership_when(entry.room, user, entry.at)
        if left is None or left.member or entry.item == user:
            continue
        if entry.number and entry.number <= left.number:
            continue
        if entry.at > silent_from(timeline, left):
            after = entry.at - left.at
            words = f"{entry.device} heard {entry.event} of room {entry.room} {after:.1f} s after leaving it"
            yield Violation(
                f"{entry.device} {entry.room} {entry.event} {entry.at}", words, (left.entry, entry)
            )


def silent_from(timeline: Timeline, left: Membership) -> float:
    due = left.at + SILENT_WITHIN
    settled = timeline.settled(left.at, due)
    return due if settled == due else settled + SWEPT_WITHIN
