"""A client and our server: joining, events, acks, namespaces, and leaving."""

import asyncio
import logging
import re
from typing import Any

import pytest

from protocol import (
    JSON,
    MSGPACK,
    NO_ACK,
    AckTimeout,
    Client,
    ClientSocket,
    Disconnected,
    Refused,
    Server,
    Socket,
    Unreachable,
)
from protocol.socketio.packets import Parser
from tests.support.raw_servers import NewClient
from tests.support.running import Serve
from tests.support.waiting import PATIENCE, until

VALUES = [
    pytest.param([], id="nothing"),
    pytest.param([1, -1.5, True, None, "€ 𝕏 \N{WAVING HAND SIGN}"], id="scalars"),
    pytest.param([{"a": [{"b": {}}]}], id="nested"),
    pytest.param([b"", b"\x00\xff", {"deep": [b"x"]}], id="binary"),
    pytest.param(["x" * 300_000], id="large text"),
    pytest.param([bytes(range(256)) * 500], id="large binary"),
]


async def get(queue: asyncio.Queue[Any]) -> Any:
    async with asyncio.timeout(PATIENCE):
        return await queue.get()


@pytest.fixture
def io() -> Server:
    """A server that echoes: `echo` as event and ack, `ask` as an event with an ack of the client."""
    io = Server()

    async def echo(socket: Socket, *args: Any) -> tuple[Any, ...]:
        await socket.emit("echo", *args)
        return args

    async def ask(socket: Socket, *args: Any) -> Any:
        return await socket.emit_with_ack("question", *args, timeout=20_000)

    io.on("echo")(echo)
    io.on("ask")(ask)
    return io


# --- connect ---


async def test_what_the_server_sees(io: Server, serve: Serve, new_client: NewClient) -> None:
    sockets: list[Socket] = []
    io.on("connection")(sockets.append)
    running = await serve(io)
    client = new_client(
        f"{running.origin}?tenant=a%20b", auth={"token": "t"}, headers={"Authorization": "Bearer é"}
    )
    assert (client.connected, client.active, client.id) == (False, False, None)
    await client.connect()
    await until(lambda: sockets)
    assert (client.connected, client.active, client.id) == (True, True, sockets[0].id)
    handshake = sockets[0].handshake
    assert handshake.auth == {"token": "t"}
    assert handshake.query["tenant"] == "a b"
    assert handshake.headers["authorization"] == "Bearer é"
    await client.connect()  # which it is
    assert len(sockets) == 1


async def test_auth_may_be_a_function(io: Server, serve: Serve, new_client: NewClient) -> None:
    seen: list[Any] = []
    io.on("connection")(lambda socket: seen.append(dict(socket.handshake.auth)))
    running = await serve(io)

    async def auth() -> dict[str, int]:
        await asyncio.sleep(0)
        return {"called": 2}

    for given in (lambda: {"called": 1}, auth, None):
        await new_client(running, auth=given).connect()
    await until(lambda: len(seen) == 3)
    assert seen == [{"called": 1}, {"called": 2}, {}]


async def test_an_auth_function_that_fails(io: Server, serve: Serve, new_client: NewClient) -> None:
    async def auth() -> dict[str, int]:
        raise LookupError("no token")

    client = new_client(await serve(io), auth=auth)
    with pytest.raises(LookupError, match="no token"):
        await client.connect()
    assert not client.active
    client.auth = {"x": object()}
    with pytest.raises(TypeError):
        await client.connect()
    assert not client.active
    await until(lambda: not io.sessions)


async def test_refusal(io: Server, serve: Serve, new_client: NewClient) -> None:
    async def keep_out(socket: Socket) -> None:
        if socket.handshake.auth["token"] != "good":
            raise Refused("not you", {"code": 7})

    io.use(keep_out)
    client = new_client(await serve(io), auth={"token": "bad"})
    errors: list[Exception] = []
    client.on("connect_error")(errors.append)
    with pytest.raises(Refused, match=r"^not you$") as refusal:
        await client.connect()
    assert refusal.value.data == {"code": 7}
    assert errors == [refusal.value]
    assert not client.active
    await until(lambda: not io.sessions)
    client.auth = {"token": "good"}
    await client.connect()
    assert client.connected


async def test_an_unknown_namespace(io: Server, serve: Serve, new_client: NewClient) -> None:
    client = new_client(await serve(io), namespace="/nowhere")
    with pytest.raises(Refused, match=r"^Invalid namespace$") as refusal:
        await client.connect()
    assert refusal.value.data is None


async def test_another_path(serve: Serve, new_client: NewClient) -> None:
    io = Server(path="/io/")
    running = await serve(io)
    await new_client(running, path="/io/").connect()
    with pytest.raises(Unreachable, match=r"^HTTP (403|404)"):
        await new_client(running).connect()


async def test_nobody_listens(free_port: int, new_client: NewClient) -> None:
    client = new_client(f"http://127.0.0.1:{free_port}")
    errors: list[Exception] = []
    client.on("connect_error")(errors.append)
    with pytest.raises(Unreachable, match=f"^127.0.0.1:{free_port}: ") as error:
        await client.connect()
    assert errors == [error.value]
    assert not client.active


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": "io"}, "path must begin and end with a slash"),
        ({"headers": {"Host": "x"}}, "sets 'Host' itself"),
        ({"connect_timeout": 0}, "connect_timeout must be at least 1, not 0"),
        ({"reconnection_delay": 10_000}, "reconnection_delay_max must be at least"),
        ({"randomization_factor": 1.5}, "randomization_factor must be from 0 to 1, not 1.5"),
        ({"max_buffered_events": -1}, "must not be negative"),
        ({"namespace": "/a,b"}, "a namespace's name has no comma"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Client("http://127.0.0.1", **options)


# --- events and acks ---


@pytest.mark.parametrize("args", VALUES)
@pytest.mark.parametrize("parser", [JSON, MSGPACK], ids=["json", "msgpack"])
async def test_events_and_acks(parser: Parser, args: list[Any], serve: Serve, new_client: NewClient) -> None:
    io = Server(parser=parser)

    async def echo(socket: Socket, *args: Any) -> tuple[Any, ...]:
        await socket.emit("echo", *args)
        return ([await socket.emit_with_ack("question", *args, timeout=20_000), *args], "not seen")

    io.on("echo")(echo)
    client = new_client(await serve(io), parser=parser)
    received: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()
    client.on("echo")(lambda *args: received.put_nowait(args))
    client.on("question")(lambda *args: [len(args), *args])
    await client.connect()
    answer = await client.emit_with_ack("echo", *args, timeout=20_000)
    assert list(await get(received)) == args
    assert answer == [[len(args), *args], *args]


@pytest.mark.parametrize(
    ("returned", "answer"), [(None, []), ((), []), ([], [[]]), (0, [0]), ((1, b"2"), [1, b"2"])]
)
async def test_what_a_handler_returns(
    io: Server, serve: Serve, new_client: NewClient, returned: Any, answer: list[Any]
) -> None:
    io.on("respond")(lambda _: returned)
    client = new_client(await serve(io))

    async def question() -> Any:
        await asyncio.sleep(0)
        return returned

    client.on("question")(question)
    await client.connect()
    first = answer[0] if answer else None
    assert await client.emit_with_ack("respond") == first
    assert await client.emit_with_ack("ask", timeout=20_000) == first


async def test_a_handler_may_leave_an_event_without_an_acknowledgement(
    io: Server, serve: Serve, new_client: NewClient
) -> None:
    @io.on("try")
    async def attempt(socket: Socket) -> str:
        with pytest.raises(AckTimeout):
            await socket.emit_with_ack("question", timeout=20)
        return "no answer"

    client = new_client(await serve(io))
    client.on("question")(lambda: NO_ACK)
    await client.connect()
    assert await client.emit_with_ack("try", timeout=20_000) == "no answer"


async def test_no_ack_in_time(io: Server, serve: Serve, new_client: NewClient) -> None:
    answer = asyncio.Event()

    async def slow(socket: Socket) -> str:
        await answer.wait()
        return "late"

    io.on("slow")(slow)
    client = new_client(await serve(io))
    await client.connect()
    with pytest.raises(AckTimeout):
        await client.emit_with_ack("slow", timeout=1)
    answer.set()
    assert await client.emit_with_ack("echo", "next", timeout=20_000) == "next"


async def test_events_are_handled_in_order(io: Server, serve: Serve, new_client: NewClient) -> None:
    handled: list[int] = []

    async def burst(socket: Socket) -> None:
        for number in range(0, 300, 3):
            await socket.emit("slow", number)
            await socket.emit("quick", number + 1)
            await socket.emit("asking", number + 2)

    io.on("burst")(burst)
    client = new_client(await serve(io), max_pending_events=2)

    async def slow(number: int) -> None:
        await asyncio.sleep(0)
        handled.append(number)

    async def asking(number: int) -> None:
        handled.append(await client.emit_with_ack("echo", number, timeout=20_000))

    client.on("slow")(slow)
    client.on("quick")(handled.append)
    client.on("asking")(asking)
    await client.connect()
    await client.emit("burst")
    await until(lambda: len(handled) == 300)
    assert handled == list(range(300))


async def test_handlers_of_the_lifecycle_stand_in_the_order(
    io: Server, serve: Serve, new_client: NewClient
) -> None:
    told: list[Any] = []

    async def connection(socket: Socket) -> None:
        await socket.emit("hello", 1)
        await socket.emit("hello", 2)
        await socket.disconnect()

    io.on("connection")(connection)
    client = new_client(await serve(io))

    async def hello(number: int) -> None:
        await asyncio.sleep(0)
        told.append(number)

    client.on("connect")(lambda: told.append("connect"))
    client.on("connect")(lambda: told.append("again"))
    client.on("hello")(hello)
    client.on("disconnect")(told.append)
    await client.connect()
    await until(lambda: len(told) == 5)
    assert told == ["connect", "again", 1, 2, "io server disconnect"]


async def test_a_handler_that_fails(
    io: Server, serve: Serve, new_client: NewClient, caplog: pytest.LogCaptureFixture
) -> None:
    async def provoke(socket: Socket) -> None:
        for event in ("plain", "coroutine", "arguments", "answer"):
            with pytest.raises(AckTimeout):
                await socket.emit_with_ack(event, timeout=50)

    io.on("provoke")(provoke)
    client = new_client(await serve(io))

    def plain() -> None:
        raise LookupError("of a plain handler")

    async def coroutine() -> None:
        raise LookupError("of a coroutine")

    client.on("plain")(plain)
    client.on("coroutine")(coroutine)
    client.on("arguments")(lambda missing: None)
    client.on("answer")(object)
    await client.connect()
    with caplog.at_level(logging.ERROR, logger="protocol.client"):
        await client.emit_with_ack("provoke", timeout=20_000)
    told = [record.getMessage() for record in caplog.records if record.name.startswith("protocol.client")]
    assert told == [
        f"a handler of {event!r} failed" for event in ("plain", "coroutine", "arguments", "answer")
    ]
    assert client.connected


async def test_events_without_a_handler_are_dropped(io: Server, serve: Serve, new_client: NewClient) -> None:
    client = new_client(await serve(io))
    heard: list[Any] = []
    client.on("echo")(heard.append)
    await client.connect()
    assert await client.emit_with_ack("echo", 1) == 1
    client.off("echo")
    client.off("never")
    assert await client.emit_with_ack("echo", 2) == 2
    client.on("echo")(heard.append)
    assert await client.emit_with_ack("echo", 3) == 3
    assert heard == [1, 3]
    client.on("disconnect")(heard.append)
    client.off("disconnect")
    await client.disconnect()
    assert heard == [1, 3]


async def test_what_cannot_be_registered_or_sent(io: Server, serve: Serve, new_client: NewClient) -> None:
    client = new_client(await serve(io))
    client.on("once")(print)
    with pytest.raises(ValueError, match="'once' has a handler already"):
        client.on("once")(print)
    with pytest.raises(ValueError, match="'disconnecting' is a reserved event name"):
        client.on("disconnecting")(print)
    with pytest.raises(Disconnected, match="not connected"):
        await client.emit("echo")
    with pytest.raises(Disconnected, match="not connected"):
        await client.emit_with_ack("echo")
    await client.connect()
    with pytest.raises(ValueError, match="'connect' is a reserved event name"):
        await client.emit("connect")
    with pytest.raises(TypeError):
        await client.emit_with_ack("echo", object())
    assert await client.emit_with_ack("echo", "still there") == "still there"


# --- namespaces ---


async def test_namespaces_share_a_connection(io: Server, serve: Serve, new_client: NewClient) -> None:
    left: list[tuple[str, str]] = []
    for name in ("/", "/a", "/b"):
        io.of(name).on("where")(lambda socket: [socket.nsp.name, socket.id, dict(socket.handshake.auth)])
        io.of(name).on("disconnect")(lambda socket, reason: left.append((socket.nsp.name, reason)))
    client = new_client(await serve(io))
    first, second = client.of("/a", auth={"t": 1}), client.of("b")
    assert client.of("a") is first
    assert client.of("/b", auth={"t": 2}) is second
    assert client.of("/") is client
    with pytest.raises(ValueError, match="comma"):
        client.of("/a,b")
    everyone: list[ClientSocket] = [client, first, second]
    await asyncio.gather(*[socket.connect() for socket in everyone])
    assert io.sessions == 1
    assert [await socket.emit_with_ack("where") for socket in everyone] == [
        ["/", client.id, {}],
        ["/a", first.id, {"t": 1}],
        ["/b", second.id, {"t": 2}],
    ]
    await first.disconnect()
    await until(lambda: left)
    assert left == [("/a", "client namespace disconnect")]
    assert (client.connected, first.connected, second.connected) == (True, False, True)
    await first.connect()
    await client.disconnect()
    assert [socket.active for socket in everyone] == [False] * 3
    await until(lambda: len(left) == 4)
    assert {reason for _, reason in left} == {"client namespace disconnect"}
    await until(lambda: not io.sessions)


async def test_a_refused_namespace_leaves_the_others(io: Server, serve: Serve, new_client: NewClient) -> None:
    client = new_client(await serve(io))
    await client.connect()
    with pytest.raises(Refused):
        await client.of("/nowhere").connect()
    assert await client.emit_with_ack("echo", 1) == 1


async def test_leaving_before_the_server_has_answered(
    io: Server, serve: Serve, new_client: NewClient
) -> None:
    asked, let_in = asyncio.Event(), asyncio.Event()
    seen: list[Any] = []

    async def wait(socket: Socket) -> None:
        asked.set()
        await let_in.wait()

    slow = io.of("/slow")
    slow.use(wait)
    slow.on("connection")(lambda socket: seen.append("in"))
    slow.on("disconnect")(lambda socket, reason: seen.append(reason))
    client = new_client(await serve(io))
    await client.connect()
    joining = asyncio.create_task(client.of("/slow").connect())
    await asked.wait()
    await client.of("/slow").disconnect()
    with pytest.raises(Disconnected, match="io client disconnect"):
        await joining
    let_in.set()
    await until(lambda: len(seen) == 2)
    assert seen == ["in", "client namespace disconnect"]
    assert not client.of("/slow").active
    assert await client.emit_with_ack("echo", 1) == 1


async def test_changing_ones_mind_twice(io: Server, serve: Serve, new_client: NewClient) -> None:
    asked, let_in = asyncio.Event(), asyncio.Event()

    async def wait(socket: Socket) -> None:
        asked.set()
        await let_in.wait()

    io.of("/slow").use(wait)
    client = new_client(await serve(io))
    await client.connect()
    slow = client.of("/slow")
    first = asyncio.create_task(slow.connect())
    await asked.wait()
    await slow.disconnect()
    second = asyncio.create_task(slow.connect())
    with pytest.raises(Disconnected):
        await first
    let_in.set()
    await second
    assert slow.connected
    assert client.connected


# --- the end ---


async def test_the_server_disconnects(io: Server, serve: Serve, new_client: NewClient) -> None:
    async def leave(socket: Socket, close: bool) -> None:
        await socket.disconnect(close)

    io.on("leave")(leave)
    client = new_client(await serve(io))
    reasons: asyncio.Queue[str] = asyncio.Queue()
    client.on("disconnect")(reasons.put_nowait)
    for close in (False, True):
        await client.connect()
        with pytest.raises(Disconnected, match="lost before the server answered"):
            await client.emit_with_ack("leave", close)
        assert await get(reasons) == "io server disconnect"
        assert not client.active
        with pytest.raises(Disconnected, match="not connected"):
            await client.emit("echo")
        await until(lambda: not io.sessions)
    assert reasons.empty()


async def test_a_context(io: Server, serve: Serve) -> None:
    running = await serve(io)
    reasons: list[str] = []
    async with Client(running.origin) as client:
        client.on("disconnect")(reasons.append)
        assert await client.emit_with_ack("echo", 1) == 1
        assert repr(client) == "<Client / connected>"
    assert reasons == ["io client disconnect"]
    assert repr(client) == "<Client / idle>"
    await client.disconnect()
    assert reasons == ["io client disconnect"]
    await until(lambda: not io.sessions)


async def test_disconnecting_waits_for_handlers(io: Server, serve: Serve, new_client: NewClient) -> None:
    client = new_client(await serve(io))
    begun, go_on = asyncio.Event(), asyncio.Event()
    told: list[Any] = []

    async def handle(number: int) -> None:
        begun.set()
        await go_on.wait()
        told.append(number)

    client.on("echo")(handle)
    client.on("disconnect")(told.append)
    await client.connect()
    await client.emit("echo", 1)
    assert await client.emit_with_ack("echo", 2) == 2
    await begun.wait()
    ending = asyncio.create_task(client.disconnect())
    await until(lambda: not io.sessions)
    assert not ending.done()
    go_on.set()
    await ending
    assert told == [1, 2, "io client disconnect"]


async def test_disconnecting_can_be_given_up(io: Server, serve: Serve, new_client: NewClient) -> None:
    client = new_client(await serve(io))
    begun = asyncio.Event()
    told: list[Any] = []

    async def handle(number: int) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            told.append(number)

    client.on("echo")(handle)
    await client.connect()
    await client.emit("echo", 1)
    assert await client.emit_with_ack("echo", 2) == 2
    await begun.wait()
    ending = asyncio.create_task(client.disconnect())
    await until(lambda: not io.sessions)
    ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending
    await until(lambda: told)
    await client.connect()
    client.off("echo")
    client.on("echo")(told.append)
    assert await client.emit_with_ack("echo", 3) == 3
    assert told == [1, 3]  # what was in line behind the handler is dropped


async def test_a_handler_may_disconnect(io: Server, serve: Serve, new_client: NewClient) -> None:
    client = new_client(await serve(io))
    told: asyncio.Queue[Any] = asyncio.Queue()

    async def handle(number: int) -> None:
        await client.disconnect()
        told.put_nowait(number)

    client.on("echo")(handle)
    client.on("disconnect")(told.put_nowait)
    await client.connect()
    await client.emit("echo", 1)
    assert [await get(told), await get(told)] == [1, "io client disconnect"]


async def test_connecting_can_be_given_up(io: Server, serve: Serve, new_client: NewClient) -> None:
    asked, let_in = asyncio.Event(), asyncio.Event()

    async def wait(socket: Socket) -> None:
        asked.set()
        await let_in.wait()

    io.use(wait)
    running = await serve(io)
    client = new_client(running)
    joining = asyncio.create_task(client.connect())
    await asked.wait()
    joining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await joining
    assert not client.active
    await until(lambda: not io.sessions)
    with pytest.raises(Unreachable, match="did not let us in within 50 ms"):
        await new_client(running, connect_timeout=50).connect()
    let_in.set()


async def test_connecting_can_be_given_up_at_any_time(
    io: Server, serve: Serve, new_client: NewClient
) -> None:
    client = new_client(await serve(io))
    for ticks in range(40):
        joining = asyncio.create_task(client.connect())
        for _ in range(ticks):
            await asyncio.sleep(0)
        joining.cancel()
        await asyncio.wait([joining])
        assert client.connected == (not joining.cancelled())
        await client.disconnect()
    await until(lambda: not io.sessions)


async def test_disconnecting_gives_up_connecting(io: Server, serve: Serve, new_client: NewClient) -> None:
    started = asyncio.Event()

    async def auth() -> dict[str, Any]:
        started.set()
        await asyncio.Event().wait()
        return {}

    client = new_client(await serve(io), auth=auth)
    joining = asyncio.create_task(client.connect())
    await started.wait()
    await client.disconnect()
    with pytest.raises(Disconnected, match="io client disconnect"):
        await joining
    await until(lambda: not io.sessions)
