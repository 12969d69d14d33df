"""Tasks are ended for good."""

import asyncio
from contextlib import suppress

from protocol.server.redis.cancellation import cancel_all


async def test_each_outcome_is_told() -> None:
    async def failing() -> None:
        raise ValueError("x")

    async def done() -> int:
        return 1

    tasks = [asyncio.create_task(coroutine) for coroutine in (failing(), done(), asyncio.sleep(60))]
    await asyncio.sleep(0)
    failed, returned, cancelled = await cancel_all(tasks)
    assert repr(failed) == "ValueError('x')"
    assert returned == 1
    assert isinstance(cancelled, asyncio.CancelledError)


async def test_a_task_ends_whose_group_fails_in_the_turn_in_which_it_is_cancelled() -> None:
    fail = asyncio.Event()
    tries = 0

    async def failing() -> None:
        await fail.wait()
        raise ConnectionError

    async def run() -> None:
        nonlocal tries
        while True:
            tries += 1
            with suppress(ExceptionGroup):
                async with asyncio.TaskGroup() as group:
                    group.create_task(failing())
            fail.clear()

    task = asyncio.create_task(run())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    fail.set()
    await asyncio.sleep(0)  # the child has failed, and its group is about to be told
    await cancel_all([task])
    assert task.cancelled()
    assert tries >= 1
