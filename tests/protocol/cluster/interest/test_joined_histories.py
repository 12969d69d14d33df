"""What was for a client that came from one instance to the next is put together from their records."""

from protocol.cluster.interest.joined_histories import JoinedHistories, Stretch
from protocol.cluster.missed_events import History, missed_by
from protocol.cluster.saved_sessions import Saved
from protocol.cluster.stream_records import Broadcast, ForSockets, Join, Target
from protocol.engineio.packets import Encoded

FIRST = 10


def history(*records: tuple[int, ForSockets], floor: int = FIRST) -> History:
    found = History(100, 10_000, 10_000, lambda record, offset: Encoded(f"{record.nsp}{offset}".encode(), ()))
    found.prepend([], f"{floor}-0")
    for at, record in records:
        found.append(f"{at}-0", record, 1)
    return found


def to(room: str) -> Broadcast:
    return Broadcast("/", Target((room,)), ["x"])


def missed(start: int, *stretches: Stretch, rooms: tuple[str, ...] = ("a",)) -> list[str] | str:
    saved = Saved(sid="s", pid="p", rooms=frozenset(rooms), data={}, offset=f"{start}-0")
    found = missed_by(saved, rooms, "/", (start, 0), JoinedHistories(stretches))
    return found if isinstance(found, str) else [kept.offset for kept in found.events]


HERE = history((20, to("a")), (25, to("a")), (30, to("b")), (35, to("a")))
THERE = history((15, to("a")), (20, to("a")), (25, to("a")), (28, to("a")), (32, to("a")))
ELSEWHERE = history((11, to("a")), (15, to("a")), (16, to("a")))


def test_each_stretch_gives_what_is_within_it() -> None:
    stretches = (
        Stretch(ELSEWHERE, (10, 0), (13, 0)),
        Stretch(THERE, (13, 0), (26, 0)),
        Stretch(HERE, (26, 0), None),
    )
    assert missed(10, *stretches) == ["11-0", "15-0", "20-0", "25-0", "35-0"]
    assert missed(15, *stretches) == ["20-0", "25-0", "35-0"]
    assert missed(25, *stretches) == ["35-0"]
    assert missed(30, *stretches) == ["35-0"]


def test_what_comes_later_is_in_the_last_one() -> None:
    growing = history((20, to("a")))
    joined = JoinedHistories([Stretch(THERE, (10, 0), (26, 0)), Stretch(growing, (26, 0), None)])
    growing.append("40-0", to("a"), 1)
    assert [kept.offset for kept in joined.events.after((25, 0))] == ["40-0"]


def test_it_is_known_where_something_is_missing() -> None:
    before = (Stretch(THERE, (13, 0), (26, 0)), Stretch(HERE, (26, 0), None))
    assert missed(12, *before) == "expired", "nobody has what was before"
    late = (Stretch(history(floor=20), (10, 0), (26, 0)), Stretch(HERE, (26, 0), None))
    assert missed(15, *late) == "expired", "the inbox does not reach back so far"
    assert missed(20, *late) == ["35-0"]
    lost = history(floor=30)
    assert missed(27, Stretch(THERE, (10, 0), (26, 0)), Stretch(lost, (26, 0), None)) == "expired"


def test_rooms_that_are_joined_on_the_way_count() -> None:
    there = history((15, Join("/", Target(("a",)), ("b",))))
    assert missed(12, Stretch(there, (10, 0), (26, 0)), Stretch(HERE, (26, 0), None)) == ["30-0", "35-0"]
