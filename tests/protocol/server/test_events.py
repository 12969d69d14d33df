"""Events in: their handlers, in order, and what becomes of the exceptions."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from protocol import BadArguments, Incoming, Refused, Server, Socket
from tests.protocol.server.client import Client, Recorder
from tests.protocol.server.conftest import Connect, Serve

App = Callable[..., Server]

pytestmark = pytest.mark.usefixtures("way")


async def joined(host: Serve, connect: Connect, io: Server) -> Client:
    client = await connect(await host(io))
    await client.join()
    return client


async def test_events_of_one_socket_are_handled_in_order(
    host: Serve, make_app: App, connect: Connect, seen: Recorder
) -> None:
    """One at a time, however long each takes."""
    io = make_app()
    running: list[int] = []

    @io.on("work")
    async def work(socket: Socket, number: int) -> None:
        running.append(number)
        assert len(running) == 1
        await asyncio.sleep(0.001 * (number % 3))
        running.remove(number)
        seen(number)

    client = await joined(host, connect, io)
    for start in range(0, 60, 20):
        await client.send(*(f'2["work",{number}]' for number in range(start, start + 20)))
    assert (await seen.wait_for_count(61))[1:] == list(range(60))


async def test_a_slow_handler_holds_up_only_its_client(
    host: Serve, make_app: App, connect: Connect, seen: Recorder
) -> None:
    io = make_app()
    end = asyncio.Event()

    @io.on("slow")
    async def slow(socket: Socket) -> None:
        seen("slow")
        await end.wait()

    running = await host(io)
    waiting, other = await connect(running), await connect(running)
    await waiting.join()
    await other.join()
    await waiting.send('2["slow"]', '2["echo",1]')
    await seen.wait_for("slow")
    await other.send('2["echo",2]')
    assert await other.receive() == '2["echo",2]'
    assert ("echo", 1) not in seen.entries
    end.set()
    assert await waiting.receive() == '2["echo",1]'


@pytest.mark.parametrize(
    "arguments",
    [
        "1",
        '"€ 👋 \\u0000"',
        "null",
        "true,false",
        '[1,[2,[3]]],{"a":{"b":[null]}}',
        "1.5,-0.001,9007199254740991",
        "",
    ],
)
async def test_values(host: Serve, make_app: App, connect: Connect, arguments: str) -> None:
    client = await joined(host, connect, make_app())
    packet = f'2["echo",{arguments}]' if arguments else '2["echo"]'
    await client.send(packet)
    assert await client.receive() == packet


async def test_binary(host: Serve, make_app: App, connect: Connect, seen: Recorder) -> None:
    client = await joined(host, connect, make_app())
    header = '52-["echo",{"_placeholder":true,"num":1},[{"deep":{"_placeholder":true,"num":0}}],"text"]'
    await client.send(header, b"zero", bytes(range(256)))
    # The numbers are the sender's choice; ours count in the order of the values.
    swapped = '52-["echo",{"_placeholder":true,"num":0},[{"deep":{"_placeholder":true,"num":1}}],"text"]'
    assert [await client.receive() for _ in range(3)] == [swapped, bytes(range(256)), b"zero"]
    assert seen.entries[-1] == ("echo", bytes(range(256)), [{"deep": b"zero"}], "text")


async def test_half_an_emoji(host: Serve, make_app: App, connect: Connect) -> None:
    """JavaScript can send one; what comes of it can be sent on."""
    client = await joined(host, connect, make_app())
    await client.send('2["echo","\\ud83d"]')
    assert await client.receive() == '2["echo","�"]'


async def test_a_number_as_name(host: Serve, make_app: App, connect: Connect, seen: Recorder) -> None:
    io = make_app()
    io.on_any(lambda _, name, *args: seen(name, *args))
    client = await joined(host, connect, io)
    await client.send('2[7,"x"]')
    await seen.wait_for(7, "x")


async def test_plain_functions(host: Serve, make_app: App, connect: Connect) -> None:
    io = make_app()
    io.on("add")(lambda _, a, b: a + b)
    client = await joined(host, connect, io)
    await client.send('21["add",2,3]')
    assert await client.receive() == "31[5]"


async def test_an_event_without_handler(host: Serve, make_app: App, connect: Connect) -> None:
    """Nothing happens, and it is not acknowledged: nobody has taken it."""
    client = await joined(host, connect, make_app())
    await client.send('21["unheard"]', '22["echo"]')
    assert await client.receive() == '2["echo"]'
    assert await client.receive() == "32[]"


# --- exceptions ---


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


# --- names ---


@pytest.mark.parametrize(
    "name", ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"]
)
async def test_reserved_names(name: str) -> None:
    io = Server()
    with pytest.raises(ValueError, match="reserved"):
        await io.emit(name)
    if name not in ("disconnect", "disconnecting"):
        with pytest.raises(ValueError, match="reserved"):
            io.on(name)(print)


def test_one_handler_for_an_event() -> None:
    io = Server()
    io.on("event")(print)
    with pytest.raises(ValueError, match="handler already"):
        io.on("event")(print)


# --- catch-all listeners ---


async def test_on_any(host: Serve, make_app: App, connect: Connect, seen: Recorder) -> None:
    """For every event that comes in, before its handler, whether it has one or not."""
    io = make_app()

    @io.on_any
    async def listen(socket: Socket, event: str, *args: Any) -> None:
        seen("any", event, *args)

    client = await joined(host, connect, io)
    await client.send('2["echo",1]', '2["unheard",2]', '2["echo",3]')
    assert (await seen.wait_for_count(6))[1:] == [
        ("any", "echo", 1),
        ("echo", 1),
        ("any", "unheard", 2),
        ("any", "echo", 3),
        ("echo", 3),
    ]


async def test_on_any_outgoing(host: Serve, make_app: App, connect: Connect, seen: Recorder) -> None:
    """For every event that goes out, with the socket it goes to: emitted, broadcast, or with an ack."""
    io = make_app()
    io.on_any_outgoing(lambda socket, event, *args: seen(socket.id, event, *args))
    running = await host(io)
    first, second = await connect(running), await connect(running)
    one, two = await first.join(), await second.join()
    seen.entries.clear()
    await io.to(one).emit("one", 1)
    await io.emit("both")
    (socket,) = await io.to(two).fetch_sockets()
    await socket.emit("two", 2)
    asking = asyncio.create_task(socket.emit_with_ack("ask"))
    assert [await second.receive() for _ in range(2)] == ['2["both"]', '2["two",2]']
    await second.send(str(await second.receive()).replace("2", "3", 1).replace('"ask"', "true"))
    assert await asking is True
    assert seen.entries[0] == (one, "one", 1)
    assert sorted(seen.entries[1:3]) == sorted([(one, "both"), (two, "both")])
    assert seen.entries[3:] == [(two, "two", 2), (two, "ask")]


# --- the end ---


async def test_disconnecting_and_disconnect(
    host: Serve, make_app: App, connect: Connect, seen: Recorder
) -> None:
    """After the events that came before; while `disconnecting` runs the rooms are still to be seen."""
    io = make_app()

    @io.on("connection")
    async def join(socket: Socket) -> None:
        socket.data["name"] = "ann"
        await socket.join("a", "b")

    @io.on("disconnecting")
    async def leaving(socket: Socket, reason: str) -> None:
        seen("disconnecting", reason, sorted(socket.rooms - {socket.id}), socket.connected)

    @io.on("disconnect")
    async def left(socket: Socket, reason: str) -> None:
        seen("left", reason, sorted(socket.rooms), socket.data["name"])

    client = await joined(host, connect, io)
    await client.send('2["echo",1]', "1")
    await seen.wait_for_count(5)
    reason = "client namespace disconnect"
    assert seen.entries[1:] == [
        ("echo", 1),
        ("disconnecting", reason, ["a", "b"], False),
        ("disconnect", reason),
        ("left", reason, [], "ann"),
    ]


async def test_a_lifecycle_handler_that_fails(
    host: Serve, make_app: App, connect: Connect, seen: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    """The others still run."""
    io = Server()

    async def fail(socket: Socket, *args: Any) -> None:
        raise LookupError

    for name in ("connection", "disconnecting", "disconnect"):
        io.on(name)(fail)
        io.on(name)(lambda _, *args, name=name: seen(name, *args))
    client = await joined(host, connect, io)
    await client.send("1")
    reason = "client namespace disconnect"
    assert await seen.wait_for_count(3) == ["connection", ("disconnecting", reason), ("disconnect", reason)]
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 3


async def test_what_is_done_with_a_socket_that_has_gone(
    host: Serve, make_app: App, connect: Connect, seen: Recorder
) -> None:
    """Nothing, and nothing fails."""
    io = make_app()
    client = await joined(host, connect, io)
    (socket,) = await io.fetch_sockets()
    await client.send("1")
    await seen.wait_for("disconnect", "client namespace disconnect")
    await socket.emit("news")
    await socket.join("room")
    await socket.leave("room")
    await socket.disconnect()
    await socket.disconnect(close=True)
    assert socket.rooms == frozenset()
    await client.join()
    assert await io.to("room").fetch_sockets() == []
