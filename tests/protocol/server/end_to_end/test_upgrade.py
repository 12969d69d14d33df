"""From polling to a websocket, with a probe (docs/protocol.md §1, "Upgrade")."""

import asyncio
from collections.abc import Callable

import httpx
import pytest

from protocol import Server
from protocol.websocket.frames import Opcode
from protocol.websocket.messages import Close
from tests.support.engine_clients import Poll, PollingClient, Recorder, probe, session_id
from tests.support.raw_websocket import WEBSOCKET, Open
from tests.support.running import Serve
from tests.support.waiting import until

App = Callable[..., Server]


async def pending_get(io: Server, client: PollingClient) -> "asyncio.Task[httpx.Response]":
    """A GET that waits at the server."""
    fetching = asyncio.create_task(client.get())
    (socket,) = await io.fetch_sockets()
    await until(lambda: socket._local.link.writable)
    return fetching


async def test_upgrade(serve: Serve, make_app: App, poll: Poll, open_websocket: Open, seen: Recorder) -> None:
    io = make_app()
    running = await serve(io)
    client = await poll(running)
    await client.join()
    (socket,) = await io.fetch_sockets()
    assert socket.transport == "polling"
    websocket = await probe(running, client, open_websocket)
    websocket.send("5")
    websocket.send('42["echo",1]')
    assert await websocket.receive() == '42["echo",1]'
    assert socket.transport == "websocket"
    websocket.send_frame(Opcode.CLOSE)
    await seen.wait_for("disconnect", "transport close")
    assert io.sessions == 0


async def test_a_get_that_waits_is_ended_by_the_probe(
    serve: Serve, make_app: App, poll: Poll, open_websocket: Open
) -> None:
    """From then on, GETs are answered at once."""
    io = make_app()
    running = await serve(io)
    client = await poll(running)
    await client.join()
    fetching = await pending_get(io, client)
    websocket = await probe(running, client, open_websocket)
    assert (await fetching).text == "6"
    for _ in range(3):
        assert (await client.get()).text == "6"
    websocket.send("5")
    websocket.send('42["echo"]')
    assert await websocket.receive() == '42["echo"]'


async def test_messages_over_polling_until_the_upgrade(
    serve: Serve, make_app: App, poll: Poll, open_websocket: Open
) -> None:
    """Both ways; what is queued goes out on the websocket after it."""
    running = await serve(make_app())
    client = await poll(running)
    await client.join()
    websocket = await probe(running, client, open_websocket)
    await client.send('2["echo",1]')
    assert (await client.get()).text == '42["echo",1]'
    await client.send('2["echo",2]')
    await client.send('2["echo",3]', '51-["echo",{"_placeholder":true,"num":0}]', b"\x01")
    websocket.send("5")
    received = [await websocket.receive() for _ in range(4)]
    assert received == ['42["echo",2]', '42["echo",3]', '451-["echo",{"_placeholder":true,"num":0}]', b"\x01"]


async def test_polling_is_over_after_the_upgrade(
    serve: Serve, make_app: App, poll: Poll, open_websocket: Open
) -> None:
    running = await serve(make_app())
    client = await poll(running)
    await client.join()
    websocket = await probe(running, client, open_websocket)
    websocket.send("5")
    websocket.send('42["echo"]')
    await websocket.receive()
    for response in (await client.get(), await client.post("4")):
        assert response.status_code == 400
        assert response.json() == {"code": 3, "message": "Bad request"}
    websocket.send('42["echo"]')
    assert await websocket.receive() == '42["echo"]'


async def test_a_get_that_waits_at_the_upgrade_is_let_go(
    serve: Serve, make_app: App, poll: Poll, open_websocket: Open
) -> None:
    """A client that does not keep to the order: probe and upgrade come in one piece."""
    io = make_app()
    running = await serve(io)
    client = await poll(running)
    await client.join()
    fetching = await pending_get(io, client)
    websocket = await open_websocket(running, f"{WEBSOCKET}&sid={client.sid}")
    websocket.send("2probe")
    websocket.send("5")
    assert await websocket.receive() == "3probe"
    assert (await fetching).text == "6"
    websocket.send('42["echo"]')
    while (message := await websocket.receive()) == "6":
        pass
    assert message == '42["echo"]'


@pytest.mark.parametrize("probed", [False, True])
@pytest.mark.parametrize("packet", ["2", "2prob", "3", "4message", "1", "6", "", "9", b"binary"])
async def test_another_packet_drops_only_the_websocket(
    serve: Serve, make_app: App, poll: Poll, open_websocket: Open, probed: bool, packet: str | bytes
) -> None:
    running = await serve(make_app())
    client = await poll(running)
    await client.join()
    if probed:
        websocket = await probe(running, client, open_websocket)
    else:
        websocket = await open_websocket(running, f"{WEBSOCKET}&sid={client.sid}")
    websocket.send(packet)
    assert await websocket.until_close() == Close(1000, "")
    await client.send('2["echo"]')
    assert await client.receive() == '2["echo"]'
    websocket = await probe(running, client, open_websocket)
    websocket.send("5")
    websocket.send('42["echo"]')
    assert await websocket.receive() == '42["echo"]'


async def test_an_upgrade_without_probe_drops_only_the_websocket(
    serve: Serve, make_app: App, poll: Poll, open_websocket: Open
) -> None:
    running = await serve(make_app())
    client = await poll(running)
    await client.join()
    websocket = await open_websocket(running, f"{WEBSOCKET}&sid={client.sid}")
    websocket.send("5")
    assert await websocket.until_close() == Close(1000, "")
    await client.send('2["echo"]')
    assert await client.receive() == '2["echo"]'


@pytest.mark.parametrize("how", ["close", "cut", "bad frame"])
async def test_a_probe_that_breaks_off_leaves_polling_alone(
    serve: Serve, make_app: App, poll: Poll, open_websocket: Open, how: str
) -> None:
    io = make_app()
    running = await serve(io)
    client = await poll(running)
    await client.join()
    websocket = await probe(running, client, open_websocket)
    if how == "close":
        websocket.send_frame(Opcode.CLOSE)
    elif how == "cut":
        await websocket.close()
    else:
        websocket.write(b"\xff\xff")
    (socket,) = await io.fetch_sockets()
    await until(lambda: socket._local.link.probe is None)
    fetching = await pending_get(io, client)
    await io.emit("news")
    assert (await fetching).text == '42["news"]'


async def test_a_probe_that_takes_too_long_is_dropped(
    serve: Serve, make_app: App, poll: Poll, open_websocket: Open
) -> None:
    running = await serve(make_app(upgrade_timeout=200))
    client = await poll(running)
    await client.join()
    idle = await open_websocket(running, f"{WEBSOCKET}&sid={client.sid}")
    assert await idle.until_close() == Close(1000, "")
    probed = await probe(running, client, open_websocket)
    assert await probed.until_close() == Close(1000, "")
    await client.send('2["echo"]')
    assert await client.receive() == '2["echo"]'


@pytest.mark.parametrize("upgraded", [False, True])
async def test_a_second_websocket_is_accepted_and_closed(
    serve: Serve, make_app: App, poll: Poll, open_websocket: Open, upgraded: bool
) -> None:
    running = await serve(make_app())
    client = await poll(running)
    await client.join()
    websocket = await probe(running, client, open_websocket)
    if upgraded:
        websocket.send("5")
        websocket.send('42["echo"]')
        await websocket.receive()
    second = await open_websocket(running, f"{WEBSOCKET}&sid={client.sid}")
    second.send("2probe")
    second.send("5")
    assert await second.until_close() == Close(1000, "")
    if not upgraded:
        websocket.send("5")
    websocket.send('42["echo"]')
    assert await websocket.receive() == '42["echo"]'


async def test_a_second_websocket_for_a_session_that_began_as_one(
    serve: Serve, make_app: App, open_websocket: Open
) -> None:
    running = await serve(make_app())
    first = await open_websocket(running)
    sid = session_id(await first.receive())
    second = await open_websocket(running, f"{WEBSOCKET}&sid={sid}")
    assert await second.until_close() == Close(1000, "")
    first.send("40")
    assert str(await first.receive()).startswith("40")


async def test_the_websocket_goes_with_the_session(
    serve: Serve, make_app: App, poll: Poll, open_websocket: Open, seen: Recorder
) -> None:
    io = make_app()
    running = await serve(io)
    client = await poll(running)
    await client.join()
    websocket = await probe(running, client, open_websocket)
    await client.post("1")
    assert await websocket.until_close() == Close(1000, "")
    await seen.wait_for("disconnect", "transport close")
    assert io.sessions == 0


async def test_packets_that_the_client_never_fetched_go_over_the_websocket(
    serve: Serve, make_app: App, poll: Poll, open_websocket: Open
) -> None:
    io = make_app()
    running = await serve(io)
    client = await poll(running)
    await client.join()
    for number in range(5):
        await io.emit("news", number)
    websocket = await open_websocket(running, f"{WEBSOCKET}&sid={client.sid}")
    websocket.send("2probe")
    websocket.send("5")
    assert await websocket.receive() == "3probe"
    assert [await websocket.receive() for _ in range(5)] == [f'42["news",{number}]' for number in range(5)]
