"""The queue of all instances."""

from collections.abc import AsyncIterator

import pytest

from app.core.redis_scripts import SoftState
from app.notifications.queue import Entry, Later, NotificationQueue

PUSH = Entry(act="push", message_id="m", user_id="u", subscription_id="s", kind="direct", attempt=1)


@pytest.fixture
async def soft_state(redis_url: str) -> AsyncIterator[SoftState]:
    soft_state = SoftState(redis_url)
    yield soft_state
    await soft_state.close()


async def test_each_entry_is_taken_once_and_is_gone_when_it_is_finished(soft_state: SoftState) -> None:
    queue = NotificationQueue(soft_state)
    assert await queue.take(5) == []
    assert await queue.put(["a", "b", "c"])
    first, rest = await queue.take(2), await queue.take(5)
    assert [taken.entry.message_id for taken in [*first, *rest]] == ["a", "b", "c"]
    assert await queue.take(5) == []
    await queue.finish(first[0], [PUSH], decided=True)
    (push,) = await queue.take(5)
    assert push.entry == PUSH


async def test_what_an_instance_left_is_claimed_and_finished_once(soft_state: SoftState) -> None:
    queue = NotificationQueue(soft_state, claim_after=0)
    await queue.put(["a"])
    (taken,) = await queue.take(1)
    (claimed,) = await queue.take(1)
    assert claimed == taken
    await queue.finish(claimed, [PUSH], decided=True)
    await queue.finish(taken, [PUSH], decided=True)  # by the one that was taken for dead
    (push,) = await queue.take(5)
    await queue.finish(push)
    assert await queue.take(5) == []


async def test_a_message_that_is_put_twice_is_decided_once(soft_state: SoftState) -> None:
    queue = NotificationQueue(soft_state)
    await queue.put(["a", "a"])
    for taken in await queue.take(5):
        await queue.finish(taken, [PUSH], [Later(0, PUSH)], decided=True)
    assert [taken.entry for taken in await queue.take(5)] == [PUSH, PUSH]
    assert await queue.take(5) == []


async def test_the_queue_is_bounded_and_so_is_what_waits_for_later(soft_state: SoftState) -> None:
    queue = NotificationQueue(soft_state, most=3)
    assert await queue.put(["a", "b"])
    assert not await queue.put(["c", "d"])
    assert await queue.put(["c"])
    entries = await queue.take(5)
    later = [Later(60, Entry(act="hook", message_id=str(number))) for number in range(4)]
    assert await queue.finish(entries[0], later=later) == 1
    assert await queue.take(5) == []
