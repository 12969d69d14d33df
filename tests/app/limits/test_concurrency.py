"""One user's many questions at once, and what they leave to the others."""

import asyncio

import pytest

from app.attachments import routes as routes_module
from app.core.errors import Refusal
from app.db.database import Database
from app.db.queries import Queries
from app.limits.concurrency import UserConcurrency
from tests.support.chat.people import Instance, People


async def settled() -> None:
    """Lets all tasks come as far as they can by themselves."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_as_many_at_once_as_may_be_and_in_turn() -> None:
    turns, begun, go_on = UserConcurrency(2), list[int](), [asyncio.Event() for _ in range(4)]

    async def take(number: int) -> None:
        async with turns.one("ann"):
            begun.append(number)
            await go_on[number].wait()

    tasks = [asyncio.create_task(take(number)) for number in range(4)]
    await settled()
    assert begun == [0, 1]
    async with turns.one("bob"):
        assert len(turns) == 2
    tasks[2].cancel()  # it has not had its turn, and nobody waits for it
    go_on[1].set()
    await settled()
    assert begun == [0, 1, 3]
    for event in go_on:
        event.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert len(turns) == 0


async def test_a_line_that_is_too_long_is_refused() -> None:
    turns = UserConcurrency(1, most_waiting=1)
    async with turns.one("ann"):
        waiting = asyncio.create_task(turns.one("ann").__aenter__())
        await settled()
        with pytest.raises(Refusal) as refused:
            await turns.one("ann").__aenter__()
        assert (refused.value.reason, refused.value.retry_after) == ("rate_limited", 1_000)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    assert len(turns) == 0


@pytest.mark.over_websocket
@pytest.mark.usefixtures("swept_at_start")  # or a sweeper waits, too
async def test_slow_questions_of_one_user_leave_connections_to_the_others(
    people: People, db: Database
) -> None:
    ann, bob = await people(), await people()
    await ann.room()
    device, neighbour = await ann.device(), await bob.device()
    held, release = asyncio.Event(), asyncio.Event()

    async def hold(q: Queries) -> None:
        await q.value("lock table messages, message_words in access exclusive mode")
        held.set()
        await release.wait()

    holding = asyncio.create_task(db.transaction(hold))
    await held.wait()
    asked = [asyncio.create_task(ann.http.get("/chat/search?query=slow")) for _ in range(20)]
    listed = asyncio.create_task(device.ok("room:list", {}))
    while await db.value(WAITING) < 3:  # noqa: ASYNC110 - PostgreSQL tells nobody
        await asyncio.sleep(0.01)
    answers = await asyncio.gather(*(bob.http.get("/chat/users?query=p") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert await neighbour.ok("user:search", {"query": "p"})
    assert await db.value(WAITING) == 3
    release.set()
    await holding
    assert {answer.status_code for answer in await asyncio.gather(*asked)} == {200}
    assert len(await listed) == 1


WAITING = """
    select count(distinct pid) from pg_locks
    where not granted and relation in (cast('messages' as regclass), cast('message_words' as regclass))
"""


@pytest.mark.over_websocket
async def test_downloads_that_nobody_takes(instance: Instance, people: People) -> None:
    ann, bob = await people(), await people()
    files = []
    for person in (ann, bob):
        uploaded = await person.http.post("/chat/files", files={"file": ("big.bin", bytes(20_000_000))})
        files.append(uploaded.json()["url"])
    request = f"GET {files[0]} HTTP/1.1\r\nHost: chat\r\nAuthorization: Bearer {ann.token}\r\n\r\n".encode()
    taken = []
    for _ in range(routes_module.DOWNLOADS_AT_ONCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", instance.port, limit=1024)
        writer.write(request)
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        taken.append(writer)
    one_more = asyncio.create_task(ann.http.get(files[0]))
    assert len((await bob.http.get(files[1])).content) == 20_000_000
    assert not one_more.done()
    for writer in taken:
        writer.transport.abort()
    assert (await one_more).status_code == 200
