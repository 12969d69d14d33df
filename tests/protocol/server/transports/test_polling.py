"""Engine.IO over HTTP long-polling (docs/protocol.md §1)."""

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from protocol import Server, Socket
from protocol.server.http.asgi import AsgiMessage, Receive, Scope, Send, respond
from tests.support.engine_clients import POLLING, Poll, PollingClient, Recorder
from tests.support.raw_websocket import WEBSOCKET, Open, connect
from tests.support.running import Serve
from tests.support.waiting import until

App = Callable[..., Server]


async def test_answers(serve: Serve, make_app: App, poll: Poll) -> None:
    client = await poll(await serve(make_app()))
    posted = await client.post("40")
    assert posted.status_code == 200
    assert posted.text == "ok"
    assert posted.headers["content-type"] == "text/html"
    assert posted.headers["cache-control"] == "no-store"
    fetched = await client.get()
    assert fetched.status_code == 200
    assert fetched.text.startswith('40{"sid":"')
    assert fetched.headers["content-type"] == "text/plain; charset=UTF-8"
    assert fetched.headers["cache-control"] == "no-store"


async def test_a_session_takes_get_and_post_alone(serve: Serve, make_app: App, poll: Poll) -> None:
    client = await poll(await serve(make_app()))
    assert (await client.http.put(client.url, content="40")).status_code == 400
    await client.join()


async def test_packets_of_one_post_and_of_one_get(
    serve: Serve, make_app: App, poll: Poll, seen: Recorder
) -> None:
    """All that is queued comes in one payload, in order, and binary as base64."""
    client = await poll(await serve(make_app()))
    await client.join()
    payload = '42["echo",1]\x1e451-["echo",{"_placeholder":true,"num":0}]\x1ebAQID\x1e42["echo","€"]'
    assert (await client.post(payload)).status_code == 200
    await seen.wait_for_count(4)
    assert (await client.get()).text == payload
    assert seen.entries[1:] == [("echo", 1), ("echo", b"\x01\x02\x03"), ("echo", "€")]


async def test_a_get_waits_for_packets(serve: Serve, make_app: App, poll: Poll, seen: Recorder) -> None:
    io = make_app()
    client = await poll(await serve(io))
    await client.join()
    fetching = asyncio.create_task(client.get())
    link = await until_waiting(io)
    assert link.writable
    await io.emit("news", 1)
    assert (await fetching).text == '42["news",1]'


async def until_waiting(io: Server) -> Any:
    """The link of the only client, once a GET of it waits."""
    (socket,) = await io.fetch_sockets()
    await until(lambda: socket._local.link.writable)
    return socket._local.link


async def test_a_second_get_closes_the_session(
    serve: Serve, make_app: App, poll: Poll, seen: Recorder
) -> None:
    io = make_app()
    client = await poll(await serve(io))
    await client.join()
    first = asyncio.create_task(client.get())
    await until_waiting(io)
    assert (await client.get()).status_code == 400
    answer = await first
    assert (answer.status_code, answer.text) == (200, "1")
    await seen.wait_for("disconnect", "transport error")
    assert (await client.get()).json() == {"code": 1, "message": "Session ID unknown"}


async def test_a_second_post_closes_the_session(
    serve: Serve, make_app: App, poll: Poll, seen: Recorder
) -> None:
    running = await serve(make_app())
    client = await poll(running)
    await client.join()
    _, slow = await slow_post(running, client)
    await until(lambda: running.uvicorn.server_state.tasks)
    response = await client.post("4")
    assert response.status_code == 400
    await seen.wait_for("disconnect", "transport error")
    assert (await client.get()).status_code == 400
    slow.close()


async def test_a_post_that_waits_ends_with_its_session(
    serve: Serve, make_app: App, poll: Poll, seen: Recorder
) -> None:
    """One that waits for room among the events of its client: with the session gone, there is nothing to wait for."""
    io = make_app(max_pending_events=1)
    end = asyncio.Event()

    @io.on("slow")
    async def slow(socket: Socket) -> None:
        seen("slow")
        await end.wait()

    client = await poll(await serve(io))
    sid = await client.join()
    link = io.sockets[sid]._local.link
    posting = asyncio.create_task(client.post('42["slow"]\x1e42["slow"]'))
    await seen.wait_for("slow")
    await until(lambda: link.paused)
    await client.post("4")
    assert (await posting).status_code == 400
    end.set()
    await seen.wait_for("disconnect", "transport error")


async def test_a_get_that_the_server_in_front_cancels_closes_the_session(make_app: App) -> None:
    """As hypercorn and some middleware do: else what is sent would go to a GET that nobody answers."""
    io = make_app()
    await io.start()
    sent: list[Any] = []
    waiting = asyncio.Event()

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        waiting.set()
        await asyncio.Event().wait()

    def get(query: str) -> asyncio.Task[None]:
        scope = {"type": "http", "path": "/socket.io/", "query_string": query.encode(), "headers": []}
        return asyncio.create_task(io(scope, receive, send))

    await get(POLLING)
    opening = orjson.loads(sent[-1]["body"][1:])
    fetching = get(f"{POLLING}&sid={opening['sid']}")
    await waiting.wait()
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    assert io.sessions == 0
    await io.stop()


async def slow_post(running: Any, client: PollingClient) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A POST whose body does not come."""
    reader, writer = await connect(running.port)
    head = (
        f"POST {running.path}?{POLLING}&sid={client.sid} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n42"
    )
    writer.write(head.encode())
    return reader, writer


async def test_a_get_that_is_given_up_closes_the_session(
    serve: Serve, make_app: App, poll: Poll, seen: Recorder
) -> None:
    io = make_app()
    client = await poll(await serve(io))
    await client.join()
    fetching = asyncio.create_task(client.get())
    await until_waiting(io)
    fetching.cancel()
    await seen.wait_for("disconnect", "transport error")
    assert io.sessions == 0


async def test_a_post_that_is_given_up_closes_the_session(
    serve: Serve, make_app: App, poll: Poll, seen: Recorder
) -> None:
    running = await serve(make_app())
    client = await poll(running)
    await client.join()
    _, slow = await slow_post(running, client)
    await until(lambda: running.uvicorn.server_state.tasks)
    slow.close()
    await seen.wait_for("disconnect", "transport error")


@pytest.mark.parametrize("body", ["", "abc", "9", "4\x1e", "\x1e4", "bA", "b====", "bé", b"4\xff"])
async def test_a_body_that_does_not_parse_closes_the_session(
    serve: Serve, make_app: App, poll: Poll, seen: Recorder, body: str | bytes
) -> None:
    client = await poll(await serve(make_app()))
    await client.join()
    assert (await client.post(body)).status_code == 400
    await seen.wait_for("disconnect", "parse error")
    assert (await client.get()).status_code == 400


async def test_a_parse_error_ends_the_get_that_waits(serve: Serve, make_app: App, poll: Poll) -> None:
    io = make_app()
    client = await poll(await serve(io))
    await client.join()
    fetching = asyncio.create_task(client.get())
    await until_waiting(io)
    assert (await client.post("abc")).status_code == 400
    assert (await fetching).text == "1"


async def test_a_binary_body_closes_the_session(
    serve: Serve, make_app: App, poll: Poll, seen: Recorder
) -> None:
    client = await poll(await serve(make_app()))
    await client.join()
    response = await client.post(b"4hello", **{"content-type": "application/octet-stream"})
    assert response.status_code == 400
    await seen.wait_for("disconnect", "transport error")


async def test_the_largest_body_is_taken(serve: Serve, make_app: App, poll: Poll) -> None:
    client = await poll(await serve(make_app(max_payload=1000)))
    await client.join()
    body = '42["echo","' + "x" * 987 + '"]'
    assert len(body) == 1000
    assert (await client.post(body)).status_code == 200
    assert f"4{await client.receive()}" == body


@pytest.mark.parametrize("excess", [1, 5_000_000])
async def test_a_larger_body_is_refused_and_the_session_stays(
    serve: Serve, make_app: App, poll: Poll, excess: int
) -> None:
    """The answer arrives: a body that is not much too large is read to its end."""
    client = await poll(await serve(make_app()))
    await client.join()
    response = await client.post(b"4" * (1_000_000 + excess))
    assert response.status_code == 413
    assert response.content == b""
    await client.send('2["echo","still here"]')
    assert await client.receive() == '2["echo","still here"]'


async def test_a_client_that_says_goodbye(serve: Serve, make_app: App, poll: Poll, seen: Recorder) -> None:
    """Its GET ends with `6`, and the session is gone."""
    io = make_app()
    client = await poll(await serve(io))
    await client.join()
    fetching = asyncio.create_task(client.get())
    await until_waiting(io)
    assert (await client.post("1")).text == "ok"
    assert (await fetching).text == "6"
    await seen.wait_for("disconnect", "transport close")
    assert (await client.get()).json() == {"code": 1, "message": "Session ID unknown"}


async def test_last_packets_wait_for_the_next_get(
    serve: Serve, make_app: App, poll: Poll, seen: Recorder
) -> None:
    """A session that the server closes keeps them, and its farewell for the GET after: clients would not handle what
    comes along with it. What the client sends meanwhile reaches nobody, and is not refused: clients would take that for
    the end, and come back."""
    io = make_app()

    @io.on("leave")
    async def leave(socket: Socket) -> None:
        await socket.emit("last", "words")
        await socket.disconnect(close=True)

    client = await poll(await serve(io))
    await client.join()
    await client.send('2["leave"]')
    await seen.wait_for("disconnect", "server namespace disconnect")
    assert io.sessions == 1
    await client.send('2["leave"]')
    assert (await client.get()).text == '42["last","words"]\x1e41'
    assert (await client.post("3")).text == "ok"
    assert (await client.get()).text == "1"
    assert (await client.post("3")).json() == {"code": 1, "message": "Session ID unknown"}
    assert (await client.get()).json() == {"code": 1, "message": "Session ID unknown"}
    assert io.sessions == 0


# --- what ends a GET that waits, besides its answer ---


class Impatient:
    """Answers a GET of a session itself after a moment. What it has asked goes on, or is cancelled."""

    def __init__(
        self, app: Server, *, own_receive: bool = False, cancels: bool = False, patience: float = 0.2
    ) -> None:
        self.app = app
        self.patience = patience
        self.own_receive = own_receive
        self.cancels = cancels
        self.asked: list[asyncio.Task[None]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or b"sid=" not in scope["query_string"]:
            await self.app(scope, receive, send)
            return
        over = asyncio.Event()

        async def until_over() -> AsgiMessage:
            await over.wait()
            return {"type": "http.disconnect"}

        asking = asyncio.create_task(self.app(scope, until_over if self.own_receive else receive, send))
        self.asked.append(asking)
        await asyncio.wait([asking], timeout=self.patience)
        if not asking.done():
            await respond(send, 504, b"", [])
            over.set()
            if self.cancels:
                asking.cancel()


def behind(front: Impatient) -> Starlette:
    """The application that has the server behind what is in front."""
    io = front.app
    return Starlette(routes=[Mount(io.options.path.rstrip("/"), app=front)], lifespan=io.lifespan)


@pytest.mark.parametrize("own_receive", [False, True])
@pytest.mark.parametrize("cancels", [False, True])
async def test_a_get_that_something_in_front_has_answered_ends_the_session(
    serve: Serve, make_app: App, poll: Poll, seen: Recorder, own_receive: bool, cancels: bool
) -> None:
    """Its client has to begin a new one: what would be given to that GET would reach nobody."""
    io = make_app()
    front = Impatient(io, own_receive=own_receive, cancels=cancels)
    client = await poll(await serve(io, app=behind(front)))
    await client.join()
    assert (await client.get()).status_code == 504
    await seen.wait_for("disconnect", "transport error")
    assert io.sessions == 0
    await asyncio.wait(front.asked)


async def test_a_get_that_is_cancelled_while_a_websocket_takes_over_ends_nothing(
    serve: Serve, make_app: App, poll: Poll, open_websocket: Open, seen: Recorder
) -> None:
    io = make_app()
    front = Impatient(io, patience=10)
    running = await serve(io, app=behind(front))
    client = await poll(running)
    await client.join()
    fetching = asyncio.create_task(client.get())
    link = await until_waiting(io)
    await open_websocket(running, f"{WEBSOCKET}&sid={client.sid}")
    await until(lambda: link.probe is not None)
    link.receive(link.probe, "2probe")  # all in one turn of the event loop
    front.asked[-1].cancel()
    link.receive(link.probe, "5")
    await asyncio.wait(front.asked)
    assert (io.sessions, link.transport.name, seen.entries[1:]) == (1, "websocket", [])
    await asyncio.wait([fetching])


async def test_a_get_whose_body_is_not_read_before_it_waits_ends_with_its_client(
    serve: Serve, make_app: App, poll: Poll, seen: Recorder
) -> None:
    io = make_app()
    running = await serve(io)
    client = await poll(running)
    await client.join()
    head = (
        f"GET {client.url.removeprefix(running.origin)} HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n"
    )
    _, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(head.encode() + b"x" * 300_000)
    await until_waiting(io)
    await writer.drain()
    held = [connection.cycle for connection in running.uvicorn.server_state.connections if connection.cycle]
    await until(lambda: not any(cycle.body for cycle in held))
    writer.transport.abort()
    await seen.wait_for("disconnect", "transport error")
