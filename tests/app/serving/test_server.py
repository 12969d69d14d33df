"""The end of an instance: what is under way is finished, and clients come back by themselves."""

import asyncio
import json
import os
import signal
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from dataclasses import replace
from typing import Any

import httpx
import pytest

from app.config.settings import HOUR_MS, Settings
from app.db.database import Database
from app.serving.server import ChatServer
from app.serving.startup_failure import SentenceOnFailure
from protocol import BusUnavailable, StoreUnavailable
from tests.support.chat.people import Device, Instance, People, Start
from tests.support.chat.row_locks import locked, somebody_waits
from tests.support.ports import find_free_port


def room_locked(db: Database, room_id: str) -> AbstractAsyncContextManager[None]:
    """While it lasts, nothing can be written to the room."""
    return locked(db, "select id from rooms where id = :id for no key update", id=room_id)


async def no_longer_accepting(instance: Instance) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", instance.port)
        except OSError:
            return
        writer.close()
        await asyncio.sleep(0.01)


async def test_what_it_finds_no_more_when_it_starts_is_one_sentence(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """It was there when the schema was brought up to date."""
    nowhere = f"postgresql://parley:@127.0.0.1:{find_free_port()}/chat"
    with pytest.raises(SystemExit):
        await ChatServer(replace(settings, database_url=nowhere)).serve()
    said = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert said[0].startswith("it cannot start: PostgreSQL does not answer: ")
    assert said[1:] == ["Application startup failed. Exiting."]
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (StoreUnavailable("Redis does not answer"), "it cannot start: Redis does not answer"),
        (BusUnavailable("Redis is away"), "it cannot start: Redis is away"),
        (ZeroDivisionError("a fault of ours"), "Traceback of Starlette's"),
    ],
)
async def test_a_fault_of_ours_keeps_its_traceback(error: Exception, told: str) -> None:
    sent: list[Any] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "lifespan.startup.failed", "message": "Traceback of Starlette's"})
        raise error

    async def send(message: Any) -> None:
        sent.append(message)

    with suppress(ZeroDivisionError):
        await SentenceOnFailure(app)({"type": "lifespan"}, send, send)  # type: ignore[arg-type]
    assert sent == [{"type": "lifespan.startup.failed", "message": told}]


@pytest.mark.over_websocket
async def test_what_is_under_way_is_written_and_answered(
    instance: Instance, people: People, db: Database
) -> None:
    ann = await people()
    room = await ann.room()
    device = await ann.device()
    async with room_locked(db, room):
        sending = asyncio.create_task(device.ok("message:send", {"roomId": room, "content": "last words"}))
        await somebody_waits(db)
        ending = asyncio.create_task(instance.stop())
        await no_longer_accepting(instance)
        assert not ending.done()
    assert (await sending)["content"] == "last words"
    await ending
    assert await db.value("select content from messages") == "last words"


@pytest.mark.parametrize("transport", ["polling"], indirect=True)
async def test_what_is_under_way_is_answered_to_a_pending_poll(
    instance: Instance, people: People, db: Database
) -> None:
    ann = await people()
    room = await ann.room()
    path = "/io/?EIO=4&transport=polling"
    sid = json.loads((await ann.http.get(path)).text[1:])["sid"]
    path += f"&sid={sid}"

    async def post(packet: str) -> None:
        assert (await ann.http.post(path, content=packet)).text == "ok"

    async def poll_until(found: str) -> str:
        text = ""
        while found not in text:
            answer = await ann.http.get(path, timeout=30)
            assert answer.status_code == 200
            text += answer.text
        return text

    await post("40")
    await post('420["authenticate"]')
    await poll_until('430[{"ok":true')
    async with room_locked(db, room):
        await post(f'421["message:send",{{"roomId":"{room}","content":"last words"}}]')
        polling = asyncio.create_task(poll_until("431["))
        await somebody_waits(db)
        ending = asyncio.create_task(instance.stop())
        await no_longer_accepting(instance)
    last = await polling
    # Then comes Engine.IO's close or, to a poll that is too late for it, the end of the connection.
    with suppress(httpx.TransportError):
        while not last.endswith("\x1e1"):
            last += "\x1e" + (await ann.http.get(path)).text
    assert '431[{"ok":true,"data":' in last
    assert "41" not in last.split("\x1e")  # Socket.IO's disconnect, after which they would not
    await ending


async def test_an_http_request_under_way_is_answered(
    instance: Instance, people: People, db: Database
) -> None:
    ann, bob = await people(), await people()
    room = await ann.room()
    async with room_locked(db, room):
        joining = asyncio.create_task(bob.http.post(f"/chat/rooms/{room}/join"))
        await somebody_waits(db)
        ending = asyncio.create_task(instance.stop())
        await no_longer_accepting(instance)
    assert (await joining).status_code == 200
    await ending


async def test_what_does_not_end_in_time_is_given_up(start: Start, people: People, db: Database) -> None:
    ann = await people()
    room = await ann.room()
    instance = await start(shutdown_timeout=200)
    device = await ann.device(instance.url)
    async with room_locked(db, room):
        await device.client.emit("message:send", {"roomId": room, "content": "too late"})
        await somebody_waits(db)
        await instance.stop()  # while the room is still locked
    assert await db.value("select count(*) from messages") == 0


# python-socketio's client takes the end of a polling session for a dismissal; the wire is held to above.
@pytest.mark.over_websocket
async def test_clients_come_back_after_a_shutdown(
    start: Start, people: People, stack: AsyncExitStack, transport: str, free_port: int
) -> None:
    ann = await people()
    first = await start(port=free_port)
    device = Device(first.url, ann.token, transport, reconnection=True, reconnection_delay=0.05)
    stack.push_async_callback(device.close)
    came_back = asyncio.Event()
    await device.connect()
    device.client.on("connect", came_back.set)
    await device.authenticate()
    await first.stop()
    assert await device.expect("disconnect") != "io server disconnect"
    await start(port=free_port)
    await came_back.wait()
    assert (await device.authenticate())["userId"] == ann.id


async def test_a_second_interrupt_waits_for_nothing(start: Start, people: People, db: Database) -> None:
    ann, bob = await people(), await people()
    room = await ann.room()
    instance = await start(shutdown_timeout=HOUR_MS)
    async with room_locked(db, room):
        joining = asyncio.create_task(bob.http.post(f"{instance.url}/chat/rooms/{room}/join"))
        await somebody_waits(db)
        os.kill(os.getpid(), signal.SIGINT)
        await no_longer_accepting(instance)
        assert not instance.running.done()
        os.kill(os.getpid(), signal.SIGINT)
        await instance.running
        joining.cancel()
    await instance.server.lifespan.shutdown()  # what a process leaves as it is, the next test would find


async def test_a_signal_ends_it_and_is_not_raised_again(start: Start) -> None:
    instance = await start()
    async with httpx.AsyncClient(base_url=instance.url) as client:
        assert (await client.get("/health/live")).status_code == 200
    os.kill(os.getpid(), signal.SIGTERM)
    await instance.running
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
