"""The end of a server: handlers finish, transports close so that clients come back, all within a bound."""

import asyncio
import contextlib
from collections.abc import Callable

import pytest

from protocol import EngineServer, EngineSession, Server, Socket
from protocol.websocket.messages import Close
from tests.support.engine_clients import POLLING, Connect, Lost, Poll, Recorder, WebSocketClient, http_client
from tests.support.raw_websocket import WEBSOCKET, Open, Refusal
from tests.support.running import RAW, Serve
from tests.support.waiting import PATIENCE, until

App = Callable[..., Server]


async def test_clients_are_let_go(
    serve: Serve, make_app: App, poll: Poll, open_websocket: Open, seen: Recorder
) -> None:
    """A websocket closes with 1001, a GET that waits is answered with `1`, the next one elsewhere too."""
    io = make_app()
    running = await serve(io)
    waiting, idle = await poll(running), await poll(running)
    sid = await waiting.join()
    await idle.join()
    websocket = await open_websocket(running)
    await websocket.receive()
    websocket.send("40")
    await websocket.receive()
    fetching = asyncio.create_task(waiting.get())
    await until(lambda: io.sockets[sid]._local.link.writable)
    await io.stop()
    assert (await fetching).text == "1"
    assert (await idle.get()).text == "1"
    assert await websocket.until_close() == Close(1001, "")
    assert [entry for entry in seen.entries if entry[0] == "disconnect"] == [
        ("disconnect", "server shutting down")
    ] * 3
    await until(lambda: io.sessions == 0)
    await io.stop()


async def test_no_new_sessions(serve: Serve, make_app: App, open_websocket: Open) -> None:
    io = make_app()
    running = await serve(io)
    await io.stop()
    async with http_client() as http:
        response = await http.get(running.url(POLLING))
    assert response.status_code == 503
    assert response.json() == {"code": 3, "message": "Server shutting down"}
    with pytest.raises(Refusal) as refusal:
        await open_websocket(running)
    assert refusal.value.answer.body == b"Server shutting down"


async def test_handlers_finish(serve: Serve, make_app: App, open_websocket: Open, seen: Recorder) -> None:
    """What they emit still arrives, and their ack; events that come meanwhile are not handled."""
    io = make_app()
    finish = asyncio.Event()

    @io.on("slow")
    async def slow(socket: Socket) -> str:
        seen("slow")
        await finish.wait()
        await socket.emit("done")
        return "done"

    client = await WebSocketClient.open(await serve(io))
    await client.join()
    await client.send('21["slow"]')
    await seen.wait_for("slow")
    stopping = asyncio.create_task(io.stop())
    await asyncio.sleep(0.01)
    finish.set()
    assert [await client.receive() for _ in range(2)] == ['2["done"]', '31["done"]']
    with pytest.raises(Lost):
        await client.receive()
    await client.close()
    await stopping
    await seen.wait_for("disconnect", "server shutting down")


async def test_a_handler_that_waits_for_its_client_finishes(
    host: Serve, make_app: App, connect: Connect, seen: Recorder
) -> None:
    """The client's answer is still taken, where new events and namespaces are not."""
    io = make_app()

    @io.on("talk")
    async def talk(socket: Socket) -> None:
        seen(await socket.emit_with_ack("well?"))

    io.of("/other").on("connection")(lambda _: seen("came in"))
    client = await connect(await host(io))
    await client.join()
    await client.send('2["talk"]')
    assert await client.receive() == '20["well?"]'
    stopping = asyncio.create_task(io.stop())
    await asyncio.sleep(0)
    await client.send('2["echo"]', "0/other,", '30["well"]')
    await stopping
    assert seen.entries[1:] == ["well", ("disconnect", "server shutting down")]


async def test_handlers_that_do_not_finish_are_cancelled(
    serve: Serve, make_app: App, poll: Poll, seen: Recorder
) -> None:
    """After the grace; then their client's disconnect handlers run all the same."""
    io = make_app()

    @io.on("stuck")
    async def stuck(socket: Socket) -> None:
        seen("stuck")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen("cancelled")
            raise

    client = await poll(await serve(io))
    await client.join()
    await client.send('2["stuck"]', '2["echo"]')
    await seen.wait_for("stuck")
    await io.stop(grace=20)
    assert seen.entries[1:] == ["stuck", "cancelled", ("disconnect", "server shutting down")]


async def test_departures_behind_a_handler_that_does_not_finish(
    serve: Serve, make_app: App, seen: Recorder
) -> None:
    """They are told of, also where their client went before the stop."""
    io = make_app()

    @io.on("stuck")
    async def stuck(socket: Socket) -> None:
        seen("stuck")
        await asyncio.Event().wait()

    io.of("/other").on("disconnect")(lambda _, reason: seen("other", reason))
    client = await WebSocketClient.open(await serve(io))
    await client.join()
    await client.join("/other")
    await client.send('2["stuck"]', "1/other,", '2["echo"]')
    await seen.wait_for("stuck")
    await until(lambda: not io.of("/other").sockets)
    await client.close()
    await until(lambda: io.sessions == 0)
    await io.stop(grace=20)
    assert seen.entries[2:] == [
        ("other", "client namespace disconnect"),
        ("disconnect", "transport close"),
    ]


async def test_a_handler_that_does_not_let_itself_be_cancelled(
    serve: Serve, make_app: App, seen: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    """It is left behind: the stop is bounded."""
    io = make_app()

    @io.on("deaf")
    async def deaf(socket: Socket) -> None:
        seen("deaf")
        while socket.connected:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)

    client = await WebSocketClient.open(await serve(io))
    await client.join()
    await client.send('2["deaf"]')
    await seen.wait_for("deaf")
    async with asyncio.timeout(PATIENCE):
        await io.stop(grace=20)
    assert "left behind" in caplog.text
    assert seen.entries[2:] == [("disconnect", "server shutting down")]
    await client.close()


async def test_a_disconnect_handler_that_does_not_finish(
    serve: Serve, make_app: App, open_websocket: Open, seen: Recorder
) -> None:
    """It is cancelled as well; the stop is bounded."""
    io = make_app()

    @io.on("disconnect")
    async def stuck(socket: Socket, reason: str) -> None:
        seen("stuck")
        try:
            await asyncio.Event().wait()
        finally:
            seen("cancelled")

    client = await WebSocketClient.open(await serve(io))
    await client.join()
    await io.stop(grace=20)
    assert seen.entries[1:] == [("disconnect", "server shutting down"), "stuck", "cancelled"]
    await client.close()


async def test_uvicorn_stops(serve: Serve, make_app: App, open_websocket: Open, seen: Recorder) -> None:
    """As a signal does it: the websockets are closed, and nothing keeps the process."""
    io = make_app()
    running = await serve(io)
    websocket = await open_websocket(running)
    await websocket.receive()
    websocket.send("40")
    await websocket.receive()
    stopping = asyncio.create_task(running.uvicorn.shutdown())
    close = await websocket.until_close()
    assert close.code == (1001 if running.shell == RAW else 1012)
    websocket.writer.close()
    await stopping
    reason = "server shutting down" if running.shell == RAW else "transport close"
    await seen.wait_for("disconnect", reason)
    assert io.sessions == 0


async def test_uvicorn_stops_while_clients_poll(
    serve: Serve, make_app: App, poll: Poll, seen: Recorder
) -> None:
    """A GET that waits is answered at once: it would keep the process until the next ping, with nobody told."""
    io = make_app(ping_interval=int(PATIENCE) * 1000)
    running = await serve(io)
    client = await poll(running)
    sid = await client.join()
    fetching = asyncio.create_task(client.get())
    await until(lambda: io.sockets[sid]._local.link.writable)
    await running.uvicorn.shutdown()
    assert (await fetching).text == "1"
    assert ("disconnect", "server shutting down") in seen.entries
    assert io.sessions == 0


@pytest.mark.parametrize("signal", [False, True])
async def test_a_stop_during_an_upgrade(
    serve: Serve, make_app: App, poll: Poll, open_websocket: Open, shell: str, signal: bool
) -> None:
    """What is queued reaches the client on the websocket, once it has sent its upgrade, and then that is closed."""
    if signal and shell != RAW:
        pytest.skip("uvicorn closes the websockets of its own by itself")
    io = make_app()
    running = await serve(io)
    client = await poll(running)
    await client.join()
    websocket = await open_websocket(running, f"{WEBSOCKET}&sid={client.sid}")
    websocket.send("2probe")
    assert await websocket.receive() == "3probe"
    assert (await client.get()).text == "6"
    await io.emit("news")
    (link,) = io._hub.links.values()
    stopping = asyncio.create_task(running.uvicorn.shutdown() if signal else io.stop())
    await until(lambda: link.session.reason is not None)
    websocket.send("5")
    assert await websocket.receive() == '42["news"]'
    assert await websocket.until_close() == Close(1001, "")
    websocket.writer.close()
    await client.close()
    await stopping
    assert io.sessions == 0


async def test_starting_again(serve: Serve, make_app: App, open_websocket: Open) -> None:
    io = make_app()
    running = await serve(io)
    await running.stop()
    again = await serve(io, running.port)
    client = await WebSocketClient.open(again)
    await client.join()
    await client.send('2["echo"]')
    assert await client.receive() == '2["echo"]'
    await client.close()


async def test_the_engine_alone(serve: Serve, poll: Poll, open_websocket: Open) -> None:
    """An Engine.IO server without Socket.IO echoes, ends sessions, and stops."""

    def answer(session: EngineSession, message: str | bytes) -> None:
        session.send_message(message)
        if message == "bye":
            session.close()

    server = EngineServer(answer)
    running = await serve(server)
    client = await poll(running)
    await client.send("hello", b"\x01")
    assert [await client.receive() for _ in range(2)] == ["hello", b"\x01"]
    websocket = await WebSocketClient.open(running)
    await websocket.send("hello", b"\x02", "bye")
    assert await websocket.until_lost() == ["hello", b"\x02", "bye"]
    await websocket.close()
    await client.send("bye")
    assert await client.until_lost() == ["bye"]
    staying = await WebSocketClient.open(running)
    await server.hub.close()
    assert await staying.until_lost() == []
    await staying.close()
