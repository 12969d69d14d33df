"""Clients that do not read or do not answer, and handlers that fail or do not end; each with a good client
beside it that must not notice."""

import asyncio

import pytest

from protocol import Socket
from protocol.websocket import frames
from protocol.websocket.frames import Opcode
from tests.support.engine_clients import Connect, Poll, Recorder, WebSocketClient
from tests.support.hostile_clients import Good, bad_websocket, make_io
from tests.support.running import RAW, Serve
from tests.support.waiting import PATIENCE, until

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
                assert victim._local.link.transport.buffered < 400_000
        await seen.wait_for("bad", "too slow")
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
            assert socket._local.link.session.queued < 400_000
    await seen.wait_for("bad", "too slow")
    assert (await client.get()).status_code == 400
    await beside.check()


async def test_a_client_that_has_much_to_fetch_when_its_session_ends(
    serve: Serve, seen: Recorder, poll: Poll
) -> None:
    """It is too late to end it as too slow, and nothing is done until it fetches or is forgotten."""
    io = make_io(seen, max_buffered=100_000)
    client = await poll(await serve(io))
    socket = io.sockets[await client.join()]
    await socket.emit("fill", "x" * 200_000)
    await socket.disconnect(close=True)
    await asyncio.sleep(0)
    before = io._hub.flushes
    await asyncio.sleep(0.1)
    assert io._hub.flushes - before < 10
    fetched = await client.get()
    assert (fetched.status_code, len(fetched.text) > 200_000) == (200, True)


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
    running = await serve(make_io(seen, max_buffered=50_000, control_burst=1_000_000))
    beside = await good(running)
    async with bad_websocket(running, receive_buffer=4096) as socket:
        pings = frames.encode(Opcode.PING, b"x" * 125, mask=b"mask") * 500
        socket.writer.transport.set_write_buffer_limits(high=100_000)

        async def flood() -> None:
            for _ in range(1_000 if running.shell == RAW else 20):  # the other one would take them for ever
                socket.write(pings)
                await socket.writer.drain()

        flooding = asyncio.create_task(flood())
        if running.shell == RAW:
            await asyncio.wait([flooding], timeout=PATIENCE)
            assert isinstance(flooding.exception(), ConnectionError)
            await seen.wait_for("bad", "too slow")
        await beside.check()
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
        await seen.wait_for("bad", "too slow")
        await beside.check()
        flooding.cancel()
        await asyncio.wait([flooding])


async def test_one_that_never_pongs(serve: Serve, seen: Recorder, good: Good, poll: Poll) -> None:
    running = await serve(make_io(seen, ping_interval=200, ping_timeout=2_000))
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
    io = make_io(seen, max_pending_events=8, ping_interval=100, ping_timeout=2_000)
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
    link = io.sockets[sid]._local.link
    await client.send('2["stuck"]')
    await seen.wait_for("stuck")
    events = [f'2["count",{number},"{"x" * 10_000}"]' for number in range(300)]
    if way == "polling":
        sending = [asyncio.create_task(client.send(*events[:80]))]
    else:
        sending = []
        await client.send(*events)
    await until(lambda: link.paused)
    await asyncio.sleep(2.3)  # a heartbeat and more
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
