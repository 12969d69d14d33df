"""Faults of links: of clients to instances, and of these to Redis and to PostgreSQL."""

import asyncio
import random
from collections.abc import Callable

from scripts.proxy import Mode, Proxy
from scripts.soaking.nemesis.registry import FAULTS, Field


def links_of(field: Field, which: str, chance: random.Random) -> tuple[str, list[Proxy]]:
    """One of the proxies on a kind of way, or all of them."""
    ways = {"clients": field.stack.fronts, "redis": field.stack.redis, "postgres": field.stack.postgres}[
        which
    ]
    if chance.random() < 0.4:
        return "all", list(ways)
    place = chance.randrange(len(ways))
    return str(place + 1), [ways[place]]


def link_fault(which: str, how: str, strike: Callable[[Proxy], None], *, lasts: bool = True) -> None:
    async def hit(field: Field, chance: random.Random, seconds: float) -> str:
        name, ways = links_of(field, which, chance)
        async with field.locks[which]:
            for way in ways:
                strike(way)
            if lasts:
                await asyncio.sleep(seconds)
                for way in ways:
                    await way.resume()
        return f"{which} {name}"

    FAULTS[f"{which}-{how}"] = hit


for which in ("clients", "redis", "postgres"):
    link_fault(which, "cut", Proxy.cut, lasts=False)
    link_fault(which, "abandon", Proxy.abandon, lasts=False)
    link_fault(which, "refuse", Proxy.refuse)
    link_fault(which, "stall", Proxy.stall)
    link_fault(which, "stall-requests", lambda way: way.stall(Mode.STALL_TO_SERVER))
    link_fault(which, "stall-answers", lambda way: way.stall(Mode.STALL_TO_CLIENT))
