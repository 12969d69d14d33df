"""Pings, pongs and the deadlines between them (docs/protocol.md §1, "Heartbeat")."""

import asyncio
from collections.abc import Callable

from protocol import Server, Socket
from tests.support.engine_clients import Connect, Poll, Recorder
from tests.support.raw_websocket import Open
from tests.support.running import Serve
from tests.support.waiting import until

App = Callable[..., Server]


async def test_pings_come_and_pongs_keep_the_session(
    host: Serve, make_app: App, connect: Connect, seen: Recorder
) -> None:
    io = make_app(ping_interval=20, ping_timeout=2000)
    client = await connect(await host(io))
    await client.join()
    later = asyncio.create_task(send_later(io))
    assert await client.receive() == '2["news"]'
    await later
    assert seen.entries[1:] == []


async def send_later(io: Server) -> None:
    """A message after several intervals."""
    await asyncio.sleep(0.1)
    await io.emit("news")


async def test_the_ping_packet(serve: Serve, make_app: App, open_websocket: Open, poll: Poll) -> None:
    running = await serve(make_app(ping_interval=80, ping_timeout=2000))
    websocket = await open_websocket(running)
    await websocket.receive()
    for _ in range(3):
        assert await websocket.receive() == "2"
        websocket.send("3")
    client = await poll(running)
    for _ in range(3):
        assert (await client.get()).text == "2"
        await client.post("3")


async def test_one_ping_until_its_pong(serve: Serve, make_app: App, open_websocket: Open) -> None:
    """The next one is counted from the pong."""
    websocket = await open_websocket(await serve(make_app(ping_interval=20, ping_timeout=2000)))
    await websocket.receive()
    assert await websocket.receive() == "2"
    await asyncio.sleep(0.1)
    websocket.send("40")
    assert str(await websocket.receive()).startswith("40")
    websocket.send("3")
    assert await websocket.receive() == "2"


async def test_a_silent_websocket_is_closed(
    serve: Serve, make_app: App, open_websocket: Open, seen: Recorder
) -> None:
    io = make_app(ping_interval=200, ping_timeout=100)  # the client joins before it is silent for too long
    websocket = await open_websocket(await serve(io))
    await websocket.receive()
    websocket.send("40")
    assert (await websocket.until_close()).code == 1000
    await seen.wait_for("disconnect", "ping timeout")
    assert io.sessions == 0


async def test_a_client_that_never_fetches_is_closed(
    serve: Serve, make_app: App, poll: Poll, seen: Recorder
) -> None:
    io = make_app(ping_interval=300, ping_timeout=50)
    client = await poll(await serve(io))
    await client.join()
    await seen.wait_for("disconnect", "ping timeout")
    assert io.sessions == 0
    response = await client.get()
    assert response.status_code == 400
    assert response.json() == {"code": 1, "message": "Session ID unknown"}


async def test_a_get_that_waits_gets_the_ping_and_then_the_end(
    serve: Serve, make_app: App, poll: Poll, seen: Recorder
) -> None:
    client = await poll(await serve(make_app(ping_interval=400, ping_timeout=200)))
    await client.join()
    assert (await client.get()).text == "2"
    assert (await client.get()).text == "1"
    await seen.wait_for("disconnect", "ping timeout")


async def test_expiry_is_seen_when_a_request_comes(serve: Serve, make_app: App, poll: Poll) -> None:
    """Even where the sweep has not come by yet."""
    io = make_app(ping_interval=10_000, ping_timeout=60)
    client = await poll(await serve(io))
    await client.join()
    (socket,) = await io.fetch_sockets()
    link = socket._local.link
    assert link.next_deadline is not None
    link.tick(link.next_deadline + 60)
    assert (await client.get()).json() == {"code": 1, "message": "Session ID unknown"}


async def test_another_packet_puts_the_deadline_off_once(
    serve: Serve, make_app: App, open_websocket: Open, seen: Recorder
) -> None:
    """While a pong is awaited; then the deadline holds, however much the client says."""
    io = make_app(ping_interval=300, ping_timeout=300)
    websocket = await open_websocket(await serve(io))
    await websocket.receive()
    websocket.send("40")
    await websocket.receive()
    (socket,) = await io.fetch_sockets()
    assert await websocket.receive() == "2"
    before = socket._local.link.next_deadline
    websocket.send('42["echo",1]')
    await websocket.receive()
    await until(lambda: socket._local.link.next_deadline != before)
    extended = socket._local.link.next_deadline
    websocket.send('42["echo",2]')
    await websocket.receive()
    assert socket._local.link.next_deadline == extended
    while not socket.reason:
        websocket.send('42["echo",3]')
        await asyncio.sleep(0.02)
    assert socket.reason == "ping timeout"


async def test_a_ping_of_the_client_is_an_error(
    host: Serve, make_app: App, connect: Connect, seen: Recorder, way: str
) -> None:
    client = await connect(await host(make_app()))
    await client.join()
    if way == "polling":
        response = await client.post("2")  # type: ignore[attr-defined]
        assert response.status_code == 400
    else:
        client.socket.send("2")  # type: ignore[attr-defined]
    await client.until_lost()
    await seen.wait_for("disconnect", "transport error")


async def test_a_client_that_joins_no_namespace_is_closed(
    host: Serve, make_app: App, connect: Connect
) -> None:
    io = make_app(connect_timeout=30)
    client = await connect(await host(io))
    assert await client.until_lost() == []
    await until(lambda: io.sessions == 0)


async def test_a_client_that_was_refused_is_closed_too(host: Serve, make_app: App, connect: Connect) -> None:
    io = make_app(connect_timeout=1_000)
    client = await connect(await host(io))
    await client.send("0/unknown,")
    assert await client.until_lost() == ['4/unknown,{"message":"Invalid namespace"}']
    await until(lambda: io.sessions == 0)


async def test_a_client_that_joined_is_left_alone(host: Serve, make_app: App, connect: Connect) -> None:
    """Even when it has left again."""
    io = make_app(connect_timeout=1_000)
    client = await connect(await host(io))
    await client.join()
    await client.send("1")
    await asyncio.sleep(1.1)
    await client.join()
    await client.send('2["echo"]')
    assert await client.receive() == '2["echo"]'


async def test_a_client_that_is_not_read_from_is_pinged(
    serve: Serve, make_app: App, open_websocket: Open, seen: Recorder
) -> None:
    """While its events wait for a handler: else it would take the silence for the end. Its pongs count later."""
    io = make_app(ping_interval=100, ping_timeout=500, max_pending_events=1)
    end = asyncio.Event()

    @io.on("slow")
    async def slow(socket: Socket) -> None:
        await end.wait()

    websocket = await open_websocket(await serve(io))
    await websocket.receive()
    websocket.send("40")
    await websocket.receive()
    for _ in range(3):
        websocket.send('42["slow"]')
    await until(lambda: all(socket._local.link.paused for socket in io.sockets.values()))
    for _ in range(3):
        assert await websocket.receive() == "2"
        websocket.send("3")
    assert seen.entries[1:] == []
    await websocket.close()
    end.set()
    await seen.wait_for_count(2)
