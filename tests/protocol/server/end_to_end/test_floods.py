"""Clients that send much: each is read in parts, so that others have their turn; one that only makes work is closed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from protocol import CloseReason, Incoming, Server, Socket
from protocol.websocket.frames import Opcode, encode
from protocol.websocket.messages import Close
from tests.support.engine_clients import Client, Connect, Poll, PollingClient, Recorder
from tests.support.hostile_clients import Good, bad_websocket, make_io
from tests.support.raw_websocket import Open, WebSocket
from tests.support.running import RAW, Running, Serve
from tests.support.waiting import until

MASK = b"mask"


def text(message: str) -> bytes:
    return encode(Opcode.TEXT, message.encode(), mask=MASK)


# What makes work and has no effect, as the bytes of websocket frames; those that a server in front of the plain shell
# keeps to itself are of no kind there.
FRAMES = {
    "pings": encode(Opcode.PING, b"", mask=MASK),
    "pongs": encode(Opcode.PONG, b"", mask=MASK),
    "fragments": encode(Opcode.CONTINUATION, b"", mask=MASK, fin=False),
}
PACKETS = {
    "noops": "6",
    "engine pongs": "3",
    "acks of nothing": '43/other,7["x"]',
}


@contextlib.asynccontextmanager
async def flooding(socket: WebSocket, data: bytes) -> AsyncIterator[None]:
    """Sends the same data again and again, many times faster than the servers here allow."""

    async def flood() -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                socket.write(data * 20)
                await socket.writer.drain()
                await asyncio.sleep(0.005)

    task = asyncio.create_task(flood())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def server(seen: Recorder, rate: int = 200, burst: int = 100, **options: Any) -> Server:
    io = make_io(seen, control_rate=rate, control_burst=burst, **options)
    io.of("/other")
    return io


async def join_others(socket: WebSocket) -> None:
    socket.send("40/other,")
    await socket.receive()


@pytest.mark.parametrize("kind", [*FRAMES, *PACKETS])
async def test_a_flood_without_effect_is_closed(serve: Serve, seen: Recorder, good: Good, kind: str) -> None:
    running = await serve(server(seen))
    if kind in FRAMES and running.shell != RAW:
        pytest.skip("the server in front handles these frames")
    beside = await good(running)
    async with bad_websocket(running) as socket:
        await join_others(socket)
        if kind == "fragments":
            socket.send_frame(Opcode.TEXT, b"4", fin=False)
        data = FRAMES[kind] if kind in FRAMES else text(PACKETS[kind])
        async with flooding(socket, data):
            await seen.wait_for("bad", CloseReason.FLOOD)
        assert await socket.until_close() == Close(1008, "too many control packets")
        socket.send_frame(Opcode.CLOSE)
    await beside.check()
    assert seen.entries == [("bad", CloseReason.FLOOD)]


async def test_a_client_that_comes_and_goes_all_the_time_is_closed(
    serve: Serve, seen: Recorder, good: Good
) -> None:
    """It joins and leaves a namespace, as often as it is let."""
    running = await serve(server(seen, rate=10, burst=10))
    beside = await good(running)
    async with bad_websocket(running) as socket:
        message: Any = ""
        while not isinstance(message, Close):
            socket.send("40/other,")
            message = await socket.receive()
            socket.send("41/other,")
        assert message.code == 1008
        socket.send_frame(Opcode.CLOSE)
    await seen.wait_for("bad", CloseReason.FLOOD)
    await beside.check()


async def test_a_flood_over_polling_is_closed(serve: Serve, seen: Recorder, good: Good, poll: Poll) -> None:
    running = await serve(server(seen))
    beside = await good(running)
    client = await poll(running)
    await client.join()
    await client.send('2["name","bad"]')
    statuses = set()
    while 400 not in statuses:
        statuses.add((await client.post("\x1e".join(["6"] * 60))).status_code)
    await seen.wait_for("bad", CloseReason.FLOOD)
    assert statuses == {200, 400}
    await beside.check()


async def test_a_client_with_a_few_control_packets_is_not_slowed(
    serve: Serve, seen: Recorder, open_websocket: Open
) -> None:
    """Those of an honest client, which pings at times and answers each ping of the server."""
    running = await serve(server(seen, ping_interval=20, ping_timeout=5_000))
    socket = await open_websocket(running)
    await socket.receive()
    socket.send("40")
    pongs = 0
    while pongs < 20:
        message = await socket.receive()
        if message == "2":
            socket.send("3")
            socket.write(FRAMES["pings"])
            pongs += 1
    socket.send('42["echo"]')
    while await socket.receive() != '42["echo"]':
        pass
    assert running.server.sessions == 1


async def test_all_events_of_one_write_arrive_in_order(host: Serve, connect: Connect) -> None:
    """However many come at once: what is not handled in one turn is in a later one."""
    received: list[int] = []
    io = Server()
    io.on("count")(lambda _, number: received.append(number))
    io.on("end")(lambda _: len(received))
    client = await connect(await host(io))
    await client.join()
    await client.send(*[f'2["count",{number}]' for number in range(3_000)], '20["end"]')
    while await client.receive() != "30[3000]":
        pass
    assert received == list(range(3_000))


async def test_much_of_one_client_leaves_turns_to_another(serve: Serve, open_websocket: Open) -> None:
    """The other one's event is handled before all of the first one's are, although these came before it."""
    order: list[str] = []
    io = Server(max_pending_events=100_000)
    io.on("many")(lambda _: order.append("many"))
    io.on("one")(lambda _: order.append("one"))
    running = await serve(io)
    many, one = [await open_websocket(running) for _ in range(2)]
    for socket in (many, one):
        await socket.receive()
        socket.send("40")
        await socket.receive()
    many.write(text('42["many"]') * 20_000)
    await until(lambda: order)
    one.send('42["one"]')
    await until(lambda: len(order) == 20_001)
    assert order.index("one") < 20_000


async def test_what_waits_for_a_slow_handler_is_bounded_by_its_size(
    host: Serve, connect: Connect, seen: Recorder
) -> None:
    """Large events, and those of many values, are few that wait, and nothing of them is lost."""
    free = asyncio.Event()
    io = Server(max_pending_events=16)

    @io.on("large")
    async def large(socket: Socket, value: Any) -> None:
        await free.wait()
        seen(len(value))

    client = await connect(await host(io))
    await client.join()
    # Of what one read of a socket brings, every event is taken: no read brings the whole of the longer ones.
    events = ['2["large",[' + ",".join(["[]"] * 5_000) + "]]", '2["large","' + "x" * 300_000 + '"]'] * 5
    sending = asyncio.create_task(send_all(client, events))
    (socket,) = io.sockets.values()
    await until(lambda: socket._local.link.paused)
    assert len(socket._local.client._inbox) <= 2
    free.set()
    await sending
    assert sorted(await seen.wait_for_count(10)) == [5_000] * 5 + [300_000] * 5


async def send_all(client: Client, events: list[str]) -> None:
    if isinstance(client, PollingClient):
        for event in events:  # each as large as a request may be
            await client.send(event)
    else:
        await client.send(*events)


# --- before a client has shown who it is ---


def guarded(seen: Recorder) -> Server:
    """A server that takes 1,000 bytes from strangers."""
    io = make_io(seen, max_untrusted_payload=1_000)
    io.on("trust")(lambda socket: socket.trust())
    return io


async def test_a_stranger_may_send_less(host: Serve, connect: Connect, seen: Recorder) -> None:
    client = await connect(await host(guarded(seen)))
    await client.join()
    await client.send('2["echo","' + "x" * 900 + '"]')
    await client.receive()
    await client.send('2["name","stranger"]')
    await client.provoke('2["echo","' + "x" * 1_000 + '"]')
    await seen.wait_for_count(1)


async def test_who_is_trusted_may_send_more(host: Serve, connect: Connect, seen: Recorder) -> None:
    client = await connect(await host(guarded(seen)))
    await client.join()
    await client.send('2["trust"]', '2["echo"]')
    assert await client.receive() == '2["echo"]'
    event = '2["echo","' + "x" * 100_000 + '"]'
    await client.send(event)
    assert await client.receive() == event


async def test_a_stranger_may_send_fewer_values(host: Serve, connect: Connect, seen: Recorder) -> None:
    io = make_io(seen, max_untrusted_payload=10_000)
    io.on("trust")(lambda socket: socket.trust())

    @io.on_error
    async def judge(_socket: Socket, _incoming: Incoming, error: Exception) -> str:
        return str(error)

    client = await connect(await host(io))
    await client.join()
    many = "[" + ",".join(["[]"] * 600) + "]"
    await client.send(f'21["echo",{many}]')
    assert await client.receive() == '31["more than 1000 values"]'
    await client.send('2["trust"]', '2["echo"]')
    assert await client.receive() == '2["echo"]'
    await client.send(f'2["echo",{many}]')
    assert await client.receive() == f'2["echo",{many}]'


@pytest.mark.parametrize("trusted", [False, True])
async def test_the_limit_stays_through_an_upgrade(
    serve: Serve, seen: Recorder, poll: Poll, trusted: bool
) -> None:
    running: Running = await serve(guarded(seen))
    client = await poll(running)
    await client.join()
    if trusted:
        await client.send('2["trust"]', '2["echo"]')
        await client.receive()
    socket = await WebSocket.open(running, f"EIO=4&transport=websocket&sid={client.sid}")
    try:
        socket.send("2probe")
        assert await socket.receive() == "3probe"
        socket.send("5")
        event = '42["echo","' + "x" * 2_000 + '"]'
        socket.send(event)
        if trusted:
            assert await socket.receive() == event
        else:
            assert (await socket.until_close()).code == 1009
    finally:
        await socket.close()
