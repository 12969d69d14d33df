"""What holds in every history, by name. `scripts/soak` checks the same names on real processes.

The order in which Redis stored the records is the truth here: what a client heard is compared with it.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from app.announce.log_order import place_of
from protocol.cluster.record_batches import unfold
from protocol.cluster.stream_records import Broadcast, Join, Leave, SingleRecord, decode
from protocol.engineio.session import CloseReason
from tests.simulation.instance import NEWS
from tests.simulation.member import Member, Stay
from tests.simulation.world import World


class Violation(NamedTuple):
    """The name of an invariant, and what broke it."""

    invariant: str
    text: str


class Truth:
    """The records as Redis stored them, those that were stored twice once, at their first place."""

    def __init__(self, world: World) -> None:
        self.news: list[SingleRecord] = []
        self.changes: dict[tuple[str, int], int] = {}  # announced: room and number, and the place
        seen: set[tuple[str, str, str]] = set()
        for name, stream in world.redis.streams.items():
            for place, (offset, words) in enumerate(stream.appended):
                fields = dict(zip(words[::2], words[1::2], strict=True))
                key = (name, fields["uid"], fields["serial"])
                record = decode(fields)
                if key in seen or record is None:
                    continue
                seen.add(key)
                for single, _, _ in unfold(record, offset, 0):
                    self._add(single, place)

    def _add(self, record: SingleRecord, place: int) -> None:
        if record.nsp == NEWS:
            self.news.append(record)
        elif isinstance(record, Broadcast):
            found = place_of(*record.data)
            if found is not None:
                self.changes.setdefault((found.room_id, found.number), place)


def violations(world: World) -> list[Violation]:
    """All that does not hold."""
    truth = Truth(world)
    return [Violation(name, text) for name, check in CHECKS.items() for text in check(world, truth)]


# --- the log ---


def acknowledged_is_kept(world: World, _: Truth) -> Iterator[str]:
    """Each change that was acknowledged is in the log, where the answer said."""
    for member in world.members:
        for ack in member.acks:
            changes = world.log.rooms[ack.room].changes
            if ack.kind == "message" and (
                ack.number is None or changes[ack.number - 1 : ack.number] != [ack.name]
            ):
                yield f"{member.name} was told that {ack.name} is number {ack.number} of {ack.room}"


def once_in_the_log(world: World, _: Truth) -> Iterator[str]:
    """No message is in the log twice, and no event of a client was handled twice."""
    for room_id, room in world.log.rooms.items():
        for name, times in Counter(name for name in room.changes if name.startswith("m")).items():
            if times > 1 and " " not in name:
                yield f"{name} is in {room_id} {times} times"
    for emission, times in Counter(n for each in world.instances for n in each.handled).items():
        if times > 1:
            yield f"emission {emission} was handled {times} times"


# --- what is told ---


def told_once(world: World, _: Truth) -> Iterator[str]:
    """Nothing is told twice in a session."""
    for member in world.members:
        for stay in member.stays:
            for (room, number), times in Counter((each.room, each.number) for each in stay.changes).items():
                if times > 1:
                    yield f"{member.name} was told change {number} of {room} {times} times"
        for stay in member.news_stays:
            for number, times in Counter(stay.news).items():
                if times > 1:
                    yield f"{member.name} was told tick {number} {times} times"


def one_order(world: World, truth: Truth) -> Iterator[str]:
    """All hear what they hear in the order in which it was stored."""
    ticks = {
        record.data[1]: place for place, record in enumerate(truth.news) if isinstance(record, Broadcast)
    }
    for member in world.members:
        for stay in member.news_stays:
            yield from _disorder(member, [(ticks.get(n, -1), f"tick {n}") for n in stay.news])
        for stay in member.stays:
            heard = [(truth.changes.get(each[1:], -1), f"change {each[1:]}") for each in stay.changes]
            yield from _disorder(member, heard)


def _disorder(member: Member, heard: list[tuple[int, str]]) -> Iterator[str]:
    for (first, before), (second, after) in pairwise(heard):
        if 0 <= second < first:
            yield f"{member.name} was told {after} after {before}"


def in_the_order_of_the_log(world: World, _: Truth) -> Iterator[str]:
    """Where nothing breaks, the changes of a room are told in the order of their numbers."""
    if not world.history.calm:
        return
    for member in world.members:
        latest: dict[str, int] = {}
        for each in (each for stay in member.stays for each in stay.changes):
            if each.number < latest.get(each.room, 0):
                yield f"{member.name} was told change {each.number} of {each.room} after {latest[each.room]}"
            latest[each.room] = max(each.number, latest.get(each.room, 0))


def no_holes(world: World, truth: Truth) -> Iterator[str]:
    """Within a session nothing is missing, unless Redis lost records that not all had read."""
    if not world.history.loses:
        for member, wanted, _ in _expectations(world, truth):
            for number in wanted:
                yield f"{member.name} was not told tick {number}"


def silent_after_leaving(world: World, truth: Truth) -> Iterator[str]:
    """Nobody hears of a room that it has left."""
    if not world.history.loses:
        for member, _, unwanted in _expectations(world, truth):
            for number in unwanted:
                yield f"{member.name} was told tick {number} of a room that it had left"
    for room_id, last in world.last_changes.items():
        for member in world.members:
            if member.name not in world.log.rooms[room_id].members and any(
                each.room == room_id and each.number == last
                for stay in member.stays[-1:]
                for each in stay.changes
            ):
                yield f"{member.name} was told change {last} of {room_id}, which it has left"


def _expectations(world: World, truth: Truth) -> Iterator[tuple[Member, list[int], list[int]]]:
    """For each session: the ticks that are missing, and those that it should not have been told."""
    for member in world.members:
        for number, stay in enumerate(member.news_stays):
            if stay.news:
                last = number == len(member.news_stays) - 1
                yield member, *_compare(member, stay, truth, world.last_ticks if last else [])


def _compare(member: Member, stay: Stay, truth: Truth, last_ticks: list[int]) -> tuple[list[int], list[int]]:
    """From the first tick of a session on it is known what comes: to all, and to some once it was let in or out."""
    heard, missing, unwanted = set(stay.news), list[int](), list[int]()
    inside: bool | None = None
    begun, end = False, max(stay.news[-1], *last_ticks, 0) if last_ticks else stay.news[-1]
    for record in truth.news:
        match record:
            case Join(target=target) | Leave(target=target):
                if begun and target.rooms == (f"user:{member.name}",):
                    inside = isinstance(record, Join)
            case Broadcast(data=[_, number], target=target):
                begun = begun or number == stay.news[0]
                if begun and target.rooms and inside is False and number in heard:
                    unwanted.append(number)
                if begun and number not in heard and (inside or not target.rooms):
                    missing.append(number)
                if number == end or (number == stay.news[-1] and not last_ticks):
                    break
    return missing, unwanted


def no_phantoms(world: World, truth: Truth) -> Iterator[str]:
    """Nothing is told that was not stored, and no view has what the log has not."""
    ticks = {record.data[1] for record in truth.news if isinstance(record, Broadcast)}
    for member in world.members:
        for number in {number for stay in member.news_stays for number in stay.news} - ticks:
            yield f"{member.name} was told tick {number}, which nobody stored"
        for room_id, view in member.views.items():
            changes = world.log.rooms[room_id].changes
            for number, what in view.items():
                if changes[number - 1 : number] != [what]:
                    yield f"{member.name} sees {what} as change {number} of {room_id}"


def views_converge(world: World, _: Truth) -> Iterator[str]:
    """In the end each member sees all of the log."""
    if world.unsettled:
        return
    for member in world.members:
        for room_id, room in world.log.rooms.items():
            if member.name in room.members and list(member.views[room_id].values()) != room.changes:
                yield f"{member.name} knows {member.known[room_id]} of {len(room.changes)} changes of {room_id}"


# --- sessions ---

CLIENT_REASONS = frozenset(
    {"transport close", "transport error", "ping timeout", "Unreachable", "Disconnected"}
)
SESSION_REASONS = frozenset(
    {
        CloseReason.TRANSPORT_CLOSE,
        CloseReason.TRANSPORT_ERROR,
        CloseReason.PING_TIMEOUT,
        CloseReason.SERVER_SHUTTING_DOWN,
        CloseReason.FORCED_CLOSE,
        CloseReason.TOO_SLOW,
    }
)


def ended_with_a_reason(world: World, _: Truth) -> Iterator[str]:
    """No session ends but for what has happened to its connection or its instance."""
    calm = world.history.calm
    for member in world.members:
        for reason in member.reasons:
            if calm or reason not in CLIENT_REASONS:
                yield f"{member.name} was disconnected: {reason}"
    for instance in world.instances:
        for reason in instance.observer.closed:
            if calm or reason not in SESSION_REASONS:
                yield f"{instance.name} ended a session: {reason}"


def nobody_hangs(world: World, _: Truth) -> Iterator[str]:
    """Some time after the last fault all are connected, and everybody has the answers to what was asked."""
    if world.unsettled:
        yield world.unsettled
    elif len(world.last_ticks) < 2 or not all(
        set(world.last_ticks[:1]) <= set(each.news_stays[-1].news) for each in world.members
    ):
        yield "the last tick was not told to all"


def nothing_unforeseen(world: World, _: Truth) -> Iterator[str]:
    """No error is logged that is no fault's."""
    yield from world.errors
    yield from world.loop.failures


Check = Callable[[World, Truth], Iterator[str]]

CHECKS: dict[str, Check] = {
    check.__name__.replace("_", "-"): check
    for check in (
        acknowledged_is_kept,
        once_in_the_log,
        told_once,
        one_order,
        in_the_order_of_the_log,
        no_holes,
        silent_after_leaving,
        no_phantoms,
        views_converge,
        ended_with_a_reason,
        nobody_hangs,
        nothing_unforeseen,
    )
}


def checked(history: Any) -> list[Violation]:
    """Carry a history out, and tell what does not hold."""
    world = World(history)
    world.run()
    return violations(world)
