"""What devices and PostgreSQL have at the end agrees, and marks only went forward."""

from collections.abc import Iterator

from scripts.soaking.history import Answered, Marked, Unread, Viewed
from scripts.soaking.invariants.violation import Violation
from scripts.soaking.timeline import Timeline

MOST_UNREAD = 1000  # the server counts no further
SHOWN = 3  # things that differ
LEAST = 2  # of a room's own fields that all releases know


def views_converge(timeline: Timeline) -> Iterator[Violation]:
    """Each device has its user's rooms as PostgreSQL has them: all of them, their fields, messages and members."""
    seen: dict[str, set[str]] = {}
    for entry in timeline.history:
        if not isinstance(entry, Viewed) or entry.room not in timeline.stored:
            continue
        seen.setdefault(entry.device, set()).add(entry.room)
        stored = timeline.stored[entry.room]
        members = {user: member[:3] for user, member in stored.members.items()}
        wrong = [
            *(
                key
                for key in stored.messages | entry.messages
                if stored.messages.get(key) != entry.messages.get(key)
            ),
            *(key for key in members | entry.members if members.get(key) != entry.members.get(key)),
            *(["its own fields"] if entry.fields != stored.fields[: max(LEAST, len(entry.fields))] else []),
        ]
        if wrong or entry.applied != stored.last_number:
            what = (
                ", ".join(wrong[:SHOWN])
                or f"the end of the log, {stored.last_number} and not {entry.applied}"
            )
            words = f"{entry.device} has room {entry.room} otherwise than PostgreSQL: {what}"
            yield Violation(f"{entry.device} {entry.room}", words, (entry, stored))
    for device, rooms in seen.items():
        user = timeline.users.get(device, "")
        for room, stored in timeline.stored.items():
            member = stored.members.get(user)
            if room in timeline.groups and not stored.messages:
                continue  # it is listed once something was written in it
            if room not in rooms and member is not None and member[1] == "member":
                words = f"{device} does not know room {room}, whose member its user is"
                yield Violation(f"{device} {room} unknown", words, (stored,))


def unread_is_counted(timeline: Timeline) -> Iterator[Violation]:
    """A user's unread messages of a room are those of others after the user's mark that are not deleted, and do not
    stand in their threads alone; or those from the message on, and with it, that the user has marked as unread."""
    for entry in timeline.history:
        if not isinstance(entry, Unread) or entry.room not in timeline.stored:
            continue
        stored = timeline.stored[entry.room]
        mark, unread_from = stored.members[entry.user][3:]
        read_to = mark if unread_from is None else unread_from - 1
        counted = sum(
            seq > read_to and (sender != entry.user or seq == unread_from) and in_room and not deleted
            for _, seq, sender, _, deleted, *_, in_room, _ in stored.messages.values()
        )
        if entry.told != min(counted, MOST_UNREAD):
            words = (
                f"{entry.user} is told {entry.told} unread messages in room {entry.room}, and has {counted}"
            )
            yield Violation(f"{entry.user} {entry.room}", words, (entry, stored))


def marks_never_go_back(timeline: Timeline) -> Iterator[Violation]:
    """A read mark only moves on: in PostgreSQL, and in what one device is answered."""
    marks: dict[tuple[str, str, str], Marked | Answered] = {}
    for entry in timeline.history:
        if isinstance(entry, Marked):
            key, mark = ("", entry.room, entry.user), entry.mark
        elif isinstance(entry, Answered) and "mark" in entry.value:
            key, mark = (entry.device, entry.value["room"], entry.value["item"]), entry.value["mark"]
        else:
            continue
        before = marks.get(key)
        if before is not None and mark < mark_of(before):
            words = f"the mark of {key[2]} in room {key[1]} went back from {mark_of(before)} to {mark}"
            yield Violation(f"{' '.join(key)} {mark}", words, (before, entry))
        marks[key] = entry


def mark_of(entry: Marked | Answered) -> int:
    mark: int = entry.mark if isinstance(entry, Marked) else entry.value["mark"]
    return mark
