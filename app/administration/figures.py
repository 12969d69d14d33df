"""Figures of the whole instance. They are costly to count, so an instance counts them once a minute at most."""

import asyncio
import time

import msgspec

from app import store
from app.db.database import Database
from app.payloads.accounts.administration_payloads import Figures

GOOD_FOR = 60.0  # seconds


class FiguresReader:
    """Reads the figures, one at a time, and keeps them for a minute."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._lock = asyncio.Lock()
        self._figures: Figures | None = None
        self._read_at = 0.0

    async def read(self) -> Figures:
        """The figures, a minute old at most. Raises DatabaseUnavailable."""
        async with self._lock:
            if self._figures is None or time.monotonic() > self._read_at + GOOD_FOR:
                row = await store.figures.read(self._db)
                self._figures, self._read_at = Figures(**msgspec.structs.asdict(row)), time.monotonic()
            return self._figures
