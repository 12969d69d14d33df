"""The shortest history that still shows a violation: entries are left out as long as the same one is found."""

import time
from collections.abc import Sequence

from scripts.soaking.history import AnyEntry, Began
from scripts.soaking.invariants.all_invariants import INVARIANTS
from scripts.soaking.invariants.violation import Violation
from scripts.soaking.timeline import Timeline

LONGEST = 20.0  # seconds of trying
FIELDS = ("device", "room", "item", "user", "instance")


def shortest(
    history: Sequence[AnyEntry], name: str, violation: Violation, longest: float = LONGEST
) -> list[AnyEntry]:
    """A history that shows a violation of an invariant, none of whose entries can be left out, if there is the time."""
    deadline = time.monotonic() + longest
    subject = violation.subject

    def shows(entries: Sequence[AnyEntry]) -> bool:
        return any(found.subject == subject for found in INVARIANTS[name](Timeline(entries)))

    kept = related(history, violation)
    if not shows(kept):
        kept = list(history)
    size = max(1, len(kept) // 2)
    while time.monotonic() < deadline:
        place, left_out = 0, False
        while place < len(kept) and time.monotonic() < deadline:
            shorter = kept[:place] + kept[place + size :]
            if shorter and shows(shorter):
                kept, left_out = shorter, True
            else:
                place += size
        if size == 1 and not left_out:
            break
        size = max(1, size // 2)
    return kept


def related(history: Sequence[AnyEntry], violation: Violation) -> list[AnyEntry]:
    """The entries that have to do with the rooms, devices, things and users of a violation's evidence."""
    about = {word for entry in violation.evidence for word in words_of(entry)}
    return [entry for entry in history if isinstance(entry, Began) or words_of(entry) <= about]


def words_of(entry: AnyEntry) -> set[str]:
    """The names in an entry."""
    return {word for field in FIELDS if (word := getattr(entry, field, ""))}
