"""What runs beside the requests."""

import asyncio
import logging

import pytest

from app.core import background_tasks as background
from app.core.background_tasks import running
from tests.support.waiting import PATIENCE


async def test_what_fails_is_logged_and_begins_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(background, "AGAIN_AFTER", 0.001)
    begun, again = 0, asyncio.Event()

    async def breaks_once() -> None:
        nonlocal begun
        begun += 1
        if begun == 1:
            raise ZeroDivisionError
        again.set()
        await asyncio.Event().wait()

    async with asyncio.timeout(PATIENCE), running(breaks_once):
        await again.wait()
    [line] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "breaks_once has failed and begins again" in line.getMessage()
    assert begun == 2


async def test_it_ends_with_the_block() -> None:
    ended: list[str] = []

    async def lasts(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    async with running(lambda: lasts("one"), lambda: lasts("two")):
        await asyncio.sleep(0)
    assert ended == ["one", "two"]


async def test_a_cancellation_that_gets_lost_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "CANCEL_AGAIN_AFTER", 0.01)
    lost = 0

    async def deaf() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                lost += 1
                if lost == 3:
                    raise

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    await background.ended(task)
    assert (task.cancelled(), lost) == (True, 3)
