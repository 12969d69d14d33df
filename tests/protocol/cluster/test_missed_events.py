"""How far a history reaches, where nothing was kept on the way."""

import pytest

from protocol.cluster.missed_events import History, Missed, missed_by
from protocol.cluster.saved_sessions import Saved
from protocol.cluster.stream_records import Broadcast, Target
from protocol.engineio.packets import Encoded

EVENT = Broadcast("/", Target(("a",)), ["x"])


@pytest.fixture
def history() -> History:
    return History(100, 10_000, 10_000, lambda _, offset: Encoded(offset.encode(), ()))


def missed(history: History, start: int) -> list[str] | str:
    saved = Saved(sid="s", pid="p", rooms=frozenset("a"), data={}, offset=f"{start}-0")
    found = missed_by(saved, saved.rooms, "/", (start, 0), history)
    return [kept.offset for kept in found.events] if isinstance(found, Missed) else found


def test_who_has_heard_of_nothing_later_has_missed_nothing(history: History) -> None:
    assert missed(history, 5) == "expired"
    history.advance("5-0")
    assert (history.latest, history.position) == ("5-0", (5, 0))
    assert missed(history, 5) == []
    assert missed(history, 4) == "expired"


def test_it_reaches_further_without_a_record(history: History) -> None:
    history.append("5-0", EVENT, 1)
    history.advance("9-0")
    assert (missed(history, 5), missed(history, 9)) == ([], [])
    history.append("10-0", EVENT, 1)
    assert (missed(history, 5), missed(history, 9)) == (["10-0"], ["10-0"])


@pytest.mark.parametrize("offset", ["4-0", "5-0", "no offset"])
def test_it_never_goes_back(history: History, offset: str) -> None:
    history.append("5-0", EVENT, 1)
    history.advance(offset)
    assert (history.latest, history.position) == ("5-0", (5, 0))
