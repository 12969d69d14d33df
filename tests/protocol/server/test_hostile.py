"""Clients that mean ill, each with a good client beside it that must not notice."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

import httpx
import pytest

from protocol import Server, Socket, frames
from protocol.frames import Opcode
from tests.protocol.server.client import POLLING, Client, Recorder, WebSocketClient
from tests.protocol.server.conftest import Connect, Open, Poll, Serve
from tests.protocol.server.running import PATIENCE, RAW, Running, until
from tests.protocol.server.websocket import WebSocket, connect, opening, read_answer

App = Callable[..., Server]
Good: TypeAlias = Callable[[Running], Awaitable["GoodClient"]]


class GoodClient:
    """Keeps exchanging events; `check` waits for some more of them."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._count = 0
        self._task = asyncio.create_task(self._exchange())

    async def _exchange(self) -> None:
        while True:
            await self._client.send(f'2["echo",{self._count}]')
            assert await self._client.receive() == f'2["echo",{self._count}]'
            self._count += 1
            await asyncio.sleep(0.001)

    async def check(self, count: int = 5) -> None:
        wanted = self._count + count
        await until(lambda: self._count >= wanted or self._task.done())
        if self._task.done():
            self._task.result()

    async def close(self) -> None:
        try:
            await self.check()
        finally:
            self._task.cancel()
            await asyncio.wait([self._task])
            await self._client.close()


@pytest.fixture
async def good() -> AsyncIterator[Good]:
    """Lets a good client come, which must be well until the end."""
    clients = []

    async def come(running: Running) -> GoodClient:
        client = await WebSocketClient.open(running)
        await client.join()
        clients.append(GoodClient(client))
        return clients[-1]

    yield come
    for client in clients:
        await client.close()


def make_io(seen: Recorder, **options: object) -> Server:
    """A server that echoes, and records the disconnects of those who were named."""
    io = Server(**options)
    io.on("echo")(lambda socket, *args: socket.emit("echo", *args))
    io.on("name")(lambda socket, name: socket.data.update(name=name))
    io.on("disconnect")(lambda socket, reason: "name" in socket.data and seen(socket.data["name"], reason))
    return io


@contextlib.asynccontextmanager
async def bad_websocket(running: Running, **options: int) -> AsyncIterator[WebSocket]:
    """A websocket of somebody named bad, in the main namespace."""
    socket = await WebSocket.open(running, **options)
    await socket.receive()
    socket.send("40")
    await socket.receive()
    socket.send('42["name","bad"]')
    yield socket
    await socket.close()


# --- packets ---


MALFORMED: list[tuple[str | bytes, ...]] = [
    ("",),
    ("4",),
    ("4abc",),
    ("47",),
    ("4-1",),
    ("42",),
    ("42[",),
    ("42{}",),
    ("42[]",),
    ("42[null]",),
    ("42[[]]",),
    ("42[true]",),
    ('42["a"]x',),
    ('42["connect"]',),
    ('421"a"',),
    ('42-1["a"]',),
    ('42/nowhere,["a"]',),
    ("43[]",),
    ('430"a"',),
    ("43{}",),
    ("44{}",),
    ('45["a"]',),
    ('450-["a"]',),
    ('4511-["a"]',),
    ('4599999-["a"]',),
    ('45999999999999-["a"]',),
    ('45-["a"]',),
    ('451-["a",{"_placeholder":true,"num":1}]', b"x"),
    ('451-["a",{"_placeholder":true,"num":-1}]', b"x"),
    ('451-["a",{"_placeholder":true,"num":"0"}]', b"x"),
    ('451-["a",{"_placeholder":true,"num":true}]', b"x"),
    ('451-["a",{"_placeholder":true,"num":0.5}]', b"x"),
    ('451-["a",{"_placeholder":true}]', b"x"),
    ('451-["a",{"_placeholder":true,"num":0}]', "42[1]"),
    ('451-["a",{"_placeholder":true,"num":0}]', '451-["a"]'),
    (b"stray",),
    (b"",),
    ("42" + "[" * 100_000,),
    ("42[1" + "0" * 5000 + "e]",),
    ('42["a",NaN]',),
    ('42["a",Infinity]',),
    ("421" + "0" * 5000 + '["a"]',),
    ("8",),
    ("é",),
]


async def test_malformed_packets(serve: Serve, seen: Recorder, good: Good) -> None:
    """Each ends its own session and nothing else, with a parse error."""
    running = await serve(make_io(seen, max_attachments=10))
    beside = await good(running)
    for number, messages in enumerate(MALFORMED):
        async with bad_websocket(running) as socket:
            for message in messages:
                socket.send(message)
            assert (await socket.until_close()).code == 1002, messages
        await seen.wait_for_count(number + 1)
        await beside.check(1)
    assert seen.entries == [("bad", "parse error")] * len(MALFORMED)
    assert running.server.sessions == 1


async def test_malformed_payloads(serve: Serve, seen: Recorder, good: Good, poll: Poll) -> None:
    running = await serve(make_io(seen))
    beside = await good(running)
    for number, body in enumerate(
        [
            b"",
            b"4\x1e\x1e4",
            b"b",
            b"b!",
            b"b4",
            b"\xff\xfe",
            b"\x1e" * 1000,
            b"2",
            b"41[]",
            b"45",
            b"99",
            b"bAQID",
        ]
    ):
        client = await poll(running)
        await client.join()
        await client.send('2["name","bad"]')
        assert (await client.post(body)).status_code == 400, body
        await seen.wait_for_count(number + 1)
        await beside.check(1)


async def test_deep_values(serve: Serve, seen: Recorder, good: Good) -> None:
    """A value that decodes and cannot be encoded again is its sender's trouble alone."""
    running = await serve(make_io(seen))
    beside = await good(running)
    for depth in (100, 250, 300, 1000, 1500):
        async with bad_websocket(running) as socket:
            socket.send('42["echo",' + "[" * depth + "]" * depth + "]")
            socket.send('42["echo"]')
            await socket.receive()
        await beside.check(1)


# --- sizes ---


async def test_oversized_messages(serve: Serve, seen: Recorder, good: Good) -> None:
    """Refused by their header alone, on the fast shell, before there is anything to hold."""
    running = await serve(make_io(seen, max_payload=10_000))
    beside = await good(running)
    async with bad_websocket(running) as socket:
        if running.shell == RAW:
            socket.write(b"\x81\xff" + (1 << 40).to_bytes(8, "big") + b"mask")
        else:
            socket.send("4" + "x" * 10_000)
        assert (await socket.until_close()).code == 1009
    await seen.wait_for("bad", "transport error")
    await beside.check()


async def test_a_body_without_end(serve: Serve, seen: Recorder, good: Good, poll: Poll) -> None:
    """Its connection is closed at some point; the session is not concerned."""
    running = await serve(make_io(seen, max_payload=10_000))
    beside = await good(running)
    client = await poll(running)
    await client.join()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"4" * 1000

    with contextlib.suppress(httpx.ReadError):  # the answer may be lost with the connection
        response = await client.http.post(client.url, content=endless())
        assert response.status_code == 413
    await beside.check()
    await client.send('2["echo"]')
    assert await client.receive() == '2["echo"]'


async def test_ten_thousand_fragments(serve: Serve, seen: Recorder, good: Good) -> None:
    """Tiny ones, empty ones: the message is put together."""
    running = await serve(make_io(seen))
    beside = await good(running)
    text = '42["echo","' + "x" * 9_987 + '"]'
    async with bad_websocket(running) as socket:
        for position, letter in enumerate(text):
            opcode = Opcode.TEXT if position == 0 else Opcode.CONTINUATION
            socket.send_frame(opcode, letter.encode(), fin=False)
            if position % 1000 == 0:
                socket.send_frame(Opcode.CONTINUATION, b"", fin=False)
                await socket.writer.drain()
        socket.send_frame(Opcode.CONTINUATION)
        assert await socket.receive() == text
    await beside.check()


async def test_many_attachments(serve: Serve, seen: Recorder, good: Good) -> None:
    running = await serve(make_io(seen, max_attachments=3))
    beside = await good(running)
    async with bad_websocket(running) as socket:
        header = ",".join(f'{{"_placeholder":true,"num":{number}}}' for number in range(3))
        socket.send(f'453-["echo",{header}]')
        for _ in range(3):
            socket.send(b"x")
        assert await socket.receive() == f'453-["echo",{header}]'
        assert [await socket.receive() for _ in range(3)] == [b"x"] * 3
        socket.send('454-["echo"]')
        assert (await socket.until_close()).code == 1002
    await seen.wait_for("bad", "parse error")
    await beside.check()


async def test_attachments_that_do_not_come(serve: Serve, seen: Recorder, good: Good) -> None:
    """The client waits for its own event; the heartbeat goes on."""
    running = await serve(make_io(seen, ping_interval=200, ping_timeout=100))
    async with bad_websocket(running) as socket:
        socket.send('451-["echo",{"_placeholder":true,"num":0}]')
        await seen.wait_for("bad", "ping timeout")


# --- clients that do not read, or do not answer ---


async def test_a_websocket_that_is_never_read(serve: Serve, seen: Recorder, good: Good) -> None:
    """Closed once more than `max_buffered` waits for it."""
    io = make_io(seen, max_buffered=200_000)
    running = await serve(io)
    beside = await good(running)
    async with bad_websocket(running, receive_buffer=4096) as socket:
        socket.send('42["echo"]')
        await socket.receive()
        (victim,) = [known for known in io.sockets.values() if known.data]
        async with asyncio.timeout(PATIENCE):
            while victim.connected:
                await io.to(victim.id).emit("fill", "x" * 50_000)
                await asyncio.sleep(0)
                assert victim.link.transport.buffered < 400_000
        await seen.wait_for("bad", "transport error")
        await beside.check()


async def test_a_client_that_never_fetches(serve: Serve, seen: Recorder, good: Good, poll: Poll) -> None:
    """The same, over polling."""
    io = make_io(seen, max_buffered=200_000)
    running = await serve(io)
    beside = await good(running)
    client = await poll(running)
    sid = await client.join()
    await client.send('2["name","bad"]')
    socket = io.sockets[sid]
    async with asyncio.timeout(PATIENCE):
        while socket.connected:
            await io.to(sid).emit("fill", "x" * 50_000)
            await asyncio.sleep(0)
            assert socket.link.session.queued < 400_000
    await seen.wait_for("bad", "transport error")
    assert (await client.get()).status_code == 400
    await beside.check()


async def test_one_event_larger_than_the_buffer(serve: Serve, seen: Recorder, good: Good, poll: Poll) -> None:
    """Whoever reads gets it."""
    io = make_io(seen, max_buffered=1000)
    running = await serve(io)
    client = await WebSocketClient.open(running)
    await client.join()
    await io.emit("large", "x" * 300_000)
    assert len(await client.receive()) == 300_013
    await client.close()


async def test_a_flood_of_pings_that_reads_no_pong(serve: Serve, seen: Recorder, good: Good) -> None:
    running = await serve(make_io(seen, max_buffered=50_000))
    beside = await good(running)
    async with bad_websocket(running, receive_buffer=4096) as socket:
        pings = frames.encode(Opcode.PING, b"x" * 125, mask=b"mask") * 500
        socket.writer.transport.set_write_buffer_limits(high=100_000)
        ended = False

        async def flood() -> None:
            while not ended:
                socket.write(pings)
                await socket.writer.drain()

        flooding = asyncio.create_task(flood())
        if running.shell == RAW:
            await asyncio.wait([flooding], timeout=PATIENCE)
            assert isinstance(flooding.exception(), ConnectionError)
            await seen.wait_for("bad", "transport close")
        await beside.check()
        ended = True
        flooding.cancel()
        await asyncio.wait([flooding])


async def test_a_flood_of_events_that_reads_no_echo(serve: Serve, seen: Recorder, good: Good) -> None:
    """What is waiting for the client is bounded, by its end."""
    running = await serve(make_io(seen, max_buffered=200_000))
    beside = await good(running)
    async with bad_websocket(running, receive_buffer=4096) as socket:
        event = frames.encode(Opcode.TEXT, b'42["echo","' + b"x" * 10_000 + b'"]', mask=b"mask")

        async def flood() -> None:
            while True:
                socket.write(event)
                await socket.writer.drain()

        flooding = asyncio.create_task(flood())
        await seen.wait_for("bad", "transport error")
        await beside.check()
        flooding.cancel()
        await asyncio.wait([flooding])


async def test_one_that_never_pongs(serve: Serve, seen: Recorder, good: Good, poll: Poll) -> None:
    running = await serve(make_io(seen, ping_interval=200, ping_timeout=300))
    beside = await good(running)
    async with bad_websocket(running):
        await seen.wait_for("bad", "ping timeout")
    client = await poll(running)
    await client.join()
    await client.send('2["name","poller"]')
    await seen.wait_for("poller", "ping timeout")
    await beside.check()
    assert running.server.sessions == 1


async def test_one_that_does_not_answer_the_close(serve: Serve, seen: Recorder, good: Good) -> None:
    """What it sends after it is not handled."""
    io = make_io(seen)
    running = await serve(io)
    beside = await good(running)
    async with bad_websocket(running) as socket:
        socket.send('42["echo"]')
        await socket.receive()
        (victim,) = [known for known in io.sockets.values() if known.data]
        await victim.disconnect(close=True)
        assert (await socket.until_close()).code == 1000
        for _ in range(100):
            socket.send('42["echo"]')
        await beside.check()
    assert seen.entries == [("bad", "server namespace disconnect")]


# --- handlers ---


async def test_a_handler_that_raises(
    host: Serve, connect: Connect, seen: Recorder, good: Good, caplog: pytest.LogCaptureFixture
) -> None:
    io = make_io(seen)

    @io.on("fail")
    async def fail(socket: Socket) -> None:
        raise LookupError

    running = await host(io)
    beside = await good(running)
    client = await connect(running)
    await client.join()
    await client.send(*['21["fail"]'] * 20, '2["echo"]')
    assert await client.receive() == '2["echo"]'
    assert caplog.text.count("a handler of 'fail' failed") == 20
    await beside.check()


async def test_a_handler_that_does_not_end(
    host: Serve, connect: Connect, seen: Recorder, good: Good, way: str
) -> None:
    """Its client's events wait, a bounded number of them; then the client is not read any more, until there
    is room. Its heartbeat is not held against it meanwhile."""
    io = make_io(seen, max_pending_events=8, ping_interval=100, ping_timeout=300)
    end = asyncio.Event()
    handled = 0

    @io.on("stuck")
    async def stuck(socket: Socket) -> None:
        seen("stuck")
        await end.wait()

    @io.on("count")
    async def count(socket: Socket, number: int, _: str) -> None:
        nonlocal handled
        assert number == handled
        handled += 1
        if number == 299:
            seen("all")

    running = await host(io)
    beside = await good(running)
    client = await connect(running)
    sid = await client.join()
    link = io.sockets[sid].link
    await client.send('2["stuck"]')
    await seen.wait_for("stuck")
    events = [f'2["count",{number},"{"x" * 10_000}"]' for number in range(300)]
    if way == "polling":
        sending = [asyncio.create_task(client.send(*events[:80]))]
    else:
        sending = []
        await client.send(*events)
    await until(lambda: link.paused)
    await asyncio.sleep(0.6)  # a heartbeat and more
    await beside.check()
    assert handled == 0
    assert io.sockets[sid].connected
    end.set()
    for task in sending:
        await task
    if way == "polling":
        for start in range(80, 300, 80):
            await client.send(*events[start : start + 80])
    reading = asyncio.create_task(client.receive())
    await seen.wait_for("all")
    await io.to(sid).emit("done")
    assert await reading == '2["done"]'


async def test_a_post_that_waits_for_room_ends_with_the_session(
    serve: Serve, poll: Poll, seen: Recorder, good: Good
) -> None:
    io = make_io(seen, max_pending_events=4)
    end = asyncio.Event()

    @io.on("stuck")
    async def stuck(socket: Socket) -> None:
        seen("stuck")
        await end.wait()

    running = await serve(io)
    beside = await good(running)
    client = await poll(running)
    sid = await client.join()
    posting = asyncio.create_task(client.post("\x1e".join(['42["stuck"]'] * 20)))
    await seen.wait_for("stuck")
    await beside.check()
    assert not posting.done()
    await io.to(sid).disconnect_sockets(close=True)
    await posting
    end.set()


# --- connections ---


async def test_half_open_handshakes(serve: Serve, seen: Recorder, good: Good) -> None:
    """Connections that say nothing, or half of a request."""
    running = await serve(make_io(seen))
    beside = await good(running)
    writers = []
    for number in range(50):
        _, writer = await connect(running.port)
        writer.write(opening(running)[: number * 3])
        writers.append(writer)
    await beside.check()
    assert running.server.sessions == 1
    for writer in writers:
        writer.transport.abort()
    await beside.check()


async def test_websockets_that_never_join(serve: Serve, seen: Recorder, good: Good) -> None:
    io = make_io(seen, connect_timeout=300)
    running = await serve(io)
    beside = await good(running)
    sockets = [await WebSocket.open(running) for _ in range(20)]
    for socket in sockets:
        await socket.until_close()
        await socket.close()
    await beside.check()
    await until(lambda: io.sessions == 1)


async def test_large_headers(serve: Serve, seen: Recorder, good: Good) -> None:
    """Many, and long ones, with a query that would take long if it were parsed carelessly."""
    running = await serve(make_io(seen))
    beside = await good(running)
    headers = [f"X-{number}: {'x' * 100}" for number in range(100)]
    query = "EIO=4&transport=websocket&" + "&".join("a[b][c]=%" for _ in range(500))
    socket = await WebSocket.open(running, query, headers=headers)
    assert str(await socket.receive()).startswith("0{")
    await socket.close()
    await beside.check()


@pytest.mark.parametrize("shell", [RAW], indirect=True)
async def test_bytes_that_come_with_the_handshake(serve: Serve, seen: Recorder, good: Good) -> None:
    """A client has to wait for the answer; one that does not gets it all the same."""
    running = await serve(make_io(seen))
    beside = await good(running)
    reader, writer = await connect(running.port)
    writer.write(opening(running) + frames.encode(Opcode.TEXT, b"40", mask=os.urandom(4)))
    assert (await read_answer(reader)).status == 101
    writer.close()
    await beside.check()


async def test_a_body_that_comes_slowly(serve: Serve, seen: Recorder, good: Good, poll: Poll) -> None:
    """The session does not wait longer for it than for a pong, and the connection ends with it."""
    io = make_io(seen, ping_interval=300, ping_timeout=200)
    running = await serve(io)
    beside = await good(running)
    client = await poll(running)
    await client.join()
    await client.send('2["name","bad"]')
    reader, writer = await connect(running.port)
    head = (
        f"POST {running.path}?{POLLING}&sid={client.sid} HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n"
    )
    writer.write(head.encode())

    async def drip() -> None:
        while True:
            writer.write(b"4")
            await asyncio.sleep(0.01)

    dripping = asyncio.create_task(drip())
    ((_, reason),) = await seen.wait_for_count(1)
    assert reason in ("ping timeout", "transport error")
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(PATIENCE):
            answer = await reader.read(-1)
        assert answer.startswith(b"HTTP/1.1 408 ")
    dripping.cancel()
    await asyncio.wait([dripping])
    writer.transport.abort()
    await beside.check()


async def test_many_sessions_that_break_off(
    serve: Serve, seen: Recorder, good: Good, open_websocket: Open
) -> None:
    """Nothing of them stays."""
    io = make_io(seen)
    running = await serve(io)
    beside = await good(running)
    for number in range(100):
        async with bad_websocket(running) as socket:
            if number % 2:
                socket.write(b"\x81\xfe\xff\xff1234half a frame")
    await seen.wait_for_count(100)
    await until(lambda: io.sessions == 1)
    assert len(io.sockets) == 1
    assert len(io.rooms) == 1
    await beside.check()
