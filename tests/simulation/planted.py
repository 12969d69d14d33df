"""Small faults in the project's own code, each of which the simulator must find: it is worth what it can catch.

Each replaces one function of the project while it is planted.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest import mock

from app.announce.log_order import LogOrder, Place
from protocol.cluster import missed_events
from protocol.cluster.missed_events import Missed, Ring
from protocol.cluster.repetitions import Repetitions
from protocol.cluster.stream_records import Join, Leave
from protocol.engineio.engine_packet import EnginePacket, PacketType
from protocol.engineio.session import Session
from protocol.server.namespaces.client import ConnectedClient
from protocol.server.namespaces.local_namespace import LocalNamespace
from protocol.server.recovery import recovery
from protocol.socketio.rooms import RoomIndex

Plant = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Planted:
    """A fault, the invariants that it may break, and the seed from which on a history is sought that shows it."""

    name: str
    plant: Plant
    breaks: frozenset[str]
    first: int = 0


def instead(owner: object, name: str, wrong: Any) -> Plant:
    """Replace a function."""
    return partial(mock.patch.object, owner, name, wrong)


def around(owner: object, name: str, wrap: Callable[[Any], Any]) -> Plant:
    """Replace a function by one that is made of it."""

    @contextmanager
    def plant() -> Iterator[None]:
        with mock.patch.object(owner, name, wrap(getattr(owner, name))):
            yield

    return plant


def no_serials(_: Repetitions, entry: Mapping[str, str]) -> bool:
    """Every entry is new, also one that was written twice."""
    return True


def one_too_few(after: Any) -> Any:
    """A returning client is not told the first event that it has missed."""
    return lambda ring, start: after(ring, start)[1:] if ring.floor is not None else after(ring, start)


def one_too_many(ring: Ring, start: missed_events.Position) -> list[missed_events.Kept]:
    """A returning client is told the last event again that it has handled."""
    return [kept for kept in ring._kept if kept.position >= start]


def reversed_events(missed_by: Any) -> Any:
    """What was missed is told in the opposite order."""

    def wrong(*args: Any) -> Any:
        found = missed_by(*args)
        return found._replace(events=found.events[::-1]) if isinstance(found, Missed) else found

    return wrong


def without_orders(after: Any) -> Any:
    """Joins and leaves are forgotten that happened while a client was away."""
    return lambda ring, start: [
        each for each in after(ring, start) if not isinstance(each.record, Join | Leave)
    ]


def says_it_reaches(_: Ring, start: missed_events.Position) -> bool:
    """A history claims to go back as far as anybody asks."""
    return True


def keeps_in(leave: Any) -> Any:
    """A room cannot be left while others are in it."""
    return lambda index, member, room: (
        leave(index, member, room) if len(index.select((room,))) == 1 else False
    )


def stays_silent(deliver: Any) -> Any:
    """Each instance overlooks every fifth record."""
    seen: list[int] = []

    def wrong(namespace: Any, record: Any, offset: str = "", packet: Any = None) -> None:
        seen.append(1)
        if len(seen) % 5:
            deliver(namespace, record, offset, packet)

    return wrong


def ignores_pongs(receive: Any) -> Any:
    """A session does not take a pong for one."""

    def wrong(session: Session, packet: EnginePacket, now: int) -> Any:
        return None if packet.type is PacketType.PONG else receive(session, packet, now)

    return wrong


def handles_twice(enqueue: Any) -> Any:
    """An event of a client is handled twice."""

    def wrong(client: ConnectedClient, job: Any, **how: Any) -> None:
        enqueue(client, job, **how)
        if hasattr(job, "event") and job.event.data[0] == "message:send":
            enqueue(client, job, **how)

    return wrong


def no_turns(_: LogOrder, place: Place) -> bool:
    """No change waits until the one before it was announced."""
    return True


PLANTED = [
    Planted("no serials", instead(Repetitions, "is_new", no_serials), frozenset({"told-once"}), 19),
    Planted("one too few", around(Ring, "after", one_too_few), frozenset({"no-holes"})),
    Planted("one too many", instead(Ring, "after", one_too_many), frozenset({"told-once"})),
    Planted("reversed events", around(recovery, "missed_by", reversed_events), frozenset({"one-order"})),
    Planted(
        "without orders",
        around(Ring, "after", without_orders),
        frozenset({"silent-after-leaving", "no-holes"}),
        50,
    ),
    Planted("says it reaches", instead(Ring, "reaches", says_it_reaches), frozenset({"no-holes"}), 106),
    Planted("keeps in", around(RoomIndex, "leave", keeps_in), frozenset({"silent-after-leaving"})),
    Planted("stays silent", around(LocalNamespace, "deliver", stays_silent), frozenset({"no-holes"})),
    Planted("ignores pongs", around(Session, "receive", ignores_pongs), frozenset({"ended-with-a-reason"})),
    Planted(
        "handles twice", around(ConnectedClient, "enqueue", handles_twice), frozenset({"once-in-the-log"})
    ),
    Planted("no turns", instead(LogOrder, "is_turn", no_turns), frozenset({"in-the-order-of-the-log"}), 15),
]
