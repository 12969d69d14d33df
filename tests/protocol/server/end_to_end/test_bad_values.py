"""Values that are JSON and cannot be carried: one refused packet each, and the session goes on."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import msgpack
import pytest

from protocol import JSON, MSGPACK, AckTimeout, BadValue, Client, Incoming, Server, Socket
from protocol.engineio.packets import Encoded
from protocol.socketio.packets import Packet, Parser
from tests.support.engine_clients import Connect, joined
from tests.support.running import Serve

App = Callable[..., Server]

pytestmark = pytest.mark.usefixtures("way")

DEEP = "[" * 100 + "]" * 100
BAD = ["1e400", "-1e999", DEEP, "[" * 1500 + "]" * 1500, "9" * 400]


def judged(io: Server) -> list[tuple[Incoming, Exception]]:
    """What the error handler of a server is told; it acknowledges with the kind of error."""
    told: list[tuple[Incoming, Exception]] = []

    @io.on_error
    async def judge(socket: Socket, incoming: Incoming, error: Exception) -> str:
        told.append((incoming, error))
        return type(error).__name__

    return told


@pytest.mark.parametrize("value", BAD, ids=range(len(BAD)))
async def test_an_event_is_refused(host: Serve, make_app: App, connect: Connect, value: str) -> None:
    """The error handler is told, in the order of the events, and what it returns is the acknowledgement."""
    io = make_app()
    told = judged(io)
    client = await joined(host, connect, io)
    await client.send('21["echo",1]', f'22["echo",{value}]', f'2["echo",{value}]', '23["echo",3]')
    assert [await client.receive() for _ in range(5)] == [
        *('2["echo",1]', "31[1]"),
        '32["BadValue"]',
        *('2["echo",3]', "33[3]"),
    ]
    assert [(incoming.name, incoming.args, incoming.wants_ack) for incoming, _ in told] == [
        ("echo", [], True),
        ("echo", [], False),
    ]


async def test_it_reaches_no_middleware_and_no_listener(host: Serve, make_app: App, connect: Connect) -> None:
    io = make_app()
    judged(io)
    reached: list[Any] = []
    io.use_event(lambda socket, incoming: reached.append(incoming.name))
    io.on_any(lambda socket, *data: reached.append(data))
    client = await joined(host, connect, io)
    await client.send('21["echo",1e400]')
    assert await client.receive() == '31["BadValue"]'
    assert reached == []


async def test_without_an_error_handler_it_is_logged(
    host: Serve, make_app: App, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "protocol")
    client = await joined(host, connect, make_app())
    await client.send('21["echo",1e400]', '22["echo"]')
    assert [await client.receive() for _ in range(2)] == ['2["echo"]', "32[]"]
    assert "an event was refused: a number is out of range" in caplog.messages


async def test_an_event_with_attachments(host: Serve, make_app: App, connect: Connect) -> None:
    io = make_app()
    judged(io)
    client = await joined(host, connect, io)
    await client.send('51-1["echo",1e400,{"_placeholder":true,"num":0}]', b"x", '22["echo"]')
    assert [await client.receive() for _ in range(3)] == ['31["BadValue"]', '2["echo"]', "32[]"]


async def test_more_values_than_the_option_allows(host: Serve, make_app: App, connect: Connect) -> None:
    io = make_app(max_values=200)
    told = judged(io)
    client = await joined(host, connect, io)
    await client.send('21["echo",' + ",".join("1" * 200) + "]", '22["echo","' + "," * 5000 + '"]')
    assert await client.receive() == '31["BadValue"]'
    assert await client.receive() == '2["echo","' + "," * 5000 + '"]'
    assert str(told[0][1]) == "more than 200 values"


async def test_a_connect_is_refused(host: Serve, make_app: App, connect: Connect) -> None:
    """Its auth would be kept as long as the socket. The client may ask again."""
    client = await connect(await host(make_app(max_auth=1000)))
    begin = '4{"message":"The payload of CONNECT cannot be taken: '
    for auth, why in (
        ('{"x":1e400}', "a number is out of range"),
        ('{"x":"' + "y" * 1000 + '"}', "more than 1000 bytes to connect with"),
        ('{"x":' + DEEP + "}", "nested more than 64 levels deep"),
    ):
        await client.send("0" + auth)
        assert await client.receive() == f'{begin}{why}"}}'
    await client.join()


async def test_an_ack_of_a_client(host: Serve, make_app: App, connect: Connect) -> None:
    """Who waits for it is told; other acks are not touched."""
    io = make_app()
    client = await joined(host, connect, io)
    (socket,) = await io.local.fetch_sockets()
    assert isinstance(socket, Socket)
    for answer in ("[1e400]", f"[{DEEP}]"):
        asking = asyncio.create_task(socket.emit_with_ack("ask", timeout=10_000))
        question = str(await client.receive())
        await client.send("3" + question[1 : question.index("[")] + answer)
        with pytest.raises(BadValue):
            await asking
    for several in (io, io.local):
        asking = asyncio.create_task(several.timeout(10_000).emit_with_ack("ask"))
        question = str(await client.receive())
        await client.send("3" + question[1 : question.index("[")] + "[1e400]", '2["echo"]')
        with pytest.raises(AckTimeout) as refused:
            await asking
        assert refused.value.responses == []
        assert await client.receive() == '2["echo"]'
    await client.send("3999[1e400]", '2["echo"]')  # of nobody's
    assert await client.receive() == '2["echo"]'


async def test_msgpack(host: Serve, make_app: App, connect: Connect) -> None:
    io = make_app(parser=MSGPACK)
    judged(io)
    client = await connect(await host(io))
    await client.send(msgpack.packb({"type": 0, "nsp": "/"}))
    await client.receive()
    deep: list[Any] = []
    for _ in range(70):
        deep = [deep]
    for number, value in enumerate((float("nan"), float("inf"), deep)):
        await client.send(msgpack.packb({"type": 2, "data": ["echo", value], "nsp": "/", "id": number}))
        answer = msgpack.unpackb(await client.receive())
        assert answer == {"type": 3, "data": ["BadValue"], "nsp": "/", "id": number}


@pytest.mark.parametrize("parser", ["json", "msgpack"])
async def test_a_value_that_a_handler_returns_and_that_cannot_be_sent(
    host: Serve, make_app: App, connect: Connect, parser: str
) -> None:
    """The error handler answers in its place."""
    io = make_app(**({"parser": MSGPACK} if parser == "msgpack" else {}))
    told = judged(io)
    deep: list[Any] = []
    for _ in range(1100):
        deep = [deep]
    values = [deep, 2**64, object(), "half an emoji \ud83d"]
    io.on("give")(lambda socket, number: values[number])
    client = await connect(await host(io))
    if parser == "json":
        await client.join()
        await client.send(*[f'2{number}["give",{number}]' for number in range(4)])
        assert [await client.receive() for _ in values] == [f'3{number}["TypeError"]' for number in range(4)]
    else:
        await client.send(msgpack.packb({"type": 0, "nsp": "/"}))
        await client.receive()
        for number in range(4):
            await client.send(msgpack.packb({"type": 2, "data": ["give", number], "nsp": "/", "id": number}))
            assert msgpack.unpackb(await client.receive())["data"] == ["TypeError"]
    assert [type(error) for _, error in told] == [TypeError] * 4


async def test_our_client_takes_whatever_a_server_can_send(host: Serve, make_app: App) -> None:
    io = make_app()
    deep: list[Any] = []
    for _ in range(200):
        deep = [deep]
    io.on("give")(lambda socket: [deep])
    async with Client((await host(io)).origin) as client:
        assert await client.emit_with_ack("give") == [deep]


async def test_our_client_rejects_alike(host: Serve, make_app: App, caplog: pytest.LogCaptureFixture) -> None:
    """An event is logged, an answer is an error of that one call, and the connection goes on."""

    def spoil(packet: Packet) -> Encoded:
        return Encoded(JSON.encode(packet).text.replace(b'"spoilt"', b"1e400"))

    io = make_app(parser=Parser(spoil, JSON.decode))
    async with Client((await host(io)).origin) as client:
        with pytest.raises(BadValue, match="out of range"):
            await client.emit_with_ack("echo", "spoilt")
        assert await client.emit_with_ack("echo", "good") == "good"
    assert "an event 'echo' of the server cannot be taken: a number is out of range" in caplog.messages
