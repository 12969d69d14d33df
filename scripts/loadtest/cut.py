"""A storm of reconnects: a share of the connections of a process break at once, and their clients come back."""

import asyncio
from collections.abc import Sequence
from typing import Any

import uvloop
from msgspec import Struct

from scripts.loadtest.member import Member, now

LOOK_EVERY = 0.01  # seconds
AFTER = 0.05  # seconds until clients know that their connections are gone; they come back no sooner


class BreakableLoop(uvloop.Loop):
    """An event loop that knows the connections that were made in it, so that they can be cut as a network does."""

    def __init__(self) -> None:
        super().__init__()
        self._made: list[asyncio.Transport] = []

    async def create_connection(self, *args: Any, **options: Any) -> Any:
        """See `asyncio.AbstractEventLoop.create_connection`."""
        transport, protocol = await super().create_connection(*args, **options)
        self._made.append(transport)
        return transport, protocol

    def cut(self, share: float) -> None:
        """End a share of the connections at once, spread evenly over all."""
        self._made = [transport for transport in self._made if not transport.is_closing()]
        for place, transport in enumerate(self._made):
            if int((place + 1) * share) > int(place * share):
                transport.abort()


class Returns(Struct):
    """What became of the clients that were cut: the seconds until each was back, and how many had their session of
    before, so that the server gave them what they had missed."""

    cut: int
    back: list[float]
    recovered: int


async def cut(loop: BreakableLoop, members: Sequence[Member], share: float, patience: float) -> Returns:
    """Cut a share of the connections, and return when all clients are back, or after so many seconds."""
    before = {member: member.id for member in members if member.connected}
    began = now()
    loop.cut(share)
    await asyncio.sleep(AFTER)
    away = [member for member in before if not member.connected]
    returns = Returns(len(away), [], 0)
    while away and now() < began + patience:
        await asyncio.sleep(LOOK_EVERY)
        for member in [member for member in away if member.connected]:
            away.remove(member)
            returns.back.append(now() - began)
            returns.recovered += member.id == before[member]
    return returns
