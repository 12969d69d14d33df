"""A client and servers that break rules, are silent, or do not read."""

import asyncio
import re
from typing import Any

import pytest

from protocol import JSON, MSGPACK, Client, Server, Socket, Unreachable
from protocol.client import websocket
from protocol.errors import CloseCode
from protocol.socketio.packets import Parser
from protocol.websocket import frames
from protocol.websocket.frames import Opcode
from protocol.websocket.messages import Close, Pong
from tests.protocol.client.test_client import get
from tests.support.raw_servers import OPEN, NewClient, NewProxy, RawPeer, RawServer
from tests.support.running import Serve
from tests.support.waiting import until


@pytest.fixture
async def joining(raw_server: RawServer, new_client: NewClient) -> asyncio.Task[None]:
    """A client that connects to the raw server."""
    return asyncio.create_task(new_client(raw_server, connect_timeout=10_000).connect())


async def connected(
    raw_server: RawServer, client: Client, parser: Parser = JSON
) -> tuple[RawPeer, asyncio.Queue[str]]:
    """Let a client into a raw server; its end of the connection, and the reasons of the client's disconnects."""
    reasons: asyncio.Queue[str] = asyncio.Queue()
    client.on("disconnect")(reasons.put_nowait)
    joining = asyncio.create_task(client.connect())
    peer = await raw_server.accept()
    await peer.open(parser=parser)
    await joining
    return peer, reasons


# --- before it is open ---


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "the server did not answer with HTTP"),
        (b"HTTP/1.1 101 Sw", "the server did not answer with HTTP"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "the server did not answer with HTTP"),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nwait", "HTTP 503 Busy: wait"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n{}", "HTTP 400 Bad Request: {}"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "the server did not switch to a websocket"),
    ],
)
async def test_no_websocket(
    raw_server: RawServer, joining: asyncio.Task[None], answer: bytes, message: str
) -> None:
    peer = await raw_server.accept()
    peer.writer.write(answer)
    peer.writer.write_eof()
    with pytest.raises(Unreachable, match=f"^{re.escape(message)}$"):
        await joining
    assert await peer.receive() is None


async def test_the_connection_breaks_in_the_handshake(
    raw_server: RawServer, joining: asyncio.Task[None]
) -> None:
    peer = await raw_server.accept()
    peer.writer.transport.abort()
    with pytest.raises(Unreachable, match=r"^(the connection was lost: .*|the server did not answer.*)$"):
        await joining


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        pytest.param("42[]", "parse error", id="another packet"),
        pytest.param("0{}", "parse error", id="an open packet without content"),
        pytest.param(b"0{}", "parse error", id="binary"),
        pytest.param("", "parse error", id="nothing"),
    ],
)
async def test_no_session(
    raw_server: RawServer, joining: asyncio.Task[None], message: str | bytes, reason: str
) -> None:
    peer = await raw_server.accept()
    peer.switch()
    peer.send(message)
    with pytest.raises(Unreachable, match=f"^the connection was lost: {reason}$"):
        await joining
    assert await peer.receive() == Close(CloseCode.PROTOCOL_ERROR, "")


async def test_the_session_ends_before_we_are_let_in(
    raw_server: RawServer, joining: asyncio.Task[None]
) -> None:
    peer = await raw_server.accept()
    peer.switch()
    peer.send(OPEN)
    assert await peer.receive() == "40"
    peer.writer.write(frames.encode_close(CloseCode.GOING_AWAY))
    with pytest.raises(Unreachable, match=r"^the connection was lost: transport close$"):
        await joining
    assert await peer.rest() == [Close(CloseCode.GOING_AWAY, "")]


@pytest.mark.parametrize("answers", ["nothing", "http", "open"])
async def test_a_server_that_takes_too_long(
    raw_server: RawServer, new_client: NewClient, answers: str
) -> None:
    client = new_client(raw_server, connect_timeout=1_000)
    joining = asyncio.create_task(client.connect())
    peer = await raw_server.accept()
    if answers != "nothing":
        peer.switch()
    if answers == "open":
        peer.send(OPEN)
    with pytest.raises(Unreachable, match="1000 ms"):
        await joining
    assert not client.active
    if answers == "open":
        assert await peer.receive() == "40"
        assert await peer.receive() == Close(CloseCode.NORMAL, "")
    else:
        assert await peer.receive() is None


# --- while it is open ---


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(frames.encode(Opcode.TEXT, b"2", mask=b"abcd"), CloseCode.PROTOCOL_ERROR, id="masked"),
        pytest.param(b"\xc1\x00", CloseCode.PROTOCOL_ERROR, id="a reserved bit"),
        pytest.param(b"\x83\x00", CloseCode.PROTOCOL_ERROR, id="an unknown opcode"),
        pytest.param(b"\x80\x00", CloseCode.PROTOCOL_ERROR, id="a continuation of nothing"),
        pytest.param(b"\x09\x00", CloseCode.PROTOCOL_ERROR, id="a fragmented ping"),
        pytest.param(b"\x81\x02\xc3\x28", CloseCode.INVALID_PAYLOAD, id="no UTF-8"),
        pytest.param(frames.encode(Opcode.TEXT, b"4" * 1001), CloseCode.TOO_BIG, id="too big"),
        pytest.param(b"\x88\x02\x03\xed", CloseCode.PROTOCOL_ERROR, id="a close code that is not allowed"),
    ],
)
async def test_malformed_frames(
    raw_server: RawServer, new_client: NewClient, data: bytes, code: CloseCode
) -> None:
    client = new_client(raw_server, max_payload=1000)
    peer, reasons = await connected(raw_server, client)
    peer.writer.write(data)
    peer.send('42["never"]')
    assert await get(reasons) == "transport error"
    assert await peer.receive() == Close(code, "")
    peer.send('42["never"]')
    again = await raw_server.accept()
    await again.open(sid="again")
    await until(lambda: client.id == "again")


@pytest.mark.parametrize(
    ("parser", "messages"),
    [
        pytest.param(JSON, ["8"], id="an unknown packet"),
        pytest.param(JSON, [""], id="no packet"),
        pytest.param(JSON, ["3"], id="a pong"),
        pytest.param(JSON, [OPEN], id="a second open packet"),
        pytest.param(JSON, ["4"], id="an empty message"),
        pytest.param(JSON, ["42{}"], id="an event that is no list"),
        pytest.param(JSON, ['42["connect"]'], id="a reserved event"),
        pytest.param(JSON, ["43[]"], id="an ack without an id"),
        pytest.param(JSON, ["42[nojson"], id="no JSON"),
        pytest.param(JSON, ["49"], id="an unknown type"),
        pytest.param(JSON, ['40{"sid":"y"}'], id="let in a second time"),
        pytest.param(JSON, ['40/x,{"sid":"y"}'], id="let in without having asked"),
        pytest.param(JSON, ['44{"message":"x"}'], id="refused after all"),
        pytest.param(JSON, [b"stray"], id="an attachment of nothing"),
        pytest.param(JSON, ['451-["e",{"_placeholder":true,"num":0}]', "42[]"], id="text for an attachment"),
        pytest.param(JSON, ['4599-["e"]'], id="too many attachments"),
        pytest.param(MSGPACK, ['42["e"]'], id="JSON for msgpack"),
        pytest.param(MSGPACK, [b"\xc1"], id="no msgpack"),
    ],
)
async def test_malformed_packets(
    raw_server: RawServer, new_client: NewClient, parser: Parser, messages: list[str | bytes]
) -> None:
    client = new_client(raw_server, parser=parser)
    client.on("e")(print)
    peer, reasons = await connected(raw_server, client, parser)
    peer.send(*messages)
    assert await get(reasons) == "parse error"
    assert await peer.receive() == Close(CloseCode.PROTOCOL_ERROR, "")


@pytest.mark.parametrize("code", [CloseCode.NORMAL, CloseCode.GOING_AWAY, 4000])
async def test_the_server_closes(raw_server: RawServer, new_client: NewClient, code: int) -> None:
    peer, reasons = await connected(raw_server, new_client(raw_server))
    peer.writer.write(frames.encode_close(code, "because"))
    assert await get(reasons) == "transport close"
    assert await peer.rest() == [Close(code, "")]


async def test_the_server_closes_without_a_code(raw_server: RawServer, new_client: NewClient) -> None:
    peer, reasons = await connected(raw_server, new_client(raw_server))
    peer.writer.write(frames.encode(Opcode.CLOSE, b""))
    assert await get(reasons) == "transport close"
    assert await peer.rest() == [Close(CloseCode.NORMAL, "")]


async def test_the_session_is_closed_by_a_packet(raw_server: RawServer, new_client: NewClient) -> None:
    peer, reasons = await connected(raw_server, new_client(raw_server))
    peer.send("1", '42["never"]')
    assert await get(reasons) == "transport close"
    assert await peer.receive() == Close(CloseCode.NORMAL, "")


async def test_control_frames_and_noise(raw_server: RawServer, new_client: NewClient) -> None:
    client = new_client(raw_server)
    heard: asyncio.Queue[str] = asyncio.Queue()
    client.on("e")(heard.put_nowait)
    peer, _ = await connected(raw_server, client)
    peer.writer.write(frames.encode(Opcode.PING, b"payload") + frames.encode(Opcode.PONG, b"unasked"))
    peer.send("6", '42["unknown"]', "437[]", "42/elsewhere,[1]")  # nothing that anybody waits for
    whole = frames.encode(Opcode.TEXT, b'42["e","', fin=False) + frames.encode(Opcode.PING, b"")
    whole += frames.encode(Opcode.CONTINUATION, 'ü"]'.encode())
    for index in range(len(whole)):
        peer.writer.write(whole[index : index + 1])
        await peer.writer.drain()
    assert await get(heard) == "ü"
    assert await peer.receive() == Pong(b"payload")
    assert await peer.receive() == Pong(b"")
    peer.send('428["e","x"]')
    assert await get(heard) == "x"
    assert await peer.receive() == "438[]"


async def test_a_silent_server(raw_server: RawServer, new_client: NewClient) -> None:
    client = new_client(raw_server)
    reasons: asyncio.Queue[str] = asyncio.Queue()
    client.on("disconnect")(reasons.put_nowait)
    joining = asyncio.create_task(client.connect())
    peer = await raw_server.accept()
    await peer.open('0{"sid":"engine","upgrades":[],"pingInterval":50,"pingTimeout":50,"maxPayload":1}')
    await joining
    assert await get(reasons) == "ping timeout"
    again = await raw_server.accept()
    await again.open(sid="again")
    await until(lambda: client.id == "again")


async def test_a_server_that_ignores_our_close(
    raw_server: RawServer, new_client: NewClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "_CLOSE_TIMEOUT", 0.05)
    client = new_client(raw_server)
    peer, _ = await connected(raw_server, client)
    await client.disconnect()
    peer.writer.transport.abort()


async def test_what_comes_after_our_close(raw_server: RawServer, new_client: NewClient) -> None:
    client = new_client(raw_server)
    heard: list[Any] = []
    client.on("e")(heard.append)
    peer, _ = await connected(raw_server, client)
    ending = asyncio.create_task(client.disconnect())
    assert await peer.receive() == "41"
    assert await peer.receive() == Close(CloseCode.NORMAL, "")
    peer.send('42["e",1]', "nonsense")
    peer.writer.write(frames.encode_close(CloseCode.NORMAL))
    await ending
    assert heard == []
    assert await peer.receive() is None


async def test_a_server_that_pings_and_reads_nothing(raw_server: RawServer, new_client: NewClient) -> None:
    peer, reasons = await connected(raw_server, new_client(raw_server))
    ping = frames.encode(Opcode.PING, b"x" * 125) * 1000
    while reasons.empty():
        peer.writer.write(ping)
        await asyncio.sleep(0)
    assert await get(reasons) == "transport error"


# --- backpressure ---


async def test_emit_waits_for_a_server_that_does_not_read(
    raw_server: RawServer, new_client: NewClient
) -> None:
    client = new_client(raw_server)
    peer, _ = await connected(raw_server, client)
    sent = 0

    async def emit_all() -> None:
        nonlocal sent
        for _ in range(200):
            await client.emit("bulk", "x" * 500_000)
            sent += 1

    emitting = asyncio.create_task(emit_all())
    await asyncio.sleep(0.2)
    assert sent < 200  # what the two sockets hold, and a little more
    for _ in range(200):
        assert len(str(await peer.receive())) > 500_000
    await emitting


async def test_emit_does_not_wait_for_a_connection_that_is_lost(
    raw_server: RawServer, new_client: NewClient
) -> None:
    client = new_client(raw_server, reconnection=False)
    peer, reasons = await connected(raw_server, client)
    emitting = asyncio.create_task(client.emit("bulk", "x" * 50_000_000))
    await asyncio.sleep(0)
    peer.writer.transport.abort()
    await emitting
    assert await get(reasons) in ("transport error", "transport close")


async def test_reading_stops_while_a_handler_takes_its_time(serve: Serve, new_client: NewClient) -> None:
    count, size = 1_000, 20_000
    sockets: list[Socket] = []
    io = Server(max_buffered=100_000_000)
    io.on("connection")(sockets.append)

    async def flood(socket: Socket) -> None:
        for number in range(count):
            await socket.emit("e", number, "x" * size)

    io.on("flood")(flood)
    client = new_client(await serve(io), max_pending_events=4)
    handled: list[int] = []
    go_on = asyncio.Event()

    async def handle(number: int, _: str) -> None:
        await go_on.wait()
        handled.append(number)

    client.on("e")(handle)
    await client.connect()
    await client.emit("flood")
    await until(
        lambda: sockets[0]._local.link.transport.buffered > 1_000_000
    )  # it is the server that has to keep them
    await asyncio.sleep(0.05)
    assert client._state.waiting < 50
    go_on.set()
    await until(lambda: len(handled) == count)
    assert handled == list(range(count))


async def test_a_paused_client_of_a_dead_server(
    serve: Serve, new_client: NewClient, new_proxy: NewProxy
) -> None:
    """Its handler does not hide that the connection is gone."""
    io = Server(ping_interval=100, ping_timeout=100)

    async def flood(socket: Socket) -> None:
        for number in range(10):
            await socket.emit("e", number)

    io.on("flood")(flood)
    proxy = await new_proxy((await serve(io)).port)
    client = new_client(proxy, max_pending_events=2)
    go_on = asyncio.Event()
    told: list[Any] = []

    async def handle(number: int) -> None:
        await go_on.wait()
        told.append(number)

    client.on("e")(handle)
    client.on("disconnect")(told.append)
    await client.connect()
    await client.emit("flood")
    await until(lambda: client._state.waiting >= 2)
    first = client.id
    await until(lambda: client.connected and client.id != first)
    go_on.set()
    await until(lambda: len(told) == 11)
    assert told == [*range(10), "ping timeout"]


async def test_an_ack_behind_too_many_events(raw_server: RawServer, new_client: NewClient) -> None:
    """The handler that waits for it gets it, though the events alone would stop the reading."""
    client = new_client(raw_server, max_pending_events=2)
    handled: list[int] = []

    async def handle(number: int) -> None:
        handled.append(await client.emit_with_ack("get", number))

    client.on("e")(handle)
    peer, _ = await connected(raw_server, client)
    peer.send(*[f'42["e",{number}]' for number in range(100)])
    await peer.writer.drain()
    for number in range(100):
        assert await peer.receive() == f'42{number}["get",{number}]'
        peer.send(*['42["e",-1]'] * 3, f"43{number}[{number}]")
    await until(lambda: len(handled) >= 100)
    assert handled[:100] == list(range(100))
