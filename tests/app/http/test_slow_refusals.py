"""How long refusals over HTTP take."""

import asyncio

import httpx
import pytest

from app.http import slow_refusals
from app.http.slow_refusals import LONGEST, MAX_NETWORKS, RefusalPace
from tests.support.chat.people import Instance, People, Start


class Clock:
    """A clock that is set by hand, in seconds."""

    def __init__(self) -> None:
        self.time = 1_000.0

    def __call__(self) -> float:
        return self.time


def test_a_burst_takes_no_time_and_what_follows_takes_longer_and_longer() -> None:
    pace = RefusalPace(10, 5, Clock())
    waits = [pace.take("a") for _ in range(30)]
    assert waits[:5] == pytest.approx([0] * 5)
    assert waits[5:10] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])
    assert waits[-1] == LONGEST
    assert pace.take("b") == 0


def test_a_network_that_stops_is_answered_at_once_again() -> None:
    clock = Clock()
    pace = RefusalPace(10, 5, clock)
    for _ in range(1_000):
        pace.take("a")
    clock.time += LONGEST + 0.11
    assert pace.take("a") == 0
    assert pace.take("a") > 0
    clock.time += 60
    assert [pace.take("a") for _ in range(5)] == [0] * 5


def test_without_a_rate_nothing_is_held_and_nobody_remembered() -> None:
    pace = RefusalPace(0, 5, Clock())
    assert {pace.take("a") for _ in range(100)} == {0}
    assert len(pace) == 0


def test_the_number_of_networks_is_bounded() -> None:
    pace = RefusalPace(10, 5, Clock())
    for number in range(MAX_NETWORKS + 50):
        pace.take(str(number))
    assert len(pace) == MAX_NETWORKS


@pytest.fixture
async def instance(start: Start, monkeypatch: pytest.MonkeyPatch) -> Instance:
    """An instance that answers two refusals at once, and one a second."""
    monkeypatch.setattr(slow_refusals, "LEAST_RATE", 1)
    monkeypatch.setattr(slow_refusals, "LEAST_BURST", 2)
    return await start(address_rate=20, address_burst=40)


async def test_refusals_wait_and_nobody_else_does(http: httpx.AsyncClient, people: People) -> None:
    ann = await people()
    started = asyncio.get_running_loop().time()
    refusals = [asyncio.create_task(http.get("/auth/who-am-i")) for _ in range(4)]
    done, waiting = await asyncio.wait(refusals, return_when=asyncio.FIRST_COMPLETED)
    while len(done) < 2:
        more, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        done |= more
    assert (await ann.http.get("/auth/who-am-i")).status_code == 200  # from the same network
    assert len(waiting) == 2
    answers = await asyncio.gather(*refusals)
    assert asyncio.get_running_loop().time() - started >= LONGEST / 2
    assert [answer.status_code for answer in answers] == [401] * 4
    assert all(answer.json()["details"]["reason"] == "unauthenticated" for answer in answers)


async def test_what_is_beyond_the_number_of_held_answers_closes_its_connection(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slow_refusals, "MAX_HELD", 1)
    answers = await asyncio.gather(*(http.get("/auth/who-am-i") for _ in range(5)))
    assert [answer.status_code for answer in answers] == [401] * 5
    assert sum(answer.headers.get("connection") == "close" for answer in answers) == 2
