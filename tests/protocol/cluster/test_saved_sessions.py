"""What a client that was away gets: held to what it would have got, had it been there."""

from base64 import b64decode, b64encode
from datetime import UTC, datetime
from typing import Any

import msgpack
import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from msgspec import structs

from protocol.cluster.missed_events import MOST_MISSED, History, Missed, missed_by
from protocol.cluster.record_batches import unfold, unfold_all
from protocol.cluster.saved_sessions import Saved, decode, encode, packable, start_of
from protocol.cluster.stream_positions import NOWHERE, Position, position_of
from protocol.cluster.stream_records import (
    Broadcast,
    DisconnectSockets,
    Join,
    Leave,
    Record,
    RecordBatch,
    ServerSideEmit,
    Target,
)
from protocol.engineio.packets import Encoded
from protocol.errors import ProtocolError
from protocol.socketio.json_parser import JSON
from protocol.socketio.packets import Event

SAVED = Saved(
    sid="s",
    pid="p",
    rooms=frozenset({"s", "room"}),
    data={"name": "Ada", "n": 7, "at": datetime(2020, 1, 1, tzinfo=UTC), "raw": b"\x00"},
    nsp="/",
    live=True,
    offset="30-0",
    since="10-0",
    sent="20-0",
    before="5-0",
)
# What Node's adapter wrote for {sid: "nodesid", pid: "nodepid", rooms: ["nodesid", "r"], data: {name: "Ada"}}.
NODES = "hKNzaWSnbm9kZXNpZKNwaWSnbm9kZXBpZKVyb29tc5Knbm9kZXNpZKFypGRhdGGBpG5hbWWjQWRh"


# --- the saved text ---


def test_a_saved_session_survives() -> None:
    assert decode(encode(SAVED)) == SAVED


def test_node_reads_what_is_saved() -> None:
    fields = msgpack.unpackb(b64decode(encode(structs.replace(SAVED, data={"name": "Ada"}))))
    assert fields["sid"] == "s"
    assert fields["pid"] == "p"
    assert sorted(fields["rooms"]) == ["room", "s"]
    assert fields["data"] == {"name": "Ada"}


def test_what_node_has_saved_is_read() -> None:
    assert decode(NODES) == Saved(
        sid="nodesid", pid="nodepid", rooms=frozenset({"nodesid", "r"}), data={"name": "Ada"}
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "€",
        NODES[:-4],
        b64encode(b"\xc1").decode(),
        b64encode(msgpack.packb({"sid": 1})).decode(),
        b64encode(msgpack.packb({"sid": "s", "pid": "p", "rooms": [], "data": []})).decode(),
        b64encode(
            msgpack.packb({"sid": "s", "pid": "p", "rooms": [], "data": {"x": msgpack.ExtType(7, b"")}})
        ).decode(),
        b64encode(b"\x81" + b"\x91" * 100_000).decode(),
    ],
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError):
        decode(text)


def test_data_that_can_be_saved() -> None:
    nested: list[Any] = []
    nested.append(nested)
    data = {"kept": {"a": [1]}, "object": object(), "big": 2**70, "nested": nested, 7: "number"}
    assert packable(data) == {"kept": {"a": [1]}, 7: "number"}
    saved = structs.replace(SAVED, data=packable(data))
    assert decode(encode(saved)) == saved


# --- where to begin ---


@pytest.mark.parametrize(
    ("offset", "start"),
    [
        ("20-0", (30, 0)),  # it has all that was sent, and later there was nothing for it
        ("25-0", (30, 0)),
        ("31-5", (31, 5)),  # it was sent more after it was saved
        ("15-0", (15, 0)),
        ("10-0", (10, 0)),
        ("9-9", (10, 0)),  # what was sent up to the change of its rooms it has
        ("5-0", (10, 0)),
        ("4-99", None),  # it lacks something from before
        (None, None),
        ("5", None),
        ("", None),
        (5, None),
        ("1-1\n", None),
    ],
)
def test_where_a_client_begins(offset: object, start: Position | None) -> None:
    assert start_of(SAVED, offset) == start


def test_where_a_client_begins_that_has_heard_nothing() -> None:
    assert start_of(structs.replace(SAVED, sent=None, before=None), None) == (30, 0)
    assert start_of(structs.replace(SAVED, before=None), None) == (10, 0)
    assert start_of(structs.replace(SAVED, before=None), "1-1") == (10, 0)  # of another session of before


def test_before_anything_was_known() -> None:
    assert start_of(structs.replace(SAVED, sent=None, before=None, since="", offset=""), None) == NOWHERE


def test_where_a_client_of_node_begins() -> None:
    saved = decode(NODES)
    assert start_of(saved, "7-1") == (7, 1)
    assert start_of(saved, None) is None
    assert start_of(saved, "seven") is None


# --- the past ---

ALIVE = Saved(sid="s", pid="p", rooms=frozenset({"s"}), data={}, nsp="/", live=True, offset="0-0")


def news(*rooms: str, without: tuple[str, ...] = (), volatile: bool = False, nsp: str = "/") -> Broadcast:
    return Broadcast(nsp, Target(rooms, without), ["news"], volatile=volatile)


def pack(record: Broadcast, offset: str) -> Encoded:
    return JSON.encode(Event([*record.data, offset], record.nsp))


def offsets(history: History, start: Position) -> list[str]:
    return [kept.offset for kept in history.events.after(start)]


def test_nothing_is_known_at_first() -> None:
    history = History(10, 1000, 10**9, pack)
    assert not history.events.reaches((9**9, 0))
    assert missed_by(ALIVE, ALIVE.rooms, "/", NOWHERE, history) == "expired"
    history.append("5-0", news(), 1)
    assert not history.events.reaches((4, 9))
    assert history.events.reaches((5, 0))


def test_the_past_is_added_in_front() -> None:
    history = History(10, 1000, 10**9, pack)
    history.append("5-0", news(), 1)
    history.prepend([("3-0", news(), 1), ("4-0", news(), 1)], "2-0")
    assert (history.latest, history.position, history.events.floor) == ("5-0", (5, 0), (2, 0))
    assert offsets(history, (2, 0)) == ["3-0", "4-0", "5-0"]


def test_a_past_for_which_there_is_no_room() -> None:
    """What has come since has pushed out some of itself already."""
    history = History(2, 100, 10**9, pack)
    for number in range(5, 8):
        history.append(f"{number}-0", news(), 1)
    history.prepend([("4-0", news(), 1)], "3-0")
    assert not history.events.reaches((4, 0))
    assert offsets(history, (5, 0)) == ["6-0", "7-0"]
    history.clear()
    assert history.events.floor is None


def test_what_was_for_servers_is_not_kept() -> None:
    history = History(10, 1000, 10**9, pack)
    history.prepend([("3-0", ServerSideEmit("/", ["x"]), 1), ("4-0", news(), 1)], "2-0")
    history.append("5-0", ServerSideEmit("/", ["x"]), 1)
    assert offsets(history, (2, 0)) == ["4-0"]
    assert history.orders.after((2, 0)) == []
    assert history.latest == "5-0"


def test_a_past_without_a_presence() -> None:
    history = History(10, 1000, 10**9, pack)
    history.prepend([("3-0", news(), 1)], "2-0")
    assert (history.latest, history.position, history.events.floor) == ("3-0", (3, 0), (2, 0))
    history = History(10, 1000, 10**9, pack)
    history.prepend([], "0-0")
    assert (history.latest, history.position, history.events.floor) == ("0-0", (0, 0), (0, 0))


def test_the_past_is_bounded() -> None:
    history = History(3, 100, 10**9, pack)
    history.prepend([], "0-0")
    for number in range(1, 6):
        history.append(f"{number}-0", news(), 10)
    assert len(history.events) == 3
    assert history.events.floor == (2, 0)
    history.append("6-0", news(), 90)
    assert offsets(history, NOWHERE) == ["5-0", "6-0"]
    history.append("7-0", news(), 101)
    assert offsets(history, NOWHERE) == []
    assert history.events.floor == history.position == (7, 0)
    history = History(3, 100, 10**9, pack)
    history.append("9-0", news(), 1)
    history.prepend([(f"{number}-0", news(), 1) for number in range(1, 5)], "0-0")
    assert offsets(history, NOWHERE) == ["3-0", "4-0", "9-0"]
    assert history.events.floor == (2, 0)


def test_a_gap_ends_the_past() -> None:
    history = History(10, 1000, 10**9, pack)
    history.prepend([("1-0", news(), 1)], "0-0")
    history.clear()
    assert not history.events.reaches((1, 0))
    history.append("5-0", news(), 1)
    assert not history.events.reaches((4, 0))
    assert history.events.reaches((5, 0))


def test_another_history_begins_with_lower_offsets() -> None:
    history = History(10, 1000, 10**9, pack)
    history.prepend([("9-0", news(), 1)], "0-0")
    history.append("3-0", news(), 1)
    assert offsets(history, NOWHERE) == ["3-0"]
    assert (history.latest, history.events.floor) == ("3-0", (3, 0))
    history.append("3-0", news(), 1)
    assert len(history.events) == 1


def test_volatile_events_pass() -> None:
    history = History(10, 1000, 10**9, pack)
    history.append("1-0", news(volatile=True), 1)
    assert (len(history.events), history.latest, history.events.floor) == (0, "1-0", (1, 0))


def test_an_offset_is_an_offset() -> None:
    with pytest.raises(ProtocolError):
        History(1, 1, 1, pack).append("x", news(), 1)


# --- what was missed ---


def past(*records: Record, size: int = 1) -> History:
    history = History(10_000, 10**9, 10**9, pack)
    history.prepend([], "0-0")
    for number, record in enumerate(records, 1):
        history.append(f"{number}-0", record, size)
    return history


def missed(*records: Record, rooms: frozenset[str] = frozenset({"s", "room"})) -> Any:
    found = missed_by(ALIVE, rooms, "/", (0, 0), past(*records))
    return [kept.offset for kept in found.events] if isinstance(found, Missed) else found


def test_events_for_the_client() -> None:
    assert missed(
        news(),
        news("room"),
        news("x", "s"),
        news("x"),
        news(without=("room",)),
        news("room", without=("x",)),
        news(nsp="/other"),
    ) == ["1-0", "2-0", "3-0", "6-0"]


def test_rooms_change() -> None:
    records = [
        Leave("/", Target(("room",)), ("room", "x")),
        news("room"),
        Join("/", Target(("s",)), ("new",)),
        news("new"),
        Join("/", Target(("x",)), ("never",)),
        Join("/other", Target(), ("never",)),
    ]
    assert missed(*records) == ["4-0"]
    found = missed_by(ALIVE, {"s", "room"}, "/", (0, 0), past(*records))
    assert isinstance(found, Missed)
    assert found.rooms == {"s", "new"}


def test_a_default_room_is_that_of_events_and_joins_without_one() -> None:
    records = [
        news(),
        Join("/", Target(), ("new",)),
        news("new"),
        Join("/", Target(("s",)), ("default",)),
        news(without=("x",)),
        Join("/", Target(), ("new",)),
        news("new"),
        Leave("/", Target(), ("default",)),
        news(),
    ]
    found = missed_by(ALIVE, {"s"}, "/", (0, 0), past(*records), default_rooms=("default",))
    assert isinstance(found, Missed)
    assert [kept.offset for kept in found.events] == ["5-0", "7-0"]
    assert (
        missed_by(ALIVE, {"s"}, "/", (0, 0), past(DisconnectSockets("/", Target())), 1, ("default",))
        == "gone"
    )


def test_rooms_change_to_and_fro() -> None:
    """They are the same then, but were not always."""
    out, back = Leave("/", Target(), ("room",)), Join("/", Target(), ("room",))
    for records, moved in [
        ([out, news("room"), back], True),
        ([back], False),
        ([out], True),
        ([out, out], True),
    ]:
        found = missed_by(ALIVE, {"s", "room"}, "/", (0, 0), past(*records))
        assert isinstance(found, Missed)
        assert (found.events, found.moved) == ([], moved)
    found = missed_by(ALIVE, {"s"}, "/", (0, 0), past(out))
    assert isinstance(found, Missed)
    assert not found.moved


def test_it_was_sent_away() -> None:
    assert missed(news(), DisconnectSockets("/", Target(("room",)))) == "gone"
    assert missed(DisconnectSockets("/", Target(("room",), ("s",)))) == []
    assert missed(DisconnectSockets("/", Target(("s",)), moved=True), news()) == ["2-0"]


def test_rooms_are_those_of_when_it_was_saved() -> None:
    """Orders count from there on, also before what the client has; and none may be missing."""
    records = [
        Join("/", Target(), ("a",)),
        news("a"),
        Leave("/", Target(), ("room",)),
        news("room"),
        news("a"),
    ]
    history = past(*records)
    found = missed_by(ALIVE, {"s", "room"}, "/", (2, 0), history)
    assert isinstance(found, Missed)
    assert ([kept.offset for kept in found.events], found.rooms) == (["5-0"], {"s", "a"})
    later = structs.replace(ALIVE, offset="3-0")
    found = missed_by(later, {"s", "room"}, "/", (2, 0), history)
    assert isinstance(found, Missed)
    assert ([kept.offset for kept in found.events], found.rooms) == (["4-0"], {"s", "room"})
    nodes = structs.replace(ALIVE, offset=None)
    found = missed_by(nodes, {"s", "room"}, "/", (2, 0), history)
    assert isinstance(found, Missed)
    assert ([kept.offset for kept in found.events], found.rooms) == ([], {"s"})
    for unknown in ("", "x"):
        early = structs.replace(ALIVE, offset=unknown)
        assert missed_by(early, {"s"}, "/", (2, 0), history) == "expired"


def test_orders_are_kept_for_longer() -> None:
    history = History(2, 1000, 10**9, pack)
    history.prepend([], "0-0")
    history.append("1-0", Leave("/", Target(), ("room",)), 1)
    for number in range(2, 10):
        history.append(f"{number}-0", news("room"), 1)
    found = missed_by(ALIVE, {"s", "room"}, "/", (7, 0), history)
    assert isinstance(found, Missed)
    assert found == Missed([], frozenset({"s"}), moved=True)
    assert missed_by(ALIVE, {"s", "room"}, "/", (6, 0), history) == "expired"


def test_those_who_come_back_push_out_nothing() -> None:
    """When an instance dies, all its clients come back within seconds, and each of them is told of."""
    history = History(2, 1000, 10**9, pack)
    history.prepend([], "0-0")
    history.append("1-0", Leave("/", Target(), ("room",)), 1)
    for number in range(2, 10):
        history.append(f"{number}-0", DisconnectSockets("/", Target((f"other {number}",)), moved=True), 1)
    found = missed_by(ALIVE, {"s", "room"}, "/", (0, 0), history)
    assert found == Missed([], frozenset({"s"}), moved=True)


def test_too_much() -> None:
    history = past(*[news("s")] * MOST_MISSED)
    found = missed_by(ALIVE, {"s"}, "/", (0, 0), history)
    assert isinstance(found, Missed)
    assert len(found.events) == MOST_MISSED
    history.append("9999-0", news("s"), 1)
    assert missed_by(ALIVE, {"s"}, "/", (0, 0), history) == "expired"
    assert isinstance(missed_by(ALIVE, {"s"}, "/", (1, 0), history), Missed)
    assert missed_by(ALIVE, {"s"}, "/", (1, 0), past(news(), news(), size=10), 9) == "expired"
    assert isinstance(missed_by(ALIVE, {"s"}, "/", (1, 0), past(news(), news(), size=10), 10), Missed)


# --- batches ---

BATCH = RecordBatch(
    "/",
    (
        Join("/", Target(("s",)), ("a",)),
        Broadcast("/", Target(("a",)), ["one"]),
        Broadcast("/", Target(), ["two"]),
    ),
)


@pytest.mark.parametrize(
    ("offset", "offsets"),
    [
        ("7-3", ["7-2-1", "7-2-2", "7-3"]),
        ("7-0", [f"6-{2**64 - 1}-1", f"6-{2**64 - 1}-2", "7-0"]),
        ("", ["", "", ""]),  # of a local one
    ],
)
def test_the_records_of_a_batch_have_offsets_of_their_own(offset: str, offsets: list[str]) -> None:
    parts = list(unfold(BATCH, offset, 11))
    assert [record for record, _, _ in parts] == list(BATCH.records)
    assert [part for _, part, _ in parts] == offsets
    assert sum(size for _, _, size in parts) == 11
    single = BATCH.records[1]
    assert list(unfold(single, offset, 11)) == [(single, offset, 11)]


def test_the_offsets_of_a_batch_lie_between_the_entries_around_it() -> None:
    entries = [(offset, BATCH, 3) for offset in ("1-0", "1-1", "1-2", "2-0", "2-1", "3-0")]
    offsets = [offset for offset, _, _ in unfold_all(entries)]
    assert len(set(offsets)) == 18
    assert offsets == sorted(offsets, key=lambda offset: position_of(offset) or NOWHERE)


@pytest.mark.parametrize(("last", "missed"), [("6-0", ["one", "two"]), ("7-2-2", ["two"]), ("7-3", [])])
def test_a_client_that_was_cut_off_within_a_batch_gets_the_rest(last: str, missed: list[str]) -> None:
    history = History(10, 10**6, 10**9, lambda record, offset: JSON.encode(Event([*record.data, offset])))
    history.prepend([], "0-0")
    history.append("6-0", Broadcast("/", Target(), ["zero"]), 1)
    for record, offset, size in unfold(BATCH, "7-3", 30):
        history.append(offset, record, size)
    saved = structs.replace(SAVED, rooms=frozenset({"s"}), offset="6-0", since="5-0", sent="6-0")
    start = start_of(saved, last)
    assert start is not None
    found = missed_by(saved, saved.rooms, "/", start, history)
    assert isinstance(found, Missed)
    assert [kept.packet and kept.packet.text for kept in found.events] == [
        JSON.encode(Event([name, "7-2-2" if name == "one" else "7-3"])).text for name in missed
    ]
    assert found.rooms == {"s", "a"}


# --- random histories ---

ROOMS = st.sampled_from(["s", "a", "b"])
TARGETS = st.builds(
    Target,
    st.lists(ROOMS, max_size=2).map(tuple),
    st.lists(st.sampled_from(["a", "b"]), max_size=1).map(tuple),
)
NSP = st.sampled_from(["/", "/", "/", "/other"])
CHANGED = st.sampled_from([("a",), ("b",), ("a", "b")])
RECORDS = st.one_of(
    st.builds(Broadcast, NSP, TARGETS, st.just(["e"]), volatile=st.sampled_from([False, False, True])),
    st.builds(Broadcast, NSP, TARGETS, st.just(["e", "text"]), volatile=st.booleans()),
    st.builds(Join, NSP, TARGETS, CHANGED),
    st.builds(Leave, NSP, TARGETS, CHANGED),
)
BATCHES = st.builds(
    lambda records: RecordBatch(records[0].nsp, tuple(records)), st.lists(RECORDS, min_size=2, max_size=4)
)
ENDS = st.builds(DisconnectSockets, NSP, TARGETS, moved=st.booleans())
DIRECTLY = st.tuples(st.sampled_from(["join", "leave"]), st.sampled_from(["a", "b"]))
STEPS = st.lists(
    st.one_of(RECORDS, RECORDS, BATCHES, DIRECTLY, st.sampled_from(["save", "local"])), max_size=25
)
AWAY = st.lists(st.one_of(RECORDS, RECORDS, RECORDS, BATCHES, ENDS), max_size=15)


class Model:
    """A client, as its server knows it: what was sent to it, and what would be."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.rooms = {"s"}
        self.sent: list[
            tuple[str, bool]
        ] = []  # the offset that each event carries, and whether it is replayed
        self.before: str | None = None
        self.last: str | None = None
        self.since = history.latest
        self.gone = False
        self.number = 0
        self.saved = self.snapshot(live=True)

    def snapshot(self, *, live: bool) -> Saved:
        return Saved(
            sid="s",
            pid="p",
            rooms=frozenset(self.rooms),
            data={},
            nsp="/",
            live=live,
            offset=self.history.latest,
            since=self.since,
            sent=self.last,
            before=self.before,
        )

    def send(self, stamp: str, *, again: bool) -> None:
        self.sent.append((stamp, again))
        if stamp:
            self.last = stamp

    def change(self, rooms: set[str]) -> None:
        if rooms != self.rooms:
            self.rooms, self.since, self.before = rooms, self.history.latest, self.last

    def step(self, step: Any) -> None:
        if step == "save":
            self.saved = self.snapshot(live=True)
        elif step == "local":
            self.send(self.history.latest, again=False)
        elif isinstance(step, tuple):
            verb, room = step
            self.change(self.rooms | {room} if verb == "join" else self.rooms - {room})
            self.saved = self.snapshot(live=True)
        else:
            self.deliver(step)

    def deliver(self, record: Record) -> None:
        self.number += 1
        for single, offset, size in unfold(record, f"{self.number}-0", 1):
            self.deliver_single(single, offset, size)

    def deliver_single(self, record: Any, offset: str, size: int) -> None:
        self.history.append(offset, record, size)
        target = record.target
        meant = (not target.rooms or self.rooms & set(target.rooms)) and not self.rooms & set(target.except_)
        if record.nsp != "/" or not meant:
            return
        match record:
            case Broadcast(volatile=True, data=data):
                self.send(self.history.latest if isinstance(data[-1], str) else "", again=False)
            case Broadcast():
                self.send(self.history.latest, again=True)
            case Join(rooms=rooms):
                self.change(self.rooms | set(rooms))
            case Leave(rooms=rooms):
                self.change(self.rooms - set(rooms))
            case DisconnectSockets(moved=moved):
                self.gone = self.gone or not moved


@given(
    steps=STEPS,
    away=AWAY,
    lost=st.integers(0, 5),
    noticed=st.booleans(),
    most=st.sampled_from([5, 100, 100, 100]),
)
def test_who_was_away_gets_what_it_would_have_got(
    steps: list[Any], away: list[Record], lost: int, noticed: bool, most: int
) -> None:
    """A client whose last `lost` events never came. Its server saved it at the end, or died before it could."""
    history = History(most, 10**6, 10**9, pack)
    history.prepend([], "0-0")
    client = Model(history)
    for step in steps:
        client.step(step)
    if noticed:
        client.saved = client.snapshot(live=False)
    saved = client.saved
    came = client.sent[: max(0, len(client.sent) - lost)]
    offset = next((stamp for stamp, _ in reversed(came) if stamp), None)
    lacks_from_before = any(
        stamp and (position_of(stamp) or NOWHERE) <= (position_of(saved.since) or NOWHERE)
        for stamp, _ in client.sent[len(came) :]
    )
    present = len(came)
    for record in away:
        client.deliver(record)

    start = start_of(saved, offset)
    found = "expired" if start is None else missed_by(saved, saved.rooms, "/", start, history)
    if isinstance(found, Missed):
        event("recovered")
        assert [kept.offset for kept in found.events] == [
            stamp for stamp, again in client.sent[present:] if again
        ]
        assert found.rooms == client.rooms
        assert not client.gone
    else:
        event(found)
        assert found != "gone" or client.gone
        if found == "expired" and most == 100:
            assert lacks_from_before, "nothing else makes it impossible"


def test_what_nobody_can_have_missed_any_more_is_not_kept() -> None:
    history = History(10, 1000, 100, pack)
    history.append("1000-0", news(), 7)
    history.append("1001-0", Join("/", Target(("a",)), ("b",)), 5)
    for ms in (1050, 1100):
        history.append(f"{ms}-0", news(), 7)
    assert history.size == 26
    history.append("1101-0", news(), 7)
    assert offsets(history, NOWHERE) == ["1050-0", "1100-0", "1101-0"]
    assert not history.events.reaches((999, 0))
    assert history.events.reaches((1000, 0))
    history.append("1200-0", Join("/", Target(("a",)), ("c",)), 5)
    assert [kept.offset for kept in history.orders.after(NOWHERE)] == ["1200-0"]
    assert history.size == 26
