"""Which rooms a record is for, and which it makes sockets join: all that Redis is told of it for its routing."""

from collections.abc import Iterable
from typing import NamedTuple

from protocol.cluster.stream_records import Broadcast, Join, Record, RecordBatch, ServerSideEmit, SingleRecord


class Route(NamedTuple):
    """A record goes to whoever hears of any of `rooms`; to all instances where it is None. Whoever gets it hears of
    `joined` from then on, for it may have the sockets that join these rooms."""

    rooms: tuple[str, ...] | None
    joined: tuple[str, ...] = ()


def interest_key(nsp: str, room: str) -> str:
    """A room as Redis knows it, where rooms of all namespaces are together. No namespace has a comma in its name."""
    return f"{nsp},{room}"


def interest_keys(nsp: str, rooms: Iterable[str]) -> tuple[str, ...]:
    """The same of many rooms, each once, in their order."""
    return tuple(dict.fromkeys(interest_key(nsp, room) for room in rooms))


def route_of(record: Record) -> Route:
    """Where a record goes. Of a batch, to whoever one of its records is for."""
    if isinstance(record, Broadcast) and record.target.rooms:  # nearly all are
        return Route(interest_keys(record.nsp, record.target.rooms))
    rooms: list[str] = []
    for part in _parts(record):
        if isinstance(part, ServerSideEmit) or not part.target.rooms:
            return Route(None, joined_rooms(record))
        rooms += part.target.rooms
    return Route(interest_keys(record.nsp, rooms), joined_rooms(record))


def joined_rooms(record: Record) -> tuple[str, ...]:
    """The rooms that a record makes sockets join, as Redis knows them."""
    if isinstance(record, Broadcast):
        return ()
    rooms = [room for part in _parts(record) if isinstance(part, Join) for room in part.rooms]
    return interest_keys(record.nsp, rooms)


def _parts(record: Record) -> tuple[SingleRecord, ...]:
    return record.records if isinstance(record, RecordBatch) else (record,)


def words_of(route: Route) -> list[str]:
    """A route as the function of Redis reads it: either list behind its length, -1 for all."""
    rooms = ["-1"] if route.rooms is None else [str(len(route.rooms)), *route.rooms]
    return [*rooms, str(len(route.joined)), *route.joined]
