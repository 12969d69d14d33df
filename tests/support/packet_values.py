"""What packets may carry, for tests that draw them."""

from typing import Any

from hypothesis import strategies as st

from protocol.socketio.packets import (
    MAX_SAFE_INTEGER,
    RESERVED_EVENTS,
    Ack,
    Connect,
    ConnectError,
    Disconnect,
    Event,
    Packet,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)


def nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Lists and objects of `leaves`, some levels deep."""
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=8,
    )


def packets(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Packet]:
    """Packets of all types with `leaves` in the data of events and acks; JSON alone is in that of the others."""
    namespaces = st.just("/") | st.sampled_from(["/admin", "/a/b", "/€", "/x-1"])
    numbers = st.integers(0, 20) | st.just(MAX_SAFE_INTEGER)
    values = nested(leaves)
    objects = st.dictionaries(texts, nested(scalars), max_size=3)
    names = texts.filter(lambda name: name not in RESERVED_EVENTS) | st.integers(-5, 5)
    data = st.builds(lambda name, args: [name, *args], names, st.lists(values, max_size=3))
    return st.one_of(
        st.builds(Event, data, namespaces, st.none() | numbers),
        st.builds(Ack, st.lists(values, max_size=3), numbers, namespaces),
        st.builds(Connect, namespaces, st.none() | objects),
        st.builds(Disconnect, namespaces),
        st.builds(ConnectError, objects, namespaces),
    )
