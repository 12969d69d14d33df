"""Events in: their handlers, in order, and what becomes of the exceptions."""

import asyncio
from collections.abc import Callable

import pytest

from protocol import Server, Socket
from tests.support.engine_clients import Connect, Recorder, joined
from tests.support.running import Serve

App = Callable[..., Server]

pytestmark = pytest.mark.usefixtures("way")


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
