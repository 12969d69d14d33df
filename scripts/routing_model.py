"""What a large cluster does in either mode of the bus, on paper: `scripts/simulate`.

The sizes of rooms are a power law, and clients are spread over the instances by chance. How much is written to a room
depends on its size: with each member as much, with the square root of their number, or not at all. What a record takes
of Redis's memory was measured. What it costs an instance and Redis of processor time is an estimate, of the order of
the measures in docs/scaling.md (`scripts/bench --tests growth` takes them).
"""

import argparse
import random
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

LARGEST = 5_000  # members of a room that are connected
EXPONENT = 2.0  # of the power law: rooms of twice the size are a quarter as many
DIRECT = 0.3  # of all messages, those between two people
MESSAGES = 1 / 300  # a second that a client sends
ACTIVITIES = (1.0, 0.5, 0.0)  # powers of a room's size that its messages go with
STAY = 30 * 60.0  # s that a client is connected
TELLING = 2.0  # records for each message, itself included: read marks, typing
SENT_TO = 200_000  # records whose receivers are drawn

# Estimates, in µs of processor time.
READ = 8.0  # an instance, for a record: to read and decode it
WRITE = 11.0  # Redis, for a record: the call, and its first stream
EACH_READER = 2.0  # Redis, for each further reader of a record
ORDER = 5.0  # Redis, to be told of a room

# Measured, in bytes of Redis.
INTEREST = 115  # a room that is heard of
EACH_HEARER = 15  # each instance that hears of it
ENTRY = 875  # a record of a message of 100 characters in a stream
KEPT = 10_000  # records of a stream


@dataclass(frozen=True)
class Cluster:
    """How large it is."""

    instances: int
    rooms: int
    clients: int


@dataclass(frozen=True)
class Figures:
    """What happens in it; rates are per second."""

    records: float
    streams_of_a_record: float
    read_by_an_instance: float
    share_of_an_instance: float
    share_of_redis: float
    redis_bytes: float
    orders: float


def sizes_of_rooms(count: int, chance: random.Random) -> list[int]:
    """The connected members of each room, from 2 on."""
    sizes = []
    for _ in range(count):
        size = 2 * (1 - chance.random()) ** (-1 / (EXPONENT - 1))
        sizes.append(min(LARGEST, int(size)))
    return sizes


def instances_of(members: int, cluster: Cluster) -> float:
    """How many instances have some of a room's members, on average."""
    return float(cluster.instances * (1 - (1 - 1 / cluster.instances) ** members))


def receivers(sizes: Sequence[int], activity: float, chance: random.Random) -> Iterator[int]:
    """The connected members of the room that each record is for: of two people, or of a room."""
    sums = list(accumulate(size**activity for size in sizes))
    for _ in range(SENT_TO):
        yield 2 if chance.random() < DIRECT else sizes[bisect(sums, chance.random() * sums[-1])]


def interest(sizes: Sequence[int], cluster: Cluster) -> tuple[float, float]:
    """How many rooms are heard of, and by how many instances in sum: a client has a room of its own, its user too."""
    own = 2 * cluster.clients
    return own + len(sizes), own + sum(instances_of(size, cluster) for size in sizes)


def compute(cluster: Cluster, seed: int) -> dict[str, Figures]:
    """The figures of one stream, and of routing by interest with each activity."""
    chance = random.Random(seed)
    sizes = sizes_of_rooms(cluster.rooms, chance)
    records = cluster.clients * MESSAGES * TELLING
    rooms, hearers = interest(sizes, cluster)
    inboxes = cluster.instances * KEPT * ENTRY
    memberships = sum(sizes) / cluster.clients
    orders = cluster.clients / STAY * (2 + memberships)  # each room new to its instance, at the most

    def figures(streams: float, read: float, told: float, memory: float) -> Figures:
        redis = records * (WRITE + EACH_READER * (streams - 1)) + told * ORDER
        return Figures(records, streams, read, read * READ / 1e6, redis / 1e6, memory, told)

    found = {"one stream": figures(cluster.instances, records, 0, KEPT * ENTRY)}
    for activity in ACTIVITIES:
        members = receivers(sizes, activity, chance)
        fan = sum(instances_of(count, cluster) for count in members) / SENT_TO
        memory = inboxes + rooms * INTEREST + hearers * EACH_HEARER
        found[f"by interest, {activity:g}"] = figures(fan, records * fan / cluster.instances, orders, memory)
    return found


FORMS = {
    "records a second": lambda figures: f"{figures.records:,.0f}",
    "instances that read a record": lambda figures: f"{figures.streams_of_a_record:.1f}",
    "records that an instance reads a second": lambda figures: f"{figures.read_by_an_instance:,.0f}",
    "of an instance's core, to read them": lambda figures: f"{figures.share_of_an_instance:.1%}",
    "of the core of Redis": lambda figures: f"{figures.share_of_redis:.0%}",
    "memory of Redis for the bus": lambda figures: f"{figures.redis_bytes / 2**20:,.0f} MiB",
    "rooms told to Redis a second": lambda figures: f"{figures.orders:,.0f}",
}


def table(cluster: Cluster, found: dict[str, Figures]) -> str:
    """The figures for a document."""
    size = f"{cluster.instances} instances, {cluster.rooms:,} rooms, {cluster.clients:,} clients"
    lines = [" | ".join([f"| {size}", *found]) + " |", "|---|" + "---:|" * len(found)]
    for name, form in FORMS.items():
        lines.append(" | ".join([f"| {name}", *map(form, found.values())]) + " |")
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="scripts/simulate", description=__doc__)
    parser.add_argument("--instances", type=int, default=64, metavar="N")
    parser.add_argument("--rooms", type=int, default=100_000, metavar="N")
    parser.add_argument("--clients", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    chosen = parser.parse_args()
    cluster = Cluster(chosen.instances, chosen.rooms, chosen.clients)
    print(table(cluster, compute(cluster, chosen.seed)))


if __name__ == "__main__":
    main()
