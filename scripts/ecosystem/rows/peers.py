"""Node servers with an adapter, beside one of ours on the same Redis."""

from collections.abc import Iterator
from functools import partial

from scripts.ecosystem.children import ParleyServer
from scripts.ecosystem.clusters import CHECKS, cluster_checks, node_server, valkey
from scripts.ecosystem.row import Kind, Outcome, Row
from scripts.ecosystem.workshop import Workshop

# The adapter, and the socket.io and redis of its time.
ADAPTERS = {
    "0.3.1": {"socket.io": "4.8.4", "redis": "5.12.1"},
    "0.2.3": {"socket.io": "4.8.4", "redis": "4.7.1"},
    "0.1.0": {"socket.io": "4.6.2", "redis": "4.7.1"},
}
BY_STREAM = "adapters before 0.3 send their requests over the stream; those of 0.3, and ours, go over Pub/Sub"
REQUESTS = ("fetch sockets", "server-side event")
EMITTER = "@socket.io/redis-streams-emitter"


def peer(adapter: str, workshop: Workshop) -> Outcome:
    """A Node server and one of ours: each hears of the other's clients."""
    packages = {"@socket.io/redis-streams-adapter": adapter, **ADAPTERS[adapter]}
    folder = workshop.npm(packages, "peer.mjs")
    with (
        valkey(workshop) as redis,
        node_server(folder, redis) as node,
        ParleyServer(workshop, redis) as parley,
    ):
        return Outcome(cluster_checks(workshop, node, parley.url))


def emitter(workshop: Workshop) -> Outcome:
    """The emitter is in no registry yet. Once it is, this row fails, and needs its program."""
    workshop.npm({EMITTER: "0.1.0"})
    return Outcome()


def rows() -> Iterator[Row]:
    """The newest first."""
    for adapter, others in ADAPTERS.items():
        name = f"socket.io {others['socket.io']} with @socket.io/redis-streams-adapter"
        known = {} if adapter.startswith("0.3") else dict.fromkeys(REQUESTS, BY_STREAM)
        yield Row(name, Kind.PEER, CHECKS, partial(peer, adapter), adapter, known=known)
    yield Row(EMITTER, Kind.PEER, ("emit to a room",), emitter, "0.1.0")


ROWS = tuple(rows())
