"""Saved sessions and offsets as they come from outside, and what a client has missed.

The first byte chooses: a saved session as msgpack, the text of one, an offset, or records as steps of some bytes, of
which a client misses those after an offset.
"""

from base64 import b64encode

import msgpack

from protocol.cluster.missed_events import History, Missed, missed_by
from protocol.cluster.saved_sessions import Saved, decode, encode, start_of
from protocol.cluster.stream_positions import NOWHERE, position_of
from protocol.cluster.stream_records import (
    Broadcast,
    DisconnectSockets,
    ForSockets,
    Join,
    Leave,
    Record,
    ServerSideEmit,
    Target,
)
from protocol.engineio.packets import Encoded
from protocol.errors import ProtocolError
from tests.fuzz.draw import Draw
from tests.fuzz.values import plain

KEYS = ["sid", "pid", "rooms", "data", "nsp", "live", "offset", "since", "sent", "before"]
WORDS = [msgpack.packb(word) for word in (*KEYS, "1-0", "2-0", "3-1", [], {}, None, True)]
MOST, MOST_SIZE = 6, 60
AGES = 10**9  # ms: nothing is too old
ROOMS = ("a", "b", "sid")


def check(data: bytes) -> None:
    """Only `ProtocolError` is raised; a saved session that is read can be saved and read again; what is kept is
    bounded; a client gets exactly what it has missed, or nothing."""
    draw = Draw(data)
    (check_saved, check_text, check_offset, check_missed)[draw.below(4)](draw)


def check_saved(draw: Draw) -> None:
    check_saved_text(b64encode(draw.rest()).decode())


def check_text(draw: Draw) -> None:
    check_saved_text(draw.rest().decode(errors="replace"))


def check_saved_text(text: str) -> None:
    try:
        saved = decode(text)
    except ProtocolError:
        return
    assert plain(decode(encode(saved))) == plain(saved)
    for offset in (None, "", "2-0", saved.offset, saved.since, saved.sent):
        start = start_of(saved, offset)
        assert start is None or start >= (position_of(offset) or NOWHERE)


def check_offset(draw: Draw) -> None:
    text = draw.rest().decode(errors="replace")
    position = position_of(text)
    if position is None:
        return
    assert len(text) <= 44
    assert position >= (0, 0)
    assert position_of("-".join(map(str, position))) == position


def check_missed(draw: Draw) -> None:
    history = History(
        MOST, MOST_SIZE, AGES, lambda record, offset: Encoded(f"{record.data}{offset}".encode())
    )
    saved_at, start, size_limit = draw.below(8), draw.below(8), draw.below(120)
    delivered: list[tuple[int, ForSockets]] = []
    time = 0
    while draw:
        step, choice = draw.below(3), draw.below(256)
        time = 1 if step == 2 and choice > 250 else time + step + 1  # once in a while a history of its own
        record = record_of(choice)
        if history.position >= (time, 0):
            delivered.clear()
        history.append(f"{time}-0", record, choice % 30)
        if not isinstance(record, ServerSideEmit):
            delivered.append((time, record))
        assert max(len(history.events), len(history.orders)) <= MOST
    for ring in (history.events, history.orders):
        assert sum(kept.size for kept in ring.after(NOWHERE)) <= MOST_SIZE
    saved = Saved(sid="sid", pid="pid", rooms=frozenset("a"), data={}, offset=f"{saved_at}-0")
    missed = missed_by(saved, saved.rooms, "/", (start, 0), history, size_limit)
    if isinstance(missed, Missed):
        assert ([kept.offset for kept in missed.events], missed.rooms) == expected(delivered, saved_at, start)
        assert sum(kept.size for kept in missed.events) <= size_limit


def record_of(choice: int) -> Record:
    target = Target(
        tuple(ROOMS[choice % 4 : choice % 4 + 1]), tuple(ROOMS[choice // 4 % 4 : choice // 4 % 4 + 1])
    )
    nsp = "/other" if choice % 11 == 0 else "/"
    rooms = (ROOMS[choice // 16 % 3],)
    kind = choice // 48
    if kind == 0:
        return Join(nsp, target, rooms)
    if kind == 1:
        return Leave(nsp, target, rooms)
    if kind == 2 and choice % 5 < 3:
        return (
            ServerSideEmit(nsp, ["x"])
            if choice % 5 == 0
            else DisconnectSockets(nsp, target, moved=choice % 5 == 1)
        )
    return Broadcast(nsp, target, ["x"], volatile=choice % 13 == 0)


def expected(
    delivered: list[tuple[int, ForSockets]], saved_at: int, start: int
) -> tuple[list[str], frozenset[str]]:
    """The offsets of the events that a client missed, and its rooms, by going through all that was delivered."""
    rooms, events = {"a"}, []
    for time, record in delivered:
        target = record.target
        meant = (not target.rooms or rooms & set(target.rooms)) and not rooms & set(target.except_)
        if record.nsp != "/" or not meant:
            continue
        match record:
            case Broadcast(volatile=False) if time > start:
                events.append(f"{time}-0")
            case Join(rooms=more) if time > saved_at:
                rooms |= set(more)
            case Leave(rooms=fewer) if time > saved_at:
                rooms -= set(fewer)
            case DisconnectSockets(moved=False) if time > saved_at:
                raise AssertionError("it was disconnected while it was away")
    return events, frozenset(rooms)
