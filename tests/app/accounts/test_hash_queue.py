"""The queue in which passwords are hashed: who finds a place in it while others fill it."""

from contextlib import ExitStack

import pytest

from app.accounts import hash_queue
from app.accounts.hash_queue import HashQueue
from app.core.errors import Refusal


def fill(queue: HashQueue, stack: ExitStack, network: str, *, known_device: bool = False) -> int:
    """Enters attempts of a network until one is refused; how many there were."""
    for entered in range(10_000):
        try:
            stack.enter_context(queue.entry(network, known_device=known_device))
        except Refusal as refusal:
            if refusal.reason != "unavailable":
                raise
            return entered
    raise AssertionError("nothing was refused")


def test_a_network_gets_half_and_known_devices_keep_a_quarter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hash_queue, "CAPACITY", 32)
    queue = HashQueue()
    with ExitStack() as stack:
        assert fill(queue, stack, "one") == 16
        assert fill(queue, stack, "another") == 8
        assert fill(queue, stack, "a third") == 0
        assert fill(queue, stack, "one", known_device=True) == 0
        assert fill(queue, stack, "a third", known_device=True) == 8
        assert fill(queue, stack, "a fourth", known_device=True) == 0
    with ExitStack() as stack:
        assert fill(queue, stack, "a third") == 16


def test_a_small_queue_still_takes_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hash_queue, "CAPACITY", 1)
    with ExitStack() as stack:
        assert fill(HashQueue(), stack, "one") == 1


def test_nothing_is_kept_of_a_network_whose_attempts_have_ended() -> None:
    queue = HashQueue()
    with pytest.raises(ZeroDivisionError), queue.entry("one"):
        raise ZeroDivisionError
    assert not queue._of_network


async def test_work_is_done_off_the_event_loop_and_its_error_is_raised() -> None:
    queue = HashQueue()
    assert await queue.run(lambda: 6 * 7) == 42
    with pytest.raises(ValueError, match="bad"):
        await queue.run(lambda: int("bad"))
