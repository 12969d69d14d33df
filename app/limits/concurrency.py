"""Limits on concurrency: at most so many things of one user at once on an instance, the others in turn.

How often a user may ask is one limit (`app.limits.rate_limits`); how much each question costs is another matter. A
user who has many rooms can ask what keeps PostgreSQL busy for a tenth of a second, two hundred times at once, and
all others would wait for a connection.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from msgspec import Struct

from app.core.errors import Refusal

READS_AT_ONCE = 3  # of the 9 connections to PostgreSQL that an instance uses
MOST_WAITING = 100
TRY_AGAIN = 1_000  # ms


class UserQueue(Struct, eq=False):
    """The users that have their turn, or wait for it."""

    turns: asyncio.Semaphore
    length: int = 0


class UserConcurrency:
    """For each user `at_once`, and at most `most_waiting` behind them, first come first served."""

    def __init__(self, at_once: int, most_waiting: int = MOST_WAITING) -> None:
        self._at_once = at_once
        self._longest = at_once + most_waiting
        self._lines: dict[str, UserQueue] = {}

    @asynccontextmanager
    async def one(self, user_id: str) -> AsyncIterator[None]:
        """Waits for a turn, which lasts as long as the block. Raises Refusal: `rate_limited`."""
        line = self._lines.get(user_id)
        if line is None:
            line = self._lines[user_id] = UserQueue(asyncio.Semaphore(self._at_once))
        if line.length >= self._longest:
            raise Refusal("rate_limited", "You are asking for too much at once", retry_after=TRY_AGAIN)
        line.length += 1
        try:
            async with line.turns:
                yield
        finally:
            line.length -= 1
            if not line.length:
                del self._lines[user_id]

    def __len__(self) -> int:
        """How many users have a turn, or wait for one."""
        return len(self._lines)
