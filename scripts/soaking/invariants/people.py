"""What users decide about each other holds."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

from scripts.soaking.history import Answered, Called, Committed, Invitations
from scripts.soaking.invariants.violation import Violation
from scripts.soaking.timeline import EVER, Timeline

CLOCK = 0.005  # seconds by which two readings of the machine's clock may differ


def blocks_hold(timeline: Timeline) -> Iterator[Violation]:
    """From the moment that a block is acknowledged until its user asks to take it back, neither of the two writes to
    the other."""
    conversations: dict[frozenset[str], str] = {}
    members: dict[str, set[str]] = defaultdict(set)
    for room, user in timeline.memberships:
        if room in timeline.direct:
            members[room].add(user)
    for room, users in members.items():
        for pair in combinations(users, 2):
            conversations[frozenset(pair)] = room
    for user, other, answer, until in blocks(timeline):
        room = conversations.get(frozenset((user, other)), "")
        for change in timeline.rooms.get(room, []):
            if is_new_message(change) and answer.at + CLOCK < change.at < until - CLOCK:
                words = f"{change.value['sender']} wrote to the other while {user} had blocked {other}"
                yield Violation(f"{room} {change.number}", words, (answer, change))


def is_new_message(change: Committed) -> bool:
    return change.what == "message" and change.value["seq"] == change.number


def blocks(timeline: Timeline) -> Iterator[tuple[str, str, Answered, float]]:
    """Each block that was acknowledged: who has blocked whom, the answer, and when it may have been taken back.

    Not those of a pair of which an earlier call to take a block back has no answer: it may be done at any time.
    """
    answered = {
        (entry.device, entry.call): entry for entry in timeline.history if isinstance(entry, Answered)
    }
    calls: dict[tuple[str, str], list[Called]] = defaultdict(list)
    for entry in timeline.history:
        if isinstance(entry, Called) and entry.event in ("user:block", "user:unblock"):
            calls[timeline.users.get(entry.device, ""), entry.payload["userId"]].append(entry)
    for (user, other), asked in calls.items():
        returned: list[tuple[float, float]] = []  # when blocks were taken back: from the call to its answer
        for call in asked:
            if call.event == "user:unblock":
                answer = answered.get((call.device, call.call))
                returned.append((call.at, EVER if answer is None else answer.at))
        for call in asked:
            answer = answered.get((call.device, call.call))
            if call.event != "user:block" or answer is None:
                continue
            if not any(begins <= answer.at and call.at <= ends for begins, ends in returned):
                until = min((begins for begins, _ in returned if begins > answer.at), default=timeline.end)
                yield user, other, answer, until


def invitations_arrive(timeline: Timeline) -> Iterator[Violation]:
    """At the end each user is told of the invitations that are in PostgreSQL, and of no others."""
    for entry in timeline.history:
        if not isinstance(entry, Invitations):
            continue
        stored = {
            room
            for room, state in timeline.stored.items()
            if entry.user in state.members and state.members[entry.user][1] == "invited"
        }
        for room in stored ^ set(entry.rooms):
            told = "is told of" if room in entry.rooms else "is not told of"
            words = f"{entry.user} {told} an invitation to room {room}, against PostgreSQL"
            yield Violation(f"{entry.user} {room}", words, (entry,))
