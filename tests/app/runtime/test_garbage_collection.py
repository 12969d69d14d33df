"""The garbage collector looks at everything seldom, and what has ended does not need it."""

import asyncio
import gc
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress

import pytest

from app.config.settings import Settings
from app.runtime.garbage_collection import COUNTED_EVERY, seldom_collected
from app.serving.server import ChatServer
from protocol.websocket.frames import Opcode, encode
from tests.support.chat.people import Instance, People, Start
from tests.support.raw_websocket import WebSocket
from tests.support.waiting import PATIENCE

VISITS, ROUNDS = 5, 3


class Cycle:
    """Refers to itself."""

    def __init__(self) -> None:
        self.me = self


def cycles() -> int:
    """How many the collector would look at."""
    return sum(isinstance(found, Cycle) for found in gc.get_objects())


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    """Python collects nothing by itself."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def kept() -> Iterator[list[Cycle]]:
    """What there is when it begins."""
    assert not cycles()
    kept = [Cycle() for _ in range(100)]
    with seldom_collected():
        yield kept
    kept.clear()
    gc.collect()
    assert not cycles()


def test_what_outlives_a_full_collection_is_not_looked_at_again(kept: list[Cycle]) -> None:
    assert cycles() == 0
    kept.append(Cycle())
    assert cycles() == 1
    gc.collect(1)
    assert cycles() == 1
    gc.collect()
    assert cycles() == 0


@pytest.mark.usefixtures("kept")
def test_what_is_new_is_collected() -> None:
    aside = gc.get_freeze_count()
    for _ in range(aside // 2):
        Cycle()
    gc.collect()
    assert cycles() == 0
    assert gc.get_freeze_count() < aside * 1.1


def test_everything_is_looked_at_once_there_is_much_more() -> None:
    with seldom_collected(growth=1.5):
        before = gc.get_freeze_count()
        kept = [Cycle() for _ in range(before)]
        for _ in range(COUNTED_EVERY):
            gc.collect()
        kept.clear()
        assert cycles() == before
        gc.collect()
        assert cycles() == 0
        assert gc.get_freeze_count() < before * 1.1


def test_the_process_of_a_server_sets_aside(settings: Settings) -> None:
    aside = []

    class Serving(ChatServer):
        async def serve(self, sockets: list[socket.socket] | None = None) -> None:
            aside.append(gc.get_freeze_count())

    Serving(settings).run()
    assert aside[0] > gc.get_freeze_count() == 0


OURS = (
    "app.",
    "protocol.server.",
    "protocol.engineio.session",
    "protocol.socketio.namespace_states",
    "uvicorn.",
    "uvloop.",
    "sqlalchemy.",
)


LONG = 300_000  # ms
PARKED = "protocol.server.scheduling.eager_tasks._Worker"  # stays, for others


def alive() -> Counter[str]:
    """What of the server is there, by the names of the classes."""
    found: Counter[str] = Counter()
    # There are far more objects than classes, of which names are made: nobody else gets on meanwhile.
    for kind, many in Counter(map(type, gc.get_objects())).items():
        name = f"{kind.__module__}.{kind.__qualname__}"
        if name.startswith(OURS) and name != PARKED:
            found[name] += many
    return found


@pytest.fixture
async def instance(start: Start, swept_at_start: None) -> Instance:
    """One whose heartbeats are due long after the test, so that nothing is kept until then, and whose sweepers have
    what they need from the start."""
    return await start(ping_interval=10 * LONG, ping_timeout=LONG)


async def nothing_is_left_by(visit: Callable[[], Awaitable[None]]) -> None:
    """What a visit needs is free after it, without the collector.

    An error that something else had meanwhile, as where a busy machine's Redis is late, leaves what its traceback
    refers to: the next round of visits has none.
    """
    await visit()
    for _ in range(ROUNDS):
        gc.collect()
        before = alive()
        for _ in range(VISITS):
            await visit()
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE / ROUNDS):
                while alive() - before:  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0.2)  # what is under way has to come to an end between two looks
                return
    assert not alive() - before


async def test_clients_that_have_gone_leave_nothing_to_the_collector(
    people: People,
) -> None:
    person = await people()
    room = await person.room()

    async def visit() -> None:
        device = await person.device()
        await device.ok("message:send", {"roomId": room, "content": "hello"})
        await device.close()

    await nothing_is_left_by(visit)


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(encode(Opcode.TEXT, b"2"), id="not masked"),
        pytest.param(encode(Opcode.TEXT, b"\xff", mask=bytes(4)), id="no text"),
        pytest.param(encode(Opcode.TEXT, bytes(2_000_000), mask=bytes(4)), id="too big"),
    ],
)
async def test_clients_that_break_a_rule_of_websockets_leave_nothing(
    instance: Instance, frame: bytes
) -> None:
    async def visit() -> None:
        client = await WebSocket.open(instance)
        client.write(frame)
        await client.until_close()
        await client.close()

    await nothing_is_left_by(visit)


async def test_requests_that_are_refused_leave_nothing(people: People) -> None:
    person = await people()

    async def visit() -> None:
        assert (await person.http.post("/chat/rooms", json={"name": 1})).status_code == 422

    await nothing_is_left_by(visit)


async def test_uploads_leave_nothing(people: People) -> None:
    person = await people()

    async def visit() -> None:
        answer = await person.http.post("/chat/files", files={"file": ("a.txt", b"a", "text/plain")})
        assert answer.status_code == 201

    await nothing_is_left_by(visit)


HEAD = b"POST %b HTTP/1.1\r\nHost: here\r\nContent-Length: 5000000\r\n\r\n"


@pytest.mark.parametrize("path", ["/nowhere", "/auth/sign-in", "/io/?EIO=4&transport=polling&sid=none"])
async def test_requests_whose_large_bodies_are_refused_leave_nothing_to_the_collector(
    instance: Instance, path: str
) -> None:
    async def visit() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", instance.port)
        writer.write(HEAD % path.encode() + b"a" * 400_000)
        assert b" 4" in await reader.readline()
        await reader.read()
        writer.close()

    await nothing_is_left_by(visit)
