"""Current values (queue lengths, lateness), read every few seconds for the metrics."""

import asyncio
import time

import psutil

from app.db.database import Database
from app.observability.metrics import Metrics
from protocol import BusFailure, BusUnavailable, InterestBus, RedisBus, Server

EVERY = 5.0  # seconds
MOMENT = 0.01  # seconds that the event loop is asked to wait, to see how late it is


class Sampler:
    """Keeps the metrics of what is so at a moment up to date."""

    def __init__(self, metrics: Metrics, io: Server, db: Database, bus: RedisBus | InterestBus) -> None:
        self._metrics = metrics
        self._io = io
        self._db = db
        self._bus = bus
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
        metrics.recovery_history.set(self._io.recovery_history)
        metrics.announcements_waiting.set(self._io.kept_records)
        metrics.bus_fails(await self._failure())
        metrics.stream_lag.set(await self._seconds_behind())

    async def _failure(self) -> BusFailure | None:
        try:
            await self._bus.ping()
        except BusUnavailable:
            return self._io.bus_failure or "silent"
        return None

    async def _seconds_behind(self) -> float:
        """The lag; while the bus is away, what it is at most: nothing has been read since."""
        try:
            self._behind, self._known = await self._bus.lag(), time.monotonic()
        except BusUnavailable:
            return self._behind + time.monotonic() - self._known
        return self._behind
