"""The nemesis: which faults come when, as the seed has it, and their doing."""

import asyncio
import random
from collections.abc import Mapping, Sequence

from msgspec import Struct

from scripts.soaking.history import Fault
from scripts.soaking.nemesis.faults import FAULTS, UPGRADE
from scripts.soaking.nemesis.registry import Field, Strike
from scripts.soaking.recorder import Recorder

BETWEEN = (2.0, 12.0)  # seconds from one fault to the next; many a quiet time is needed, too
LASTS = (0.5, 8.0)
TWO_AT_ONCE = 0.25  # how often a second fault comes while one lasts


class Planned(Struct, frozen=True):
    """A fault that is to come: its name, when it begins, how long it lasts, and the seed of its choices."""

    name: str
    begins: float
    lasts: float
    seed: int


def plan(seed: int, seconds: float, names: Sequence[str]) -> list[Planned]:
    """The faults of a run, none of which begins later than `seconds` or lasts longer."""
    chance = random.Random(f"nemesis {seed}")
    planned: list[Planned] = []
    at = chance.uniform(*BETWEEN)
    while names and at < seconds:
        lasts = min(chance.uniform(*LASTS), seconds - at)
        planned.append(Planned(chance.choice(names), at, lasts, chance.getrandbits(32)))
        if chance.random() < TWO_AT_ONCE:
            second = at + chance.uniform(0, lasts)
            planned.append(Planned(chance.choice(names), second, at + lasts - second, chance.getrandbits(32)))
        at += lasts + chance.uniform(*BETWEEN)
    return planned


def with_upgrade(planned: Sequence[Planned], seconds: float) -> list[Planned]:
    """The same plan, and the upgrade of all instances, after a third of the time."""
    return sorted([*planned, Planned(UPGRADE, seconds / 3, 0, 0)], key=lambda fault: fault.begins)


class Nemesis:
    """Does what is planned, each fault at its time, and writes down when it began and when all was mended."""

    def __init__(self, field: Field, recorder: Recorder, faults: Mapping[str, Strike] = FAULTS) -> None:
        self._field = field
        self._recorder = recorder
        self._faults = faults

    async def run(self, planned: Sequence[Planned]) -> None:
        """All of them; returns when the last one is over and mended."""
        begun = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as tasks:
            for each in planned:
                tasks.create_task(self._strike(each, begun))

    async def _strike(self, planned: Planned, begun: float) -> None:
        await asyncio.sleep(begun + planned.begins - asyncio.get_running_loop().time())
        chance = random.Random(planned.seed)
        at = self._recorder.now()
        target = await self._faults[planned.name](self._field, chance, planned.lasts)
        until = self._recorder.now()
        self._recorder.add(Fault(at=at, until=until, fault=planned.name, target=target))
