"""Running coroutines at once: one that waits for nothing costs no task and no turn of the loop.

A coroutine begins inside the call of `begin`, under the identity of a task that is parked for that purpose, so that it
may use all that asks for the current task (`asyncio.timeout`, anyio, …). When it has to wait, that task goes on with
it; when it ends, the task is parked again. `asyncio.eager_task_factory` does the same from Python 3.12 on, with a new
task each time.
"""

import asyncio
from asyncio.tasks import _enter_task, _leave_task
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, copy_context
from typing import Any, TypeAlias

Work: TypeAlias = Coroutine[Any, Any, None]

_MOST_PARKED = 256


class _Rest:
    """What is left of a coroutine that waits for `wanted`: what asyncio's tasks are given, a future or None."""

    __slots__ = ("_context", "_coroutine", "_wanted", "error")

    def __init__(self, coroutine: Work, context: Context, wanted: Any) -> None:
        self._coroutine = coroutine
        self._context = context
        self._wanted = wanted
        self.error: BaseException | None = None  # to be raised where it waits

    def __await__(self) -> Generator[Any, Any, None]:
        coroutine, run, wanted = self._coroutine, self._context.run, self._wanted
        error, self.error = self.error, None
        try:
            while True:
                if error is None:
                    try:
                        yield wanted
                    except BaseException as thrown:  # noqa: BLE001 - the coroutine gets it
                        error = thrown
                if error is None:
                    wanted = run(coroutine.send, None)
                else:
                    raised, error = error, None
                    wanted = run(coroutine.throw, raised)
        except StopIteration:
            return


class _Worker:
    """A task that is parked, or goes on with a coroutine."""

    __slots__ = ("_parked", "_rest", "task")

    def __init__(self, loop: asyncio.AbstractEventLoop, park: Callable[["_Worker"], bool]) -> None:
        self._rest: _Rest | None = None
        self._parked: asyncio.Future[None] = loop.create_future()
        self.task = loop.create_task(self._run(loop, park), name="handlers")

    def go_on(self, rest: _Rest) -> None:
        """Take over what is left of a coroutine."""
        self._rest = rest
        if not self._parked.done():
            self._parked.set_result(None)

    async def _run(self, loop: asyncio.AbstractEventLoop, park: Callable[["_Worker"], bool]) -> None:
        while park(self):
            try:
                await self._parked
            except asyncio.CancelledError as error:
                if self._rest is None:
                    raise
                self._rest.error = error
            rest, self._rest = self._rest, None
            assert rest is not None
            await rest
            del rest  # and with it the context, which may refer to much
            self._parked = loop.create_future()


class EagerTasks:
    """The tasks of one loop. `waiting` are those that go on with a coroutine, which is waited for."""

    def __init__(self) -> None:
        self.waiting: set[asyncio.Task[None]] = set()
        self._parked: list[_Worker] = []
        self._retired = False

    @property
    def parked(self) -> int:
        """How many tasks are parked."""
        return len(self._parked)

    def begin(self, loop: asyncio.AbstractEventLoop, coroutine: Work) -> None:
        """Run a coroutine up to where it waits for something, in a copy of the current context; then as a task.

        `loop` is the running one: to ask for it takes a system call.
        """
        if not self._parked:
            self._run_later(loop, coroutine)
            return
        worker, context, outer = self._parked.pop(), copy_context(), asyncio.current_task(loop)
        task = worker.task
        if outer is not None:
            _leave_task(loop, outer)
        _enter_task(loop, task)
        try:
            wanted = context.run(coroutine.send, None)
        except StopIteration:
            self._parked.append(worker)
        except asyncio.CancelledError:
            task.cancel()  # it asked for that
        else:
            self.waiting.add(task)
            worker.go_on(_Rest(coroutine, context, wanted))
        finally:
            _leave_task(loop, task)
            if outer is not None:
                _enter_task(loop, outer)

    def _run_later(self, loop: asyncio.AbstractEventLoop, coroutine: Work) -> None:
        """Run a coroutine as a task of its own, and park one for the next."""
        task = loop.create_task(coroutine)
        self.waiting.add(task)
        task.add_done_callback(self.waiting.discard)
        if not self._retired:
            _Worker(loop, self._park).task.add_done_callback(self.waiting.discard)

    def _park(self, worker: _Worker) -> bool:
        self.waiting.discard(worker.task)
        if self._retired or len(self._parked) >= _MOST_PARKED:
            return False
        self._parked.append(worker)
        return True

    def retire(self) -> None:
        """End the tasks that are parked, and each other one with the coroutine that it goes on with."""
        self._retired = True
        parked, self._parked = self._parked, []
        for worker in parked:
            worker.task.cancel()
