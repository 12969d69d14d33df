"""No client is sent away or left waiting."""

from collections.abc import Iterator

from scripts.soaking.history import (
    Admitted,
    Dismissed,
    Lost,
    Unanswered,
    Unfinished,
    Unforeseen,
)
from scripts.soaking.invariants.violation import Violation
from scripts.soaking.timeline import Timeline

ANSWERED_WITHIN = 4.0  # seconds; the devices wait no longer
BACK_WITHIN = 10.0  # seconds, once there is no fault
# After these a client does not come back by itself, or its library and the server have misunderstood each other.
FINAL = ("io server disconnect", "server disconnect", "parse error")


def ended_with_a_reason(timeline: Timeline) -> Iterator[Violation]:
    """No session ends for good, and none without a reason: every token stays valid, and nobody is at fault."""
    for entry in timeline.history:
        if isinstance(entry, Dismissed):
            words = f"{entry.device} was sent away: {entry.message}"
            yield Violation(f"{entry.device} {entry.at}", words, (entry,))
        elif isinstance(entry, Lost) and not entry.wanted and (entry.reason in FINAL or not entry.reason):
            words = f"{entry.device} lost its session for good: {entry.reason or 'no reason'}"
            yield Violation(f"{entry.device} {entry.at}", words, (entry,))


def nobody_hangs(timeline: Timeline) -> Iterator[Violation]:
    """Without a fault every call is answered and every device is connected; at the end nobody waits for anything."""
    gone: dict[str, Lost] = {}
    for entry in timeline.history:
        if isinstance(entry, Unfinished):
            words = f"{entry.device} still waits for {entry.what} at the end"
            yield Violation(f"{entry.device} {entry.what}", words, (entry,))
        elif isinstance(entry, Unanswered) and entry.why == "timeout":
            call = timeline.calls.get((entry.device, entry.call))
            if call is not None and timeline.calm(call.at, entry.at):
                words = f"{entry.device} got no answer to {call.event} in {ANSWERED_WITHIN:g} s"
                yield Violation(f"{entry.device} call {entry.call}", words, (call, entry))
        elif isinstance(entry, Lost) and not entry.wanted:
            gone.setdefault(entry.device, entry)
        elif isinstance(entry, Admitted) and (lost := gone.pop(entry.device, None)):
            yield from away(timeline, lost, entry.at)
    for lost in gone.values():
        yield from away(timeline, lost, timeline.end)


def away(timeline: Timeline, lost: Lost, until: float) -> Iterator[Violation]:
    """A device that was away for longer than a fault explains."""
    due = timeline.settled(lost.at, lost.at) + BACK_WITHIN
    if until > timeline.settled(lost.at, due):
        words = f"{lost.device} was away from {lost.at:.1f} s to {until:.1f} s"
        yield Violation(f"{lost.device} {lost.at}", words, (lost,))


def nothing_unforeseen(timeline: Timeline) -> Iterator[Violation]:
    """No instance ends by itself or logs a traceback."""
    for entry in timeline.history:
        if isinstance(entry, Unforeseen):
            last = entry.text.strip().splitlines()[-1] if entry.text.strip() else ""
            yield Violation(f"{entry.instance} {last}", f"{entry.instance}: {entry.text}", (entry,))
