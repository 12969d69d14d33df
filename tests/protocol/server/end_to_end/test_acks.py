"""Acknowledgements, in both directions (docs/protocol.md §2)."""

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from protocol import NO_ACK, AckTimeout, Disconnected, Incoming, Server, Socket
from tests.support.engine_clients import Client, Connect, Recorder
from tests.support.running import Serve
from tests.support.waiting import until

App = Callable[..., Server]

pytestmark = pytest.mark.usefixtures("way")


async def joined_socket(host: Serve, connect: Connect, io: Server) -> tuple[Client, Socket]:
    client = await connect(await host(io))
    sid = await client.join()
    return client, io.sockets[sid]


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        (None, "[]"),
        (1, "[1]"),
        ("€", '["€"]'),
        (False, "[false]"),
        ([1, 2], "[[1,2]]"),
        ((1, 2), "[1,2]"),
        ((), "[]"),
        ((None,), "[null]"),
        ({"a": None}, '[{"a":null}]'),
    ],
)
async def test_what_a_handler_returns(
    host: Serve, make_app: App, connect: Connect, value: Any, answer: str
) -> None:
    io = make_app()

    @io.on("ask")
    async def ask(socket: Socket) -> Any:
        return value

    client, _ = await joined_socket(host, connect, io)
    await client.send('27["ask"]')
    assert await client.receive() == f"37{answer}"


@pytest.mark.parametrize("fails", [False, True])
async def test_a_handler_may_leave_an_event_without_an_acknowledgement(
    host: Serve, make_app: App, connect: Connect, fails: bool
) -> None:
    io = make_app()

    @io.on("ask")
    async def ask(socket: Socket, answers: bool) -> Any:
        if answers:
            return "yes"
        if fails:
            raise ValueError
        return NO_ACK

    @io.on_error
    async def judge(_socket: Socket, _incoming: Incoming, _error: Exception) -> Any:
        return NO_ACK

    client, _ = await joined_socket(host, connect, io)
    await client.send('27["ask",false]', '28["ask",true]')
    assert await client.receive() == '38["yes"]'


@pytest.mark.parametrize("number", [0, 1, 10, 123456, 2**53 - 1])
async def test_ack_ids(host: Serve, make_app: App, connect: Connect, number: int) -> None:
    io = make_app()
    io.of("/custom").on("ask")(lambda _: True)
    client, _ = await joined_socket(host, connect, io)
    await client.join("/custom")
    await client.send(f'2/custom,{number}["ask"]')
    assert await client.receive() == f"3/custom,{number}[true]"


async def test_an_ack_id_that_is_too_large_closes(
    host: Serve, make_app: App, connect: Connect, seen: Recorder
) -> None:
    client, _ = await joined_socket(host, connect, make_app())
    await client.provoke(f'2{2**53}["echo"]')
    await seen.wait_for("disconnect", "parse error")


async def test_no_ack_where_none_is_wanted(host: Serve, make_app: App, connect: Connect) -> None:
    client, _ = await joined_socket(host, connect, make_app())
    await client.send('2["echo"]', '2["echo"]')
    assert [await client.receive() for _ in range(2)] == ['2["echo"]'] * 2


async def test_binary_acks(host: Serve, make_app: App, connect: Connect) -> None:
    client, socket = await joined_socket(host, connect, make_app())
    await client.send('51-9["echo",{"_placeholder":true,"num":0}]', b"\x01")
    placeholder = '{"_placeholder":true,"num":0}'
    expected = [f'51-["echo",{placeholder}]', b"\x01", f"61-9[{placeholder}]", b"\x01"]
    assert [await client.receive() for _ in range(4)] == expected
    asking = asyncio.create_task(socket.emit_with_ack("ask", b"\x02"))
    assert [await client.receive() for _ in range(2)] == [f'51-0["ask",{placeholder}]', b"\x02"]
    await client.send(f"61-0[{placeholder}]", b"\x03")
    assert await asking == b"\x03"


@pytest.mark.parametrize(
    ("answer", "value"), [("[]", None), ("[1]", 1), ("[1,2]", 1), ("[null]", None), ('[{"a":[]}]', {"a": []})]
)
async def test_what_a_client_answers(
    host: Serve, make_app: App, connect: Connect, answer: str, value: Any
) -> None:
    client, socket = await joined_socket(host, connect, make_app())
    asking = asyncio.create_task(socket.emit_with_ack("ask", 1, timeout=10_000))
    assert await client.receive() == '20["ask",1]'
    await client.send(f"30{answer}")
    assert await asking == value


async def test_answers_in_another_order(host: Serve, make_app: App, connect: Connect) -> None:
    """Ids count up in a namespace, over all its sockets."""
    client, socket = await joined_socket(host, connect, make_app())
    asking = [asyncio.create_task(socket.emit_with_ack("ask", number)) for number in range(3)]
    assert [await client.receive() for _ in range(3)] == [f'2{number}["ask",{number}]' for number in range(3)]
    await client.send('32["two"]', '30["zero"]', '31["one"]')
    assert await asyncio.gather(*asking) == ["zero", "one", "two"]


async def test_an_ack_counts_once(host: Serve, make_app: App, connect: Connect) -> None:
    """What comes again, or was never asked for, is ignored."""
    client, socket = await joined_socket(host, connect, make_app())
    asking = asyncio.create_task(socket.emit_with_ack("ask"))
    await client.receive()
    await client.send('30["first"]', '30["second"]', '35["unasked"]')
    assert await asking == "first"
    asking = asyncio.create_task(socket.emit_with_ack("ask"))
    assert await client.receive() == '21["ask"]'
    await client.send('31["third"]')
    assert await asking == "third"


async def test_a_client_that_does_not_answer(host: Serve, make_app: App, connect: Connect) -> None:
    client, socket = await joined_socket(host, connect, make_app())
    with pytest.raises(AckTimeout, match="operation has timed out"):
        await socket.emit_with_ack("ask", timeout=10)
    await client.receive()
    await client.send("30[]", '2["echo"]')
    assert await client.receive() == '2["echo"]'


@pytest.mark.parametrize("how", ["leave", "go"])
async def test_a_client_that_goes_before_it_answers(
    host: Serve, make_app: App, connect: Connect, how: str
) -> None:
    client, socket = await joined_socket(host, connect, make_app())
    asking = asyncio.create_task(socket.emit_with_ack("ask"))
    await client.receive()
    await (client.send("1") if how == "leave" else client.provoke("bad"))
    with pytest.raises(Disconnected):
        await asking
    with pytest.raises(Disconnected):
        await socket.emit_with_ack("ask")


async def test_asking_from_within_a_handler(host: Serve, make_app: App, connect: Connect) -> None:
    """The answer does not wait behind the event that is being handled."""
    io = make_app()

    @io.on("start")
    async def start(socket: Socket) -> Any:
        return await socket.emit_with_ack("what", timeout=10_000)

    client, _ = await joined_socket(host, connect, io)
    await client.send('21["start"]')
    assert await client.receive() == '20["what"]'
    await client.send('30["this"]')
    assert await client.receive() == '31["this"]'


async def test_asking_with_many_events_behind(
    host: Serve, make_app: App, connect: Connect, seen: Recorder
) -> None:
    """The answer comes behind more events than may wait for their handlers otherwise."""
    io = make_app(max_pending_events=4)

    @io.on("start")
    async def start(socket: Socket) -> Any:
        seen("started")
        await go_on.wait()
        return await socket.emit_with_ack("what")

    @io.on("event")
    async def event(_socket: Socket, number: int) -> int:
        return number

    async def send_events() -> None:
        for number in range(20):
            await client.send(f'2{number + 1000}["event",{number}]')

    go_on = asyncio.Event()
    client, socket = await joined_socket(host, connect, io)
    await client.send('21["start"]')
    await seen.wait_for("started")
    sending = asyncio.create_task(send_events())
    await until(lambda: socket._local.link.paused)
    go_on.set()
    assert await client.receive() == '20["what"]'
    await sending
    await client.send('30["this"]')
    assert await client.receive() == '31["this"]'
    assert [await client.receive() for _ in range(20)] == [
        f"3{number + 1000}[{number}]" for number in range(20)
    ]


async def test_a_handler_that_is_done_after_its_client_left(
    host: Serve, make_app: App, connect: Connect, seen: Recorder
) -> None:
    """Its ack has nowhere to go."""
    io = make_app()

    @io.on("slow")
    async def slow(socket: Socket) -> str:
        seen("started")
        while socket.connected:  # noqa: ASYNC110  nothing tells of it
            await asyncio.sleep(0.01)
        return "done"

    client, _ = await joined_socket(host, connect, io)
    await client.send('21["slow"]', "1")
    await seen.wait_for("started")
    await client.send("0")
    assert str(await client.receive()).startswith('0{"sid"')
    await client.send('2["echo"]')
    assert await client.receive() == '2["echo"]'


# --- broadcast ---


async def crowd(host: Serve, connect: Connect, io: Server, size: int = 3) -> list[Client]:
    running = await host(io)
    clients = [await connect(running) for _ in range(size)]
    for number, client in enumerate(clients):
        await io.sockets[await client.join()].join("room", f"room {number}")
    return clients


async def answer(client: Client, value: Any) -> None:
    """Answer the event that comes."""
    message = str(await client.receive())
    number = message[1 : message.index("[")]
    await client.send(f"3{number}{orjson.dumps([value]).decode()}")


async def test_broadcast_with_acks(host: Serve, make_app: App, connect: Connect) -> None:
    io = make_app()
    clients = await crowd(host, connect, io)
    asking = asyncio.create_task(io.timeout(10_000).emit_with_ack("ask"))
    for number, client in enumerate(clients):
        await answer(client, number)
    assert sorted(await asking) == [0, 1, 2]
    asking = asyncio.create_task(io.to("room").except_("room 1").emit_with_ack("ask", b"x"))
    for client in (clients[0], clients[2]):
        assert await client.receive() == '51-1["ask",{"_placeholder":true,"num":0}]'
        assert await client.receive() == b"x"
        await client.send("31[]")
    assert await asking == [None, None]
    assert await io.to("nowhere").timeout(10_000).emit_with_ack("ask") == []
    asking = asyncio.create_task(io.emit_with_ack("ask"))
    for number, client in enumerate(clients):
        await answer(client, number)
    assert sorted(await asking) == [0, 1, 2]


async def test_broadcast_with_acks_that_do_not_all_come(host: Serve, make_app: App, connect: Connect) -> None:
    """The answers that came are in the exception; late ones are ignored."""
    io = make_app()
    clients = await crowd(host, connect, io)
    asking = asyncio.create_task(io.timeout(500).emit_with_ack("ask"))
    await answer(clients[0], "here")
    with pytest.raises(AckTimeout) as timeout:
        await asking
    assert timeout.value.responses == ["here"]
    await answer(clients[1], "late")
    await clients[1].send('2["echo"]')
    assert await clients[1].receive() == '2["echo"]'


async def test_broadcast_with_acks_to_one_that_goes(host: Serve, make_app: App, connect: Connect) -> None:
    """Nobody waits for it any longer."""
    io = make_app()
    clients = await crowd(host, connect, io, 2)
    asking = asyncio.create_task(io.local.emit_with_ack("ask"))
    await answer(clients[0], "here")
    await clients[1].receive()
    await clients[1].send("1")
    with pytest.raises(AckTimeout, match="left") as timeout:
        await asking
    assert timeout.value.responses == ["here"]


async def test_asking_what_cannot_be_sent(host: Serve, make_app: App, connect: Connect) -> None:
    """Nobody is left waiting for the answer."""
    _, socket = await joined_socket(host, connect, make_app())
    with pytest.raises(TypeError):
        await socket.emit_with_ack("ask", object())
    with pytest.raises(ValueError, match="reserved"):
        await socket.emit_with_ack("disconnect")
    assert socket._local.client.connection.take_acks("/") == []
