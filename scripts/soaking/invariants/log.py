"""What is acknowledged is in the log, once, and nothing else is."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from scripts.soaking.changes import ITEMS
from scripts.soaking.history import Answered, AnyEntry, Called, Committed, Heard, Marked
from scripts.soaking.invariants.violation import Violation
from scripts.soaking.timeline import Timeline

CLOCK = 0.005  # seconds by which two readings of the machine's clock may differ
SENDS = ("message:send", "dm:send")
# Fields of an answer that PostgreSQL's record of the same change has, too.
COMPARED = ("sender", "seq", "text", "deleted", "reply", "state", "role", "archived")


def acknowledged_is_kept(timeline: Timeline) -> Iterator[Violation]:
    """Each change that a device was told to be done stands in the log as it was told, and the last one of each thing
    is how the thing is at the end."""
    marks: dict[tuple[str, str], int] = defaultdict(int)
    for entry in timeline.history:
        if isinstance(entry, Marked):
            marks[entry.room, entry.user] = max(marks[entry.room, entry.user], entry.mark)
    for entry in timeline.history:
        if not isinstance(entry, Answered):
            continue
        value = entry.value
        if "number" in value:
            change = timeline.committed.get((value["room"], value["number"]))
            if change is None or change.item != value["item"]:
                yield lost(timeline, entry, "is not in the log")
            elif wrong := differing(value, change.value):
                yield lost(timeline, entry, f"is in the log with another {wrong}", change)
        elif "mark" in value and marks[value["room"], value["item"]] < value["mark"]:
            yield lost(timeline, entry, "did not move the mark")
    yield from changed_unseen(timeline)


def lost(timeline: Timeline, answer: Answered, words: str, *more: Committed) -> Violation:
    call = timeline.calls.get((answer.device, answer.call))
    name = call.event if call else "a call"
    subject = f"{answer.device} call {answer.call}"
    evidence: tuple[AnyEntry, ...] = (*([call] if call else []), answer, *more)
    return Violation(subject, f"{name} of {answer.device} was acknowledged and {words}", evidence)


def differing(told: dict[str, Any], stored: dict[str, Any]) -> str:
    """The fields in which two values of a change differ."""
    fields = [name for name in COMPARED if name in told and name in stored and told[name] != stored[name]]
    return ", ".join(fields)


def changed_unseen(timeline: Timeline) -> Iterator[Violation]:
    """Things that are not, at the end, as their last change has left them."""
    last = {(c.room, c.what, c.item): c for changes in timeline.rooms.values() for c in changes}
    for (room, what, item), change in last.items():
        if room not in timeline.stored:
            continue
        stored = timeline.stored[room]
        found = {"message": stored.messages, "member": stored.members, "room": {room: stored.fields}}[what]
        if change.number and (not found.get(item) or found[item][0] != change.number):
            words = f"{what} {item} of room {room} is not as change {change.number} has left it"
            yield Violation(f"{room} {item}", words, (change,))


def archived_is_closed(timeline: Timeline) -> Iterator[Violation]:
    """From the change that archives a room to the one that brings it back, nobody enters it, and no message of it is
    written, edited, deleted, or reacted to."""
    for room, changes in timeline.rooms.items():
        archived: Committed | None = None
        for change in changes:
            if change.what == "room":
                archived = change if change.value.get("archived") else None
            elif archived is not None and (change.what == "message" or change.value["state"] == "member"):
                words = f"number {change.number} of room {room} was written while the room was archived"
                yield Violation(f"{room} {change.number}", words, (archived, change))


def once_in_the_log(timeline: Timeline) -> Iterator[Violation]:
    """What was written once, however often it was sent, is one message; and each number is one change."""
    written: dict[tuple[str, str], list[Committed]] = defaultdict(list)
    numbered: dict[tuple[str, int], list[Committed]] = defaultdict(list)
    for entry in timeline.history:
        if isinstance(entry, Committed):
            numbered[entry.room, entry.number].append(entry)
            if entry.what == "message" and entry.value["seq"] == entry.number:
                written[entry.value["sender"], entry.value["text"]].append(entry)
    for (_, text), entries in written.items():
        if len(entries) > 1:
            yield Violation(
                f"message {text}", f"{text!r} is in the log {len(entries)} times", tuple(entries[:2])
            )
    for (room, number), entries in numbered.items():
        if len(entries) > 1:
            yield Violation(
                f"{room} {number}", f"number {number} of room {room} was given twice", tuple(entries[:2])
            )
    yield from answered_as_two(timeline)


def answered_as_two(timeline: Timeline) -> Iterator[Violation]:
    """A `clientId` that two answers have as different messages."""
    first: dict[tuple[str, str], Answered] = {}
    for entry in timeline.history:
        if isinstance(entry, Answered) and (call := timeline.calls.get((entry.device, entry.call))):
            client_id = call.payload.get("clientId")
            if call.event in SENDS and client_id:
                key = (timeline.users.get(entry.device, ""), client_id)
                earlier = first.setdefault(key, entry)
                if earlier.value["item"] != entry.value["item"]:
                    words = f"clientId {client_id} was answered as two messages"
                    yield Violation(f"clientId {client_id}", words, (earlier, call, entry))


def no_phantoms(timeline: Timeline) -> Iterator[Violation]:
    """Whatever is heard was committed before, as it is told, and whatever is in the log was asked for by its sender."""
    texts = asked_texts(timeline)
    for entry in timeline.history:
        if isinstance(entry, Heard) and entry.number and entry.event in ITEMS:
            yield from told_wrong(timeline, entry)
        elif isinstance(entry, Committed) and entry.what == "message" and not entry.value["deleted"]:
            text, sender = entry.value["text"], entry.value["sender"]
            if sender not in texts.get(text, set()):
                words = f"{text!r} is in the log, and {sender} has not written it"
                yield Violation(f"message {entry.item}", words, (entry,))


def told_wrong(timeline: Timeline, heard: Heard) -> Iterator[Violation]:
    subject = f"{heard.device} {heard.room} {heard.number}"
    words = f"{heard.device} heard {heard.event} with number {heard.number} of room {heard.room}"
    change = timeline.committed.get((heard.room, heard.number))
    if change is None or (change.what, change.item) != (ITEMS[heard.event][0], heard.item):
        yield Violation(f"{subject} unknown", f"{words}, which was not committed", (heard,))
    elif heard.at < change.at - CLOCK:
        early = 1000 * (change.at - heard.at)
        yield Violation(f"{subject} early", f"{words} {early:.0f} ms before its commit", (heard, change))
    elif wrong := differing(heard.value, change.value):
        yield Violation(
            f"{subject} differs", f"{words} with another {wrong} than was committed", (heard, change)
        )


def asked_texts(timeline: Timeline) -> dict[str, set[str]]:
    """Who has asked for each text to be written."""
    texts: dict[str, set[str]] = defaultdict(set)
    for entry in timeline.history:
        if isinstance(entry, Called) and isinstance(entry.payload.get("content"), str):
            texts[entry.payload["content"]].add(timeline.users.get(entry.device, ""))
    return texts
