"""The shortest history that shows a violation."""

from scripts.soaking.history import AnyEntry
from scripts.soaking.invariants.all_invariants import INVARIANTS, check
from scripts.soaking.shrinking import shortest
from tests.support.soak_histories import acked, hears, loses, message, room, sends


def history() -> list[AnyEntry]:
    """A and B chat for a while; B hears of one change twice, and of another before its commit."""
    entries = room()
    for number in range(3, 60):
        at = float(number)
        entries += [
            sends(number, f"text {number}", at=at),
            message(number, at=at + 0.1),
            hears("a", number, at=at + 0.2),
            hears("b", number, at=at + 0.2),
            acked(number, number, at=at + 0.3),
        ]
    entries += [hears("b", 30, at=31.5), hears("b", 70, at=70), message(70, at=70.5), loses("a", at=80)]
    return sorted(entries, key=lambda entry: entry.at)


def test_a_violation_is_shown_by_what_it_takes_alone() -> None:
    broken = check(history())
    assert len(broken["told-once"]) == 1
    found = shortest(history(), "told-once", broken["told-once"][0])
    assert found == [hears("b", 30, at=30.2), hears("b", 30, at=31.5)]


def test_every_shortest_history_shows_the_same_when_it_is_checked_again() -> None:
    broken = check(history())
    assert {"told-once", "no-phantoms"} <= set(broken) <= set(INVARIANTS)
    for name, violations in broken.items():
        for violation in violations:
            found = shortest(history(), name, violation)
            assert len(found) < 10
            assert violation.subject in [again.subject for again in check(found)[name]]
