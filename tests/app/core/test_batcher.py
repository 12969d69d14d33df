"""Batches, with real tasks and no clock: what is done with whom, in which order, and who hears of what goes wrong."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextvars import ContextVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.batcher import Batcher, BatcherClosed, BatcherFull

request_id: ContextVar[str] = ContextVar("request_id")


class Away(Exception):
    """What is worth another try."""


class Desk:
    """Work that goes on when it is told to, with the outcomes that are given, one a batch; then all is well."""

    def __init__(self, *outcomes: Exception | None) -> None:
        self.outcomes = list(outcomes)
        self.begun: list[list[str]] = []
        self.done: list[str] = []
        self.failures: list[tuple[list[str], str]] = []
        self.pauses: list[Exception] = []
        self.at_once = 0
        self.may_go_on = asyncio.Semaphore(0)

    async def work(self, batch: list[str]) -> None:
        self.begun.append(batch)
        self.at_once += 1
        assert self.at_once == 1
        try:
            await self.may_go_on.acquire()
        finally:
            self.at_once -= 1
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if outcome is not None:
            raise outcome
        self.done += batch

    def failed(self, batch: list[str], error: Exception) -> None:
        self.failures.append((batch, type(error).__name__))

    def batcher(
        self,
        *,
        max_batch: int = 3,
        max_waiting: int | None = None,
        select: Callable[[Iterable[str]], list[str]] = list,
    ) -> Batcher[str]:
        return Batcher(
            self.work,
            failed=self.failed,
            max_batch=max_batch,
            max_waiting=max_waiting,
            select=select,
            retry_on=(Away,),
            paused=self.pauses.append,
        )

    def let_all_go_on(self) -> None:
        for _ in range(100):
            self.may_go_on.release()


async def turns(count: int = 5) -> None:
    """Lets the tasks that can go on do so."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_one_that_comes_alone_waits_for_no_other() -> None:
    desk = Desk()
    batcher = desk.batcher()
    batcher.add("a")
    await turns()
    assert desk.begun == [["a"]]
    desk.let_all_go_on()
    await batcher.drained()
    assert (desk.done, batcher.waiting) == (["a"], [])


async def test_what_comes_while_a_batch_is_under_way_is_the_next_up_to_its_size() -> None:
    desk = Desk()
    batcher = desk.batcher(max_batch=3)
    batcher.add("a")
    await turns()
    batcher.add("b", "c")
    batcher.add("d")
    batcher.add("e")
    await turns()
    assert (desk.begun, batcher.waiting) == ([["a"]], ["b", "c", "d", "e"])
    desk.let_all_go_on()
    await batcher.drained()
    assert desk.begun == [["a"], ["b", "c", "d"], ["e"]]


async def test_an_item_waits_once_and_again_after_its_batch_has_begun() -> None:
    desk = Desk()
    batcher = desk.batcher()
    batcher.add("a", "b", "a")
    await turns()
    batcher.add("b", "b")
    desk.let_all_go_on()
    await batcher.drained()
    assert desk.begun == [["a", "b"], ["b"]]


async def test_one_that_is_discarded_is_not_done() -> None:
    desk = Desk()
    batcher = desk.batcher()
    batcher.add("a", "b", "c")
    batcher.discard("b", "unknown")
    desk.let_all_go_on()
    await batcher.drained()
    assert desk.begun == [["a", "c"]]


async def test_a_full_queue_takes_all_of_them_or_none() -> None:
    desk = Desk()
    batcher = desk.batcher(max_waiting=2)
    batcher.add("a")
    await turns()  # it waits no longer
    batcher.add("b")
    with pytest.raises(BatcherFull, match="1 others wait"):
        batcher.add("c", "d")
    batcher.add("c")
    with pytest.raises(BatcherFull):
        batcher.add("d")
    desk.let_all_go_on()
    await batcher.drained()
    assert desk.done == ["a", "b", "c"]


async def test_the_next_batch_may_be_selected() -> None:
    def up_to_the_same_letter(waiting: Iterable[str]) -> list[str]:
        batch: dict[str, str] = {}
        for item in waiting:
            if item[0] in batch:
                break
            batch[item[0]] = item
        return list(batch.values())

    desk = Desk()
    batcher = desk.batcher(max_batch=2, select=up_to_the_same_letter)
    batcher.add("a1", "b1", "c1", "c2", "c3", "d1")
    desk.let_all_go_on()
    await batcher.drained()
    assert desk.begun == [["a1", "b1"], ["c1"], ["c2"], ["c3", "d1"]]


async def test_a_failure_is_told_of_its_batch_alone() -> None:
    desk = Desk(None, LookupError())
    batcher = desk.batcher(max_batch=2)
    batcher.add("a", "b", "c", "d", "e")
    desk.let_all_go_on()
    await batcher.drained()
    assert desk.failures == [(["c", "d"], "LookupError")]
    assert desk.done == ["a", "b", "e"]


async def test_without_anybody_to_tell_a_failure_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk(LookupError("a bug"))
    batcher: Batcher[str] = Batcher(desk.work, max_batch=1)
    batcher.add("a", "b")
    desk.let_all_go_on()
    await batcher.drained()
    [line] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert line.getMessage() == "a batch of 1 has failed"
    assert line.exc_info is not None
    assert line.exc_info[0] is LookupError
    assert desk.done == ["b"]


async def test_a_fault_of_whoever_is_told_keeps_the_others_from_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def breaks(_batch: list[str], _error: Exception) -> None:
        raise ZeroDivisionError

    desk = Desk(LookupError())
    batcher: Batcher[str] = Batcher(desk.work, failed=breaks, max_batch=1)
    batcher.add("a", "b")
    desk.let_all_go_on()
    await batcher.drained()
    assert desk.done == ["b"]
    assert "breaks has failed" in caplog.text


async def test_a_batch_that_is_worth_another_try_waits_before_all_others_until_then() -> None:
    away = Away()
    desk = Desk(away, away)
    batcher = desk.batcher(max_batch=2)
    desk.let_all_go_on()
    batcher.add("a", "b", "c")
    await batcher.drained()
    assert (desk.pauses, desk.done, batcher.waiting) == ([away], [], ["a", "b", "c"])
    batcher.add("d")
    await turns()
    assert desk.begun == [["a", "b"]]  # it is paused
    batcher.resume()
    await batcher.drained()
    assert desk.pauses == [away, away]
    batcher.resume()
    await batcher.drained()
    assert desk.done == ["a", "b", "c", "d"]


async def test_one_that_came_again_meanwhile_waits_once_in_its_old_place() -> None:
    desk = Desk(Away())
    batcher = desk.batcher()
    batcher.add("a", "b")
    await turns()
    batcher.add("c", "b")
    desk.let_all_go_on()
    await batcher.drained()
    assert batcher.waiting == ["a", "b", "c"]


async def test_a_pause_lets_the_batch_under_way_end() -> None:
    desk = Desk()
    batcher = desk.batcher(max_batch=1)
    batcher.add("a", "b")
    await turns()
    batcher.pause()
    desk.let_all_go_on()
    await batcher.drained()
    assert (desk.done, batcher.waiting) == (["a"], ["b"])
    batcher.resume()
    await batcher.drained()
    batcher.resume()  # of no effect
    assert desk.done == ["a", "b"]


async def test_neither_the_context_nor_the_cancellation_of_one_who_adds_matters_to_the_others() -> None:
    seen: list[str | None] = []

    async def work(batch: list[asyncio.Future[None]]) -> None:
        seen.append(request_id.get(None))
        await asyncio.sleep(0)
        for done in batch:
            if not done.done():
                done.set_result(None)

    batcher: Batcher[asyncio.Future[None]] = Batcher(work, max_batch=10)

    async def wait() -> None:
        request_id.set("of the first")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        batcher.add(done)
        await done

    first, second = asyncio.create_task(wait()), asyncio.create_task(wait())
    await asyncio.sleep(0)
    first.cancel()
    await second
    await batcher.drained()
    assert first.cancelled()
    assert seen == [None]


async def test_whoever_stops_to_wait_for_the_end_stops_nothing() -> None:
    desk = Desk()
    batcher = desk.batcher()
    batcher.add("a")
    waiting = asyncio.create_task(batcher.drained())
    await turns()
    waiting.cancel()
    await turns()
    desk.let_all_go_on()
    await batcher.drained()
    assert desk.done == ["a"]


async def test_close_gives_up_what_is_under_way_and_what_waits_and_takes_no_more() -> None:
    desk = Desk()
    batcher = desk.batcher(max_batch=1)
    batcher.add("a", "b", "c")
    desk.may_go_on.release()
    await turns(10)
    assert desk.begun == [["a"], ["b"]]
    await batcher.close()
    assert desk.done == ["a"]
    assert desk.failures == [(["b", "c"], "BatcherClosed")]
    with pytest.raises(BatcherClosed):
        batcher.add("d")
    batcher.resume()
    await batcher.close()
    assert (desk.at_once, batcher.waiting) == (0, [])


async def test_close_ends_work_that_does_not_listen() -> None:
    desk = Desk()

    async def work(batch: list[str]) -> None:
        try:
            await desk.work(batch)
        except asyncio.CancelledError:
            desk.done += batch  # as where what it waited for was done at that moment

    batcher: Batcher[str] = Batcher(work, failed=desk.failed, max_batch=1)
    batcher.add("a", "b")
    await turns()
    await batcher.close()
    assert desk.done == ["a"]
    assert desk.failures == [(["b"], "BatcherClosed")]


ITEMS = st.sampled_from("abcdefgh")
STEPS = st.lists(st.one_of(ITEMS, st.just("resume"), st.just("go on"), st.just("turn")), max_size=60)
OUTCOMES = st.lists(st.sampled_from([None, Away, LookupError]), max_size=20)


@given(steps=STEPS, outcomes=OUTCOMES, max_batch=st.integers(1, 4), max_waiting=st.integers(1, 6))
def test_whatever_comes_each_item_that_was_taken_is_done_or_told_to_have_failed(
    steps: list[str], outcomes: list[type[Exception] | None], max_batch: int, max_waiting: int
) -> None:
    asyncio.run(history(steps, outcomes, max_batch, max_waiting))


async def history(
    steps: list[str], outcomes: list[type[Exception] | None], max_batch: int, max_waiting: int
) -> None:
    """Runs steps on a batcher, and compares with a list: each adding of an item has its answer after it."""
    desk = Desk(*(outcome and outcome() for outcome in outcomes))
    batcher = desk.batcher(max_batch=max_batch, max_waiting=max_waiting)
    taken: list[str] = []
    for step in steps:
        if step == "resume":
            batcher.resume()
        elif step == "go on":
            desk.may_go_on.release()
        elif step == "turn":
            await turns()
        else:
            before = batcher.waiting
            try:
                batcher.add(step)
            except BatcherFull:
                assert len(before) >= max_waiting
            else:
                assert batcher.waiting == list(dict.fromkeys([*before, step]))
                taken += [step] if step not in before else []
    desk.let_all_go_on()
    await batcher.drained()
    while batcher.waiting:
        batcher.resume()
        await batcher.drained()
    ended = desk.done + [item for batch, _ in desk.failures for item in batch]
    # One that came again while its batch was under way, and that batch is tried again, has one answer to both.
    assert set(ended) == set(taken)
    for item in set(taken):
        assert 1 <= ended.count(item) <= taken.count(item)
    assert all(0 < len(batch) <= max_batch for batch in desk.begun)
    if not desk.pauses:
        assert [item for batch in desk.begun for item in batch] == taken
