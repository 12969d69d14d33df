"""What happens in a history, as data: so it can be drawn, replayed, made smaller and shown."""

from dataclasses import dataclass, replace
from random import Random
from typing import Literal, TypeAlias, get_args

MEMBERS, ROOMS, INSTANCES = 4, 2, 3  # at most
LONGEST = 3_000  # ms from one step to the next
LENGTH = 12  # steps of a history, at most

Act: TypeAlias = Literal["send", "burst", "leave", "enter", "tick", "tick to some", "ticks", "admit", "expel"]
"""What clients and instances do. The last two make a client enter and leave the room of news for some."""

Fault: TypeAlias = Literal[
    "cut", "vanish", "stall", "stall all", "kill", "stop", "redis down", "redis silent", "redis refuses",
    "redis forgets", "redis trims", "answers lost", "apart from redis", "database away", "unreachable",
]  # fmt: skip
"""What the machines and the network do. Each that lasts does so for `span`."""

ACTS: tuple[Act, ...] = get_args(Act)
FAULTS: tuple[Fault, ...] = get_args(Fault)
STEPS: tuple[Act | Fault, ...] = (*ACTS, *FAULTS)
LOSING: frozenset[str] = frozenset({"redis forgets", "redis trims"})  # records that were stored and not read
WEIGHTS = (6, 2, 1, 2, 4, 4, 2, 2, 1, 2, 2, 1, 1, 2, 1, 1, 1, 1, 0.5, 0.5, 2, 1, 1, 1)


@dataclass(frozen=True)
class Step:
    """`after` ms from the step before, `what` happens to number `who` and, where it takes two, `whom`."""

    what: Act | Fault
    who: int = 0
    whom: int = 0
    after: int = 100
    span: int = 500

    def __str__(self) -> str:
        return f"+{self.after} ms: {self.what}, {self.who} {self.whom}, {self.span} ms"


@dataclass(frozen=True)
class History:
    """`chance` is the seed of the network's times."""

    steps: tuple[Step, ...]
    chance: int = 0
    members: int = 3
    instances: int = 2
    rooms: int = 1
    streams: int = 1
    polling: int = 0  # how many of the members come by polling
    kept: int = 1_000_000  # characters of records that an instance keeps for clients that return

    @property
    def calm(self) -> bool:
        """True if nothing breaks in it."""
        return all(step.what in ACTS for step in self.steps)

    @property
    def loses(self) -> bool:
        """True if Redis may lose records in it that not all have read."""
        return any(step.what in LOSING for step in self.steps)

    def __str__(self) -> str:
        head = (
            f"{self.members} members ({self.polling} by polling), {self.instances} instances, {self.rooms} rooms, "
            f"{self.streams} streams, {self.kept} characters kept, chance {self.chance}"
        )
        return "\n  ".join([head, *map(str, self.steps)])


def drawn(seed: int, *, length: int = LENGTH) -> History:
    """The history of a seed."""
    random = Random(seed)
    what = random.choices(STEPS, WEIGHTS, k=random.randint(1, length))
    if random.random() < 0.15:
        what = [each for each in what if each in ACTS] or ["send"]
    steps = tuple(
        Step(
            each,
            random.randrange(MEMBERS * INSTANCES),
            random.randrange(MEMBERS * INSTANCES),
            random.choice((0, 1, 20, 100, 300, 1_000, LONGEST)),
            random.choice((50, 500, 2_000, 6_000)),
        )
        for each in what
    )
    members = random.randint(2, MEMBERS)
    return History(
        steps,
        random.randrange(1_000_000),
        members,
        random.randint(1, INSTANCES),
        random.randint(1, ROOMS),
        random.choice((1, 1, 1, 2)),
        random.choice((0, 0, 1, members)),
        random.choice((1_000_000, 1_000_000, 600)),
    )


def without(history: History, first: int, many: int) -> History:
    """The same without some steps."""
    return replace(history, steps=history.steps[:first] + history.steps[first + many :])
