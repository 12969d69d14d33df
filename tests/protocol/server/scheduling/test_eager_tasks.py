"""Coroutines that are begun at once: what they see of their task is what they would see in one of their own."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar

import pytest

from protocol.server.scheduling.eager_tasks import EagerTasks
from tests.support.waiting import until

variable: ContextVar[str] = ContextVar("variable", default="none")


@pytest.fixture
async def eager() -> EagerTasks:
    """With one task parked, as there is after the first work."""
    tasks = EagerTasks()

    async def first() -> None:
        await asyncio.sleep(0)

    tasks.begin(asyncio.get_running_loop(), first())
    await until(lambda: tasks.parked and not tasks.waiting)
    return tasks


async def test_what_waits_for_nothing_has_ended_when_the_call_returns(eager: EagerTasks) -> None:
    seen: list[str] = []

    async def work(name: str) -> None:
        seen.append(name)

    for name in "abc":
        eager.begin(asyncio.get_running_loop(), work(name))
        assert seen[-1] == name
    assert not eager.waiting
    assert eager.parked == 1


@pytest.mark.parametrize("pause", [lambda: asyncio.sleep(0), lambda: asyncio.sleep(0.001)])
async def test_what_waits_goes_on_as_the_task_in_which_it_began(
    eager: EagerTasks, pause: Callable[[], Awaitable[None]]
) -> None:
    tasks: list[asyncio.Task[None] | None] = []

    async def work() -> None:
        for _ in range(3):
            tasks.append(asyncio.current_task())
            await pause()
        tasks.append(asyncio.current_task())

    eager.begin(asyncio.get_running_loop(), work())
    assert len(tasks) == 1
    await until(lambda: len(tasks) == 4)
    assert len(set(tasks)) == 1
    assert tasks[0] is not None
    await until(lambda: not eager.waiting)
    eager.begin(asyncio.get_running_loop(), work())
    assert tasks[4] is tasks[0]  # it was parked again
    await until(lambda: len(tasks) == 8)


async def test_timeouts_hold(eager: EagerTasks) -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(60)
        except TimeoutError:
            ended.append("timeout")

    eager.begin(asyncio.get_running_loop(), work())
    await until(lambda: ended)


async def test_each_has_a_context_of_its_own(eager: EagerTasks) -> None:
    seen: list[str] = []

    async def work(value: str, pause: bool) -> None:
        seen.append(variable.get())
        variable.set(value)
        if pause:
            await asyncio.sleep(0)
        seen.append(variable.get())

    eager.begin(asyncio.get_running_loop(), work("a", pause=False))
    eager.begin(asyncio.get_running_loop(), work("b", pause=True))
    await until(lambda: len(seen) == 4)
    assert seen == ["none", "a", "none", "b"]
    assert variable.get() == "none"


async def test_one_may_begin_another_one(eager: EagerTasks) -> None:
    tasks: list[asyncio.Task[None] | None] = []

    async def inner() -> None:
        tasks.append(asyncio.current_task())

    async def outer() -> None:
        tasks.append(asyncio.current_task())
        eager.begin(asyncio.get_running_loop(), inner())
        await until(lambda: len(tasks) == 2)
        tasks.append(asyncio.current_task())

    this = asyncio.current_task()
    eager.begin(asyncio.get_running_loop(), outer())
    assert asyncio.current_task() is this
    await until(lambda: len(tasks) == 3)
    assert tasks[0] is tasks[2]
    assert tasks[1] not in (tasks[0], this)


async def test_one_that_cancels_its_own_task_is_cancelled_where_it_waits_next(eager: EagerTasks) -> None:
    seen: list[str] = []

    async def work() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    eager.begin(asyncio.get_running_loop(), work())
    await until(lambda: seen and not eager.waiting)


async def test_one_that_is_cancelled_while_it_waits(eager: EagerTasks) -> None:
    seen: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            seen.append("cleaned up")
            raise

    eager.begin(asyncio.get_running_loop(), work())
    (task,) = eager.waiting
    task.cancel()
    await until(lambda: seen and not eager.waiting)
    assert task.cancelled()


async def test_one_that_raises_a_cancellation_at_once_harms_no_other(eager: EagerTasks) -> None:
    async def work() -> None:
        raise asyncio.CancelledError

    eager.begin(asyncio.get_running_loop(), work())
    assert not eager.waiting
    seen: list[str] = []

    async def another() -> None:
        await asyncio.sleep(0)
        seen.append("done")

    eager.begin(asyncio.get_running_loop(), another())
    await until(lambda: seen)


async def test_many_that_wait_are_many_tasks_and_few_stay_parked(eager: EagerTasks) -> None:
    go, done = asyncio.Event(), []

    async def work(number: int) -> None:
        await go.wait()
        done.append(number)

    for number in range(600):
        eager.begin(asyncio.get_running_loop(), work(number))
        if number % 50 == 0:
            await asyncio.sleep(0)
    assert len(eager.waiting) == 600
    go.set()
    await until(lambda: not eager.waiting)
    assert sorted(done) == list(range(600))
    assert eager.parked <= 256


async def test_the_retired_end_with_their_work(eager: EagerTasks) -> None:
    go, done = asyncio.Event(), []

    async def work() -> None:
        await go.wait()
        done.append(1)

    eager.begin(asyncio.get_running_loop(), work())
    (task,) = eager.waiting
    eager.retire()
    assert eager.parked == 0
    eager.begin(asyncio.get_running_loop(), work())
    go.set()
    await until(lambda: len(done) == 2)
    await asyncio.wait([task], timeout=60)
    assert task.done()
    await until(lambda: not eager.waiting)
    assert eager.parked == 0
