"""Current values (queue lengths, lateness), read every few seconds for the metrics."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import psutil

from app.db.database import Database
from app.observability.metrics import Metrics
from protocol import BusUnavailable, Server

EVERY = 5.0  # seconds
MOMENT = 0.01  # seconds that the event loop is asked to wait, to see how late it is


class Sampler:
    """Keeps the metrics of what is so at a moment up to date. `lag` gives how far the bus's reader is behind, in s."""

    def __init__(
        self, metrics: Metrics, io: Server, db: Database, lag: Callable[[], Awaitable[float]]
    ) -> None:
        self._metrics = metrics
        self._io = io
        self._db = db
        self._lag = lag
        self._process = psutil.Process()
        self._cpu = 0.0  # seconds that are counted already
        self._behind, self._known = 0.0, time.monotonic()  # the lag, and when it was so
        metrics.started.set(self._process.create_time())

    async def look(self) -> None:
        """Look once."""
        metrics, db = self._metrics, self._db
        begun = time.monotonic()
        await asyncio.sleep(MOMENT)
        metrics.loop_delay.set(time.monotonic() - begun - MOMENT)
        metrics.buffered.set(self._io.buffered)
        metrics.database_slots.set(db.slots)
        metrics.database_in_use.set(db.in_use)
        metrics.database_waiting.set(db.waiting)
        with self._process.oneshot():
            times = self._process.cpu_times()
            metrics.memory.set(self._process.memory_info().rss)
        metrics.files.set(self._process.num_fds())
        cpu = times.user + times.system
        metrics.cpu.inc(max(0.0, cpu - self._cpu))
        self._cpu = cpu
        metrics.stream_lag.set(await self._seconds_behind())

    async def _seconds_behind(self) -> float:
        """The lag; while the bus is away, what it is at most: nothing has been read since."""
        try:
            self._behind, self._known = await self._lag(), time.monotonic()
        except BusUnavailable:
            return self._behind + time.monotonic() - self._known
        return self._behind
