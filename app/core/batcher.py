"""Batches: the items that arrive while one batch is under way are the next batch.

A round trip to PostgreSQL or Redis costs about as much for a hundred items as for one. A `Batcher` never waits for
company: an item that comes alone is a batch at once. It knows nothing of the callers that wait for an item to be done.
An item carries its own future, or its owner keeps one, and `work` settles it, during the batch or later.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextvars import Context
from itertools import islice
from typing import Generic, TypeVar

from app.core.background_tasks import ended
from app.core.errors import Unavailable

log = logging.getLogger(__name__)

T = TypeVar("T")


class BatcherFull(Unavailable):
    """As many items wait as may, so none was taken."""


class BatcherClosed(Unavailable):
    """No item is taken any more; of those that were, what was not done yet is given up."""


class Batcher(Generic[T]):
    """Gives items to `work` in the order of their arrival, at most `max_batch` at once, one batch at a time.

    - An item is hashable, and waits once: to add one that waits changes nothing. One of the batch under way may be
      added again, and then waits for another.
    - `select`, where it is given, chooses from the first `max_batch` that wait which are the next batch, at least one.
    - At most `max_waiting` items wait, those of the batch under way aside; `add` raises `BatcherFull` beyond.
    - The batches run in a task of their own, outside the context of callers: neither the cancellation nor the
      request id or trace of a waiting caller has any effect on the others.
    - When `work` raises one of `retry_on`, the batch waits again, before all others, and no other batch begins until
      `resume`; `paused` is told why.
    - When it raises any other exception, `failed` gets the batch and the exception, for waiting callers, and the next
      batch begins. Without `failed`, that is logged.
    - `close` cancels the batch under way; `failed` gets it, and all that wait, with `BatcherClosed`.
    """

    def __init__(
        self,
        work: Callable[[list[T]], Awaitable[None]],
        *,
        failed: Callable[[list[T], Exception], None] | None = None,
        max_batch: int,
        max_waiting: int | None = None,
        select: Callable[[Iterable[T]], list[T]] = list,
        retry_on: tuple[type[Exception], ...] = (),
        paused: Callable[[Exception], None] = lambda _error: None,
    ) -> None:
        self._work = work
        self._failed = failed or self._log_failure
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._select = select
        self._retry_on = retry_on
        self._on_pause = paused
        self._waiting: dict[T, None] = {}
        self._task: asyncio.Task[None] | None = None
        self._is_paused = False
        self._is_closed = False

    @property
    def waiting(self) -> list[T]:
        """The items that wait, in their order; those of the batch under way are not among them."""
        return list(self._waiting)

    def add(self, *items: T) -> None:
        """Has items done, all or none. Raises `BatcherFull` and `BatcherClosed`."""
        waiting = self._waiting
        if self._is_closed:
            raise BatcherClosed("nothing is taken any more")
        if self._max_waiting is not None and len(waiting) + len(items) > self._max_waiting:
            raise BatcherFull(f"{len(waiting)} others wait")
        for item in items:
            waiting[item] = None
        if self._task is None:
            self._start()

    def discard(self, *items: T) -> None:
        """Takes items out that wait, if they do."""
        for item in items:
            self._waiting.pop(item, None)

    def pause(self) -> None:
        """Begins no other batch until `resume`; items may still be added."""
        self._is_paused = True

    def resume(self) -> None:
        """Goes on after a pause; of no effect else."""
        self._is_paused = False
        if self._task is None:
            self._start()

    async def drained(self) -> None:
        """Returns once no batch is under way and none can begin: nothing waits, or it is paused."""
        while self._task is not None:
            await asyncio.wait({self._task})

    async def close(self) -> None:
        """Gives everything up that is not done yet."""
        self._is_closed = self._is_paused = True
        if self._task is not None:
            await ended(self._task)
        left = self.waiting
        self._waiting.clear()
        if left:
            self._tell(self._failed, left, BatcherClosed("it was not done before the end"))

    def _start(self) -> None:
        if self._waiting and not self._is_paused:
            self._task = asyncio.create_task(self._run(), context=Context())

    async def _run(self) -> None:
        try:
            while self._waiting and not self._is_paused:
                batch = self._next()
                try:
                    await self._work(batch)
                except self._retry_on as error:
                    self._put_back(batch)
                    self._is_paused = True
                    self._tell(self._on_pause, error)
                except Exception as error:  # noqa: BLE001 - waiting callers get it
                    self._tell(self._failed, batch, error)
                except BaseException:
                    self._put_back(batch)
                    raise
        finally:
            self._task = None

    def _next(self) -> list[T]:
        batch = self._select(islice(self._waiting, self._max_batch))
        if len(batch) == len(self._waiting):
            self._waiting.clear()
        else:
            self.discard(*batch)
        return batch

    def _put_back(self, batch: list[T]) -> None:
        self._waiting = dict.fromkeys(batch) | self._waiting

    def _log_failure(self, batch: list[T], error: Exception) -> None:
        log.error("a batch of %d has failed", len(batch), exc_info=error)

    def _tell(self, callback: Callable[..., None], *args: object) -> None:
        try:
            callback(*args)
        except Exception:  # which must not keep the other items from their turn
            log.exception("%s has failed", getattr(callback, "__qualname__", callback))
