"""What a run came to: its counts, and what it has broken, with the shortest history that shows it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from scripts.soaking.history import (
    Answered,
    AnyEntry,
    Began,
    Committed,
    Connected,
    Heard,
    History,
    Refused,
    Unanswered,
    written,
)
from scripts.soaking.invariants.delivery import late_numbers, owed
from scripts.soaking.invariants.violation import Violation
from scripts.soaking.shrinking import shortest
from scripts.soaking.timeline import Timeline

SHOWN = 3  # violations of an invariant
LINES = 40  # of a history
LONGEST_LINE = 400  # characters
SENDS = ("message:send", "dm:send")


def summary(history: History) -> Iterator[str]:
    """The counts of a run, a line each."""
    timeline = Timeline(history)
    calls = timeline.calls
    sends = [e for e in history if isinstance(e, Answered) and calls[e.device, e.call].event in SENDS]
    answered = [e for e in history if isinstance(e, Answered)]
    heard = [e for e in history if isinstance(e, Heard)]
    connected = [e for e in history if isinstance(e, Connected)]
    recovered = sum(entry.recovered for entry in connected)
    committed = sum(isinstance(entry, Committed) for entry in history)
    yield f"{len(sends):,} sends acknowledged, {len(answered):,} acknowledgements, {committed:,} changes committed"
    yield f"{len(heard):,} events received, {sum(1 for e in heard if e.number):,} of them of changes"
    yield f"{len(connected):,} connections, {recovered:,} of them with the session of before"
    yield f"refusals: {counted(Counter(e.reason for e in history if isinstance(e, Refused)))}"
    yield f"unanswered: {counted(Counter(e.why for e in history if isinstance(e, Unanswered)))}"
    yield f"faults: {counted(Counter(fault.fault for fault in timeline.faults))}"
    late = sum(1 for entries in timeline.heard.values() for _ in late_numbers(entries))
    yield f"late numbers (heard after a greater one): {late:,}; {missing(timeline):,} never heard live, after a kill"
    yield from delays(timeline)


def counted(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counter.items())) or "none"


def missing(timeline: Timeline) -> int:
    """How many changes sessions did not hear, though they lasted: the devices read them."""
    return sum(
        change.number not in timeline.first_heard.get((session.device, session.number, change.room), {})
        for session, change in owed(timeline)
    )


def delays(timeline: Timeline) -> Iterator[str]:
    """How long after its commit a change was heard, without and with faults."""
    calm: list[float] = []
    troubled: list[float] = []
    for (_, _, room), numbers in timeline.first_heard.items():
        for number, heard in numbers.items():
            change = timeline.committed.get((room, number))
            if change is not None:
                delay = 1000 * (heard.at - change.at)
                (calm if timeline.calm(change.at, heard.at) else troubled).append(delay)
    for words, found in (("without faults", calm), ("around faults", troubled)):
        if found:
            found.sort()
            p50, p99 = found[len(found) // 2], found[len(found) * 99 // 100]
            yield f"from commit to device {words}: p50 {p50:,.0f} ms, p99 {p99:,.0f} ms, at most {found[-1]:,.0f} ms"


def problems(
    history: Sequence[AnyEntry], broken: Mapping[str, Sequence[Violation]], folder: Path | None
) -> Iterator[str]:
    """What is broken, a line each, with the shortest histories that show it; these are kept in the folder."""
    seed = next((entry.seed for entry in history if isinstance(entry, Began)), None)
    for name, violations in broken.items():
        yield f"BROKEN: {name}, {len(violations):,} times, seed {seed}"
        for number, violation in enumerate(violations[:SHOWN], 1):
            yield f"  {number}. {violation.words}"
        found = shortest(history, name, violations[0])
        yield f"  The shortest history that shows the first ({len(found):,} of {len(history):,} entries):"
        for entry in found[:LINES]:
            yield f"    {msgspec.json.encode(entry).decode()[:LONGEST_LINE]}"
        if folder is not None:
            file = folder / f"{name}.jsonl"
            file.write_bytes(written(found))
            yield f"  It is in {file}; scripts/soak --check {file} shows it again."
