"""An event loop of asyncio without a machine below it: its clock jumps to the next timer, and its network is a model.

All that runs on it is asyncio's own: tasks, futures, timeouts. So the code of the project runs as it is, and a minute
takes as long as the work in it.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import Context, ContextVar
from heapq import heappop, heappush
from itertools import count
from typing import Any, Protocol

START = 1_000_000.0  # seconds; Redis makes ids of its clock, and 0-0 is none
MOST_TURNS = 200_000  # turns of the loop in one history; a hundred times what one takes

OWNER: ContextVar[object] = ContextVar("owner", default=None)
"""The instance for which a task runs; None for the simulator itself."""


class Stuck(Exception):
    """Nothing will ever happen again, or there is no end of what happens, though a task is still awaited."""


class Connects(Protocol):
    """The model of the network, as the loop asks it."""

    async def connect(self, factory: Callable[[], asyncio.Protocol], host: str) -> asyncio.Transport:
        """Connect a protocol. Raises `OSError`."""
        ...


class VirtualLoop(asyncio.BaseEventLoop):
    """`network` is set by the maker. `failures` are the exceptions that nobody took."""

    network: Connects

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.failures: list[str] = []
        self._turns = 0
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._numbers = count()
        self._tasks: dict[object, set[asyncio.Task[Any]]] = {}
        self.set_task_factory(self._new_task)
        self.set_exception_handler(self._note_failure)

    # --- time ---

    def time(self) -> float:
        """Seconds."""
        return self.now

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Call at a time; of two at the same time the one first that was asked for first."""
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It is dropped when its time comes."""

    def _run_once(self) -> None:
        """One turn of the loop, in place of asyncio's: where nothing is ready, the time of the next timer has come."""
        ready: deque[asyncio.Handle] = self._ready  # type: ignore[attr-defined]
        timers = self._timers
        self._turns += 1
        while timers and timers[0][2].cancelled():
            heappop(timers)
        if not ready and not (timers and self._turns < MOST_TURNS):
            raise Stuck("it does not come to an end" if timers else "nothing is left to happen")
        if not ready:
            self.now = max(self.now, timers[0][0])
        while timers and timers[0][0] <= self.now:
            ready.append(heappop(timers)[2])
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle.cancelled():
                handle._run()

    def _note_failure(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.failures.append(f"{context.get('message')}: {context.get('exception')!r}")

    async def create_connection(  # type: ignore[override]
        self, protocol_factory: Callable[[], asyncio.Protocol], host: str, port: int, **_: Any
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """Connect over the model of the network."""
        protocol = protocol_factory()
        return await self.network.connect(lambda: protocol, host), protocol

    # --- tasks by owner ---

    def _new_task(
        self, loop: asyncio.AbstractEventLoop, coro: Any, context: Context | None = None
    ) -> asyncio.Task[Any]:
        task = asyncio.Task(coro, loop=loop, context=context)
        owner = OWNER.get() if context is None else context.get(OWNER)
        self._tasks.setdefault(owner, set()).add(task)
        task.add_done_callback(self._tasks[owner].discard)
        return task

    def cancel_tasks_of(self, owner: object) -> None:
        """Cancel all that runs for an owner."""
        for task in sorted(self._tasks.get(owner, ()), key=lambda task: task.get_name()):
            task.cancel()

    def owners(self) -> list[object]:
        """All who have tasks."""
        return [owner for owner, tasks in self._tasks.items() if tasks]
