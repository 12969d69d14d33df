"""Which rooms a record is for, and what Redis is told of that."""

import pytest

from protocol.cluster.interest.record_rooms import (
    Route,
    interest_keys,
    joined_rooms,
    route_of,
    words_of,
)
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

ONE, TWO, ALL = Target(("a",)), Target(("a", "b"), ("c",)), Target((), ("a",))


@pytest.mark.parametrize(
    ("record", "route", "words"),
    [
        (Broadcast("/", ONE, ["x"]), Route(("/,a",)), "1 /,a 0"),
        (Broadcast("/n", TWO, ["x"]), Route(("/n,a", "/n,b")), "2 /n,a /n,b 0"),
        (Broadcast("/", Target(("a", "a")), ["x"]), Route(("/,a",)), "1 /,a 0"),
        (Broadcast("/", ALL, ["x"]), Route(None), "-1 0"),
        (Leave("/", TWO, ("d",)), Route(("/,a", "/,b")), "2 /,a /,b 0"),
        (DisconnectSockets("/", ONE), Route(("/,a",)), "1 /,a 0"),
        (ServerSideEmit("/", ["x"]), Route(None), "-1 0"),
        (
            Join("/", TWO, ("d", "e")),
            Route(("/,a", "/,b"), ("/,d", "/,e")),
            "2 /,a /,b 2 /,d /,e",
        ),
        (Join("/", ALL, ("d",)), Route(None, ("/,d",)), "-1 1 /,d"),
        (
            RecordBatch("/", (Join("/", ONE, ("d",)), Broadcast("/", Target(("d", "a")), ["x"]))),
            Route(("/,a", "/,d"), ("/,d",)),
            "2 /,a /,d 1 /,d",
        ),
        (
            RecordBatch("/", (Broadcast("/", ONE, ["x"]), Broadcast("/", ALL, ["x"]))),
            Route(None),
            "-1 0",
        ),
        (
            RecordBatch("/", (Broadcast("/", ALL, ["x"]), Broadcast("/", ONE, ["x"]))),
            Route(None),
            "-1 0",
        ),
    ],
)
def test_where_a_record_goes(record: Record, route: Route, words: str) -> None:
    assert route_of(record) == route
    assert words_of(route) == words.split()


def test_which_rooms_a_record_makes_sockets_join() -> None:
    batch = RecordBatch("/", (Join("/", ONE, ("d", "e")), Leave("/", ONE, ("f",)), Join("/", ALL, ("d",))))
    assert joined_rooms(batch) == ("/,d", "/,e")
    assert joined_rooms(Join("/n", ONE, ("d",))) == ("/n,d",)
    assert joined_rooms(Broadcast("/", ONE, ["x"])) == ()


def test_rooms_of_namespaces_are_apart() -> None:
    assert interest_keys("/a", ["b,c", "b,c"]) == ("/a,b,c",)
    assert interest_keys("/", ["b"]) != interest_keys("/b", [""])
