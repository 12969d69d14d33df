"""Middleware: who may come in, and which events reach a handler."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from protocol import Incoming, Refused, Server, Socket
from tests.support.engine_clients import Connect, Recorder
from tests.support.running import Serve
from tests.support.waiting import until

App = Callable[..., Server]

pytestmark = pytest.mark.usefixtures("way")


# --- connections ---


async def test_middleware_runs_in_order(host: Serve, make_app: App, connect: Connect, seen: Recorder) -> None:
    io = make_app()

    @io.use
    async def authenticate(socket: Socket) -> None:
        await asyncio.sleep(0)
        socket.data["user"] = socket.handshake.auth["user"]
        seen("first", socket.connected)

    @io.use
    def count(socket: Socket) -> None:
        seen("second", socket.data["user"])

    client = await connect(await host(io))
    sid = await client.join("/", '{"user":"ann"}')
    await seen.wait_for("connection", sid)
    assert seen.entries == [("first", False), ("second", "ann"), ("connection", sid)]
    assert io.sockets[sid].data == {"user": "ann"}


@pytest.mark.parametrize(
    ("refusal", "answer"),
    [
        (Refused("no entry"), '{"message":"no entry"}'),
        (Refused("no entry", {"code": 7}), '{"message":"no entry","data":{"code":7}}'),
        (Refused("no entry", []), '{"message":"no entry","data":[]}'),
        (Refused("no entry", {1}), '{"message":"no entry"}'),
    ],
)
async def test_a_refusal(
    host: Serve, make_app: App, connect: Connect, seen: Recorder, refusal: Refused, answer: str
) -> None:
    """An object always. The client may try again, and the ones after it are not asked."""
    io = make_app()
    custom = io.of("/custom")

    @custom.use
    async def refuse(socket: Socket) -> None:
        if "token" not in socket.handshake.auth:
            raise refusal

    custom.use(lambda _: seen("asked"))
    client = await connect(await host(io))
    await client.send("0/custom,")
    assert await client.receive() == f"4/custom,{answer}"
    assert custom.sockets == {}
    assert seen.entries == []
    await client.join("/custom", '{"token":1}')
    assert seen.entries == ["asked"]


async def test_a_middleware_that_fails(
    host: Serve, make_app: App, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    """The client does not learn why; the log does."""
    io = make_app()

    @io.use
    async def fail(socket: Socket) -> None:
        raise LookupError("the secret")

    client = await connect(await host(io))
    await client.send("0")
    assert await client.receive() == '4{"message":"Internal error"}'
    assert "the secret" in caplog.text


async def test_a_client_that_goes_while_the_middleware_thinks(
    host: Serve, make_app: App, connect: Connect, seen: Recorder
) -> None:
    """It was never there: neither `connection` nor `disconnect` runs."""
    io = make_app()
    decide = asyncio.Event()

    @io.use
    async def wait(socket: Socket) -> None:
        seen("asked")
        await decide.wait()
        seen("decided")

    client = await connect(await host(io))
    await client.send("0")
    await seen.wait_for("asked")
    await client.provoke("bad")
    await until(lambda: io.sessions == 0)
    decide.set()
    await seen.wait_for("decided")
    assert io.sockets == {}
    assert seen.entries == ["asked", "decided"]


async def test_the_connect_timeout_counts_for_middleware_too(
    host: Serve, make_app: App, connect: Connect, seen: Recorder
) -> None:
    io = make_app(connect_timeout=1_000)

    @io.use
    async def wait(socket: Socket) -> None:
        seen("asked")
        await asyncio.Event().wait()

    client = await connect(await host(io))
    await client.send("0")
    assert await client.until_lost() == []
    assert seen.entries == ["asked"]
    await io.stop(grace=10)


async def test_namespaces_have_their_own(host: Serve, make_app: App, connect: Connect) -> None:
    io = make_app()
    io.of("/open")

    @io.use
    def refuse(socket: Socket) -> None:
        raise Refused("closed")

    client = await connect(await host(io))
    await client.send("0")
    assert await client.receive() == '4{"message":"closed"}'
    await client.join("/open")


# --- events ---


async def test_event_middleware(host: Serve, make_app: App, connect: Connect, seen: Recorder) -> None:
    """The namespace's, then the socket's own, then the catch-all listeners, then the handler."""
    io = make_app()

    @io.use_event
    async def first(socket: Socket, incoming: Incoming) -> None:
        seen("first", incoming.name, incoming.args, incoming.wants_ack)

    io.use_event(lambda _, incoming: seen("second", incoming.name))
    io.on_any(lambda _, event: seen("any", event))

    @io.on("connection")
    def arm(socket: Socket) -> None:
        socket.use(lambda _, incoming: seen("own", incoming.name))

    client = await connect(await host(io))
    await client.join()
    await client.send('21["echo"]')
    assert await client.receive() == '2["echo"]'
    assert seen.entries[1:] == [
        ("first", "echo", [], True),
        ("second", "echo"),
        ("own", "echo"),
        ("any", "echo"),
        "echo",
    ]


async def test_a_socket_s_own_middleware_is_its_own(
    host: Serve, make_app: App, connect: Connect, seen: Recorder
) -> None:
    io = make_app()
    running = await host(io)
    first, second = await connect(running), await connect(running)
    socket = io.sockets[await first.join()]
    await second.join()
    socket.use(lambda _, incoming: seen("own", *incoming.args))
    await second.send('2["echo",2]')
    await second.receive()
    await first.send('2["echo",1]')
    await first.receive()
    assert seen.entries[2:] == [("echo", 2), ("own", 1), ("echo", 1)]


async def test_event_middleware_refuses(
    host: Serve, make_app: App, connect: Connect, seen: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    """The handler does not run; without an error handler there is no ack, and no noise for a refusal."""
    io = make_app()

    @io.use_event
    async def refuse(socket: Socket, incoming: Incoming) -> None:
        if incoming.args:
            raise Refused("too long", {"limit": 0})

    client = await connect(await host(io))
    await client.join()
    await client.send('21["echo",1]', '22["echo"]')
    assert await client.receive() == '2["echo"]'
    assert ("echo", 1) not in seen.entries
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []

    @io.on_error
    def tell(socket: Socket, incoming: Incoming, error: Any) -> dict[str, Any]:
        return {"error": error.message, "data": error.data}

    assert await client.receive() == "32[]"
    await client.send('23["echo",1]')
    assert await client.receive() == '33[{"error":"too long","data":{"limit":0}}]'


async def test_event_middleware_that_disconnects(
    host: Serve, make_app: App, connect: Connect, seen: Recorder
) -> None:
    """The handler does not get what the client had sent, although nobody refused it."""
    io = make_app()

    @io.use_event
    async def kick(socket: Socket, incoming: Incoming) -> None:
        await socket.disconnect()

    client = await connect(await host(io))
    await client.join()
    await client.send('21["echo"]')
    assert await client.receive() == "1"
    await seen.wait_for("disconnect", "server namespace disconnect")
    assert "echo" not in seen.entries
