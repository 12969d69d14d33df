"""Clients that mean ill, each with a good client beside it that must not notice."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

import httpx
import pytest

from protocol.websocket import frames
from protocol.websocket.frames import Opcode
from tests.support.engine_clients import POLLING, Poll, Recorder
from tests.support.hostile_clients import Good, bad_websocket, make_io
from tests.support.raw_websocket import Open, WebSocket, connect, opening, read_answer
from tests.support.running import RAW, Serve
from tests.support.waiting import PATIENCE, until

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
    """Tiny ones, empty ones: the message is put together, where so many may come at once."""
    running = await serve(make_io(seen, control_burst=20_000))
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
    io = make_io(seen, connect_timeout=1_000)
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
    headers = [f"X-{number}: {'x' * 100}" for number in range(90)]
    query = "EIO=4&transport=websocket&" + "&".join("a[b][c]=%" for _ in range(90))
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
    io = make_io(seen, ping_interval=300, ping_timeout=2_000)
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
    assert len(io._local.rooms) == 1
    await beside.check()
