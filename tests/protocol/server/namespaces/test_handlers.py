"""What becomes of a handler's arguments and exceptions."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from protocol import BadArguments, Incoming, Refused, Server, Socket
from tests.support.engine_clients import Connect, Recorder, joined
from tests.support.running import Serve

App = Callable[..., Server]

pytestmark = pytest.mark.usefixtures("way")


async def test_an_exception_is_logged(
    host: Serve, make_app: App, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    """Without an ack: the client's own timeout tells it. The next event is handled."""
    io = make_app()

    @io.on("fail")
    async def fail(socket: Socket) -> None:
        raise LookupError("not there")

    client = await joined(host, connect, io)
    await client.send('21["fail"]', '22["echo"]')
    assert await client.receive() == '2["echo"]'
    assert await client.receive() == "32[]"
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.getMessage() == "a handler of 'fail' failed"
    assert record.exc_info
    assert isinstance(record.exc_info[1], LookupError)


async def test_on_error(host: Serve, make_app: App, connect: Connect) -> None:
    """Gets every exception of an event; what it returns is the ack."""
    io = make_app()

    @io.on("fail")
    async def fail(socket: Socket, kind: str) -> None:
        raise {"lookup": LookupError, "refused": Refused}[kind]("no")

    @io.on_error
    async def judge(socket: Socket, incoming: Incoming, error: Exception) -> dict[str, Any]:
        return {
            "event": incoming.name,
            "args": incoming.args,
            "ack": incoming.wants_ack,
            "error": type(error).__name__,
        }

    client = await joined(host, connect, io)
    await client.send('21["fail","lookup"]', '2["fail","lookup"]', '22["fail","refused"]', '23["fail"]')
    answers = [await client.receive() for _ in range(3)]
    assert answers == [
        '31[{"event":"fail","args":["lookup"],"ack":true,"error":"LookupError"}]',
        '32[{"event":"fail","args":["refused"],"ack":true,"error":"Refused"}]',
        '33[{"event":"fail","args":[],"ack":true,"error":"BadArguments"}]',
    ]


async def test_an_error_handler_that_fails(
    host: Serve, make_app: App, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    io = make_app()

    @io.on("fail")
    async def fail(socket: Socket) -> None:
        raise LookupError

    @io.on_error
    async def judge(socket: Socket, incoming: Incoming, error: Exception) -> None:
        raise ZeroDivisionError

    client = await joined(host, connect, io)
    await client.send('21["fail"]', '2["echo"]')
    assert await client.receive() == '2["echo"]'
    assert "the error handler failed" in caplog.text


async def test_a_value_that_cannot_be_sent(host: Serve, make_app: App, connect: Connect) -> None:
    """As an ack, or as an argument."""
    io = make_app()
    io.on("ack")(lambda _: {1, 2})
    io.on("argument")(lambda socket: socket.emit("set", {1, 2}))
    io.on_error(lambda _, __, error: isinstance(error, TypeError))
    client = await joined(host, connect, io)
    await client.send('21["ack"]', '22["argument"]')
    assert [await client.receive() for _ in range(2)] == ["31[true]", "32[true]"]


@pytest.mark.parametrize(
    ("event", "arguments", "taken"),
    [
        ("two", "", False),
        ("two", ",1", False),
        ("two", ",1,2", True),
        ("two", ",1,2,3", False),
        ("optional", "", True),
        ("optional", ",1", True),
        ("optional", ",1,2", False),
        ("any", "", True),
        ("any", ",1,2,3,4", True),
        ("at least one", "", False),
        ("at least one", ",1", True),
        ("at least one", ",1,2", True),
    ],
)
async def test_the_number_of_arguments(
    host: Serve, make_app: App, connect: Connect, event: str, arguments: str, taken: bool
) -> None:
    io = make_app()
    io.on("two")(lambda _, a, b: "taken")
    io.on("optional")(lambda _, a=None: "taken")
    io.on("any")(lambda _, *args: "taken")
    io.on("at least one")(lambda _, a, *args: "taken")

    @io.on_error
    def refuse(socket: Socket, incoming: Incoming, error: Exception) -> str:
        assert isinstance(error, BadArguments)
        return "refused"

    client = await joined(host, connect, io)
    await client.send(f'21["{event}"{arguments}]')
    assert await client.receive() == ('31["taken"]' if taken else '31["refused"]')


async def test_a_method_as_handler(host: Serve, make_app: App, connect: Connect) -> None:
    class Calculator:
        async def double(self, socket: Socket, number: int) -> int:
            return number * 2

    io = make_app()
    io.on("double")(Calculator().double)
    client = await joined(host, connect, io)
    await client.send('21["double",4]')
    assert await client.receive() == "31[8]"


async def test_a_handler_that_waits_for_what_is_cancelled(
    host: Serve, make_app: App, connect: Connect
) -> None:
    """That is its own failure; the client's next event is handled."""
    io = make_app()

    @io.on("wait")
    async def wait(socket: Socket) -> None:
        task = asyncio.create_task(asyncio.sleep(60))
        asyncio.get_running_loop().call_soon(task.cancel)
        await task

    client = await joined(host, connect, io)
    await client.send('2["wait"]', '2["echo"]')
    assert await client.receive() == '2["echo"]'


async def test_a_handler_that_cancels_its_task(
    host: Serve, make_app: App, connect: Connect, seen: Recorder
) -> None:
    """What waited behind it is lost with it, but its client, which was not read any more, is read again."""
    io = make_app(max_pending_events=4)

    @io.on("cancel")
    async def cancel(socket: Socket) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        seen("cancelled")
        await asyncio.sleep(0)

    client = await joined(host, connect, io)
    await client.send('2["cancel"]', *['2["unheard"]'] * 20)
    await seen.wait_for("cancelled")
    await client.send('21["echo"]')
    assert [await client.receive() for _ in range(2)] == ['2["echo"]', "31[]"]
