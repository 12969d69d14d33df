"""A process that attacks: it reads an order, prepares, says `ready`, and attacks for as long as it is told to.

It gives way to all others, for it is their time that is measured, and it has one thread, so at most one processor.
"""

import asyncio
import os
import sys
from contextlib import suppress

import orjson
import uvloop
from msgspec import Struct

from scripts.hostility.attack import Attack, Outcome, Target
from scripts.hostility.attacks import ATTACKS
from scripts.hostility.children import assigned, line_of, say

NICENESS = 19


class Order(Struct, frozen=True):
    """What a process is to do."""

    name: str
    target: Target


async def attack(chosen: Attack, target: Target, seconds: float, prepared: object) -> Outcome:
    """Attack for so long; what became of it."""
    outcome = Outcome()
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await chosen.run(target, outcome, prepared)
    return outcome


async def main() -> None:
    """Carry out one order that comes over the standard streams."""
    reader, order = await assigned(Order)
    chosen = ATTACKS[order.name]
    prepared = await chosen.prepare(order.target) if chosen.prepare else None
    say({"ready": True})
    seconds = orjson.loads(await line_of(reader))["seconds"]
    outcome = await attack(chosen, order.target, seconds, prepared)
    say({"sent": outcome.sent, "answers": outcome.answers})


if __name__ == "__main__":
    os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    uvloop.run(main())
    sys.exit(0)
