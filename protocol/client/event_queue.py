"""The one reader of a namespace's events: handlers run one after the other, in the order of what came."""

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, TypeAlias

from msgspec import Struct

log = logging.getLogger(__name__)

ClientEventHandler: TypeAlias = Callable[..., Any]


class QueuedEvent(Struct, frozen=True):
    """A handler to be called with `args`; `finish` gets what it returns."""

    name: str
    handler: ClientEventHandler
    args: tuple[Any, ...]
    finish: Callable[[Any], None] | None = None


class EventQueue:
    """Runs jobs in order. Plain functions run at once; the first coroutine starts a task, which lives until
    nothing is left to do. What a handler raises is logged and ends there.

    `on_capacity` is called when `low_water` jobs are left.
    """

    __slots__ = ("_busy", "_jobs", "_low_water", "_on_capacity", "_task")

    def __init__(self, low_water: int, on_capacity: Callable[[], None]) -> None:
        self._low_water = low_water
        self._on_capacity = on_capacity
        self._jobs: deque[QueuedEvent] = deque()
        self._busy = False
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many jobs have not begun."""
        return len(self._jobs)

    def put(self, job: QueuedEvent) -> None:
        """Do this after all that came before it."""
        self._jobs.append(job)
        if not self._busy:
            self._busy = True
            self._run()

    async def finish(self) -> None:
        """Wait until nothing is left to do; if that is cancelled, what is left is dropped. A handler of this
        reader cannot wait for itself: then nothing happens."""
        task = self._task
        if task is None or task is asyncio.current_task():
            return
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            task.cancel()
            raise

    def _run(self) -> None:
        while self._jobs:
            job = self._next()
            result = _begin(job)
            if result is not None:
                self._task = asyncio.get_running_loop().create_task(self._go_on(job, result))
                if inspect.iscoroutine(
                    result
                ):  # which stays unawaited if the task is cancelled before it starts
                    self._task.add_done_callback(partial(_close, result))
                return
        self._busy = False

    async def _go_on(self, job: QueuedEvent, result: Awaitable[Any] | None) -> None:
        try:
            while True:
                if result is not None:
                    await _end(job, result)
                if not self._jobs:
                    return
                job = self._next()
                result = _begin(job)
        finally:
            self._jobs.clear()  # some are left only where the task was cancelled
            self._task = None
            self._busy = False

    def _next(self) -> QueuedEvent:
        job = self._jobs.popleft()
        if len(self._jobs) == self._low_water:
            self._on_capacity()
        return job


def _begin(job: QueuedEvent) -> Awaitable[Any] | None:
    """Call a job's handler; what is left to be awaited, None if that was all."""
    try:
        result = job.handler(*job.args)
        if isinstance(result, Awaitable):
            return result
        if job.finish is not None:
            job.finish(result)
    except Exception:
        log.exception("a handler of %r failed", job.name)
    return None


def _close(coroutine: Coroutine[Any, Any, Any], _: asyncio.Task[None]) -> None:
    coroutine.close()


async def _end(job: QueuedEvent, result: Awaitable[Any]) -> None:
    try:
        value = await result
        if job.finish is not None:
            job.finish(value)
    except Exception:
        log.exception("a handler of %r failed", job.name)
