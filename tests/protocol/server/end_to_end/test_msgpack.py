"""The msgpack parser: one binary message a packet (docs/protocol.md §2, "Packets")."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgpack
import pytest

from protocol import MSGPACK, Refused, Server, Socket
from tests.support.engine_clients import Client, Connect, Recorder
from tests.support.running import Serve

App = Callable[..., Server]

pytestmark = pytest.mark.usefixtures("way")

EVENT, ACK = 2, 3


def packet(kind: int, data: Any = None, nsp: str = "/", **fields: Any) -> bytes:
    fields = {"type": kind, "nsp": nsp} | ({} if data is None else {"data": data}) | fields
    return bytes(msgpack.packb(fields))


async def receive(client: Client) -> Any:
    message = await client.receive()
    assert isinstance(message, bytes)
    return msgpack.unpackb(message)


async def joined(host: Serve, connect: Connect, io: Server) -> Client:
    client = await connect(await host(io))
    await client.send(packet(0))
    answer = await receive(client)
    assert answer == {"type": 0, "data": {"sid": answer["data"]["sid"]}, "nsp": "/"}
    return client


async def test_events(host: Serve, make_app: App, connect: Connect, seen: Recorder) -> None:
    client = await joined(host, connect, make_app(parser=MSGPACK))
    data = ["echo", 1, "€", b"\x00\x01", {"a": [None, b"x", 1.5]}]
    await client.send(packet(EVENT, data))
    assert await receive(client) == {"type": EVENT, "data": data, "nsp": "/"}
    assert seen.entries[-1] == tuple(data)


async def test_acks(host: Serve, make_app: App, connect: Connect) -> None:
    io = make_app(parser=MSGPACK)
    client = await joined(host, connect, io)
    await client.send(packet(EVENT, ["echo", b"x"], id=0))
    assert await receive(client) == {"type": EVENT, "data": ["echo", b"x"], "nsp": "/"}
    assert await receive(client) == {"type": ACK, "data": [b"x"], "nsp": "/", "id": 0}
    (socket,) = await io.fetch_sockets()
    asking = asyncio.create_task(socket.emit_with_ack("ask", timeout=10_000))
    assert await receive(client) == {"type": EVENT, "data": ["ask"], "nsp": "/", "id": 0}
    await client.send(packet(ACK, [b"answer"], id=0))
    assert await asking == b"answer"


async def test_namespaces_and_refusal(host: Serve, make_app: App, connect: Connect) -> None:
    io = make_app(parser=MSGPACK)

    @io.of("/custom").use
    def refuse(socket: Socket) -> None:
        if "token" not in socket.handshake.auth:
            raise Refused("no entry", {"code": 7})

    client = await joined(host, connect, io)
    await client.send(packet(0, nsp="/custom"))
    refusal = {"type": 4, "data": {"message": "no entry", "data": {"code": 7}}, "nsp": "/custom"}
    assert await receive(client) == refusal
    await client.send(packet(0, {"token": 1}, "/custom"))
    assert (await receive(client))["type"] == 0
    await io.of("/custom").disconnect_sockets()
    assert await receive(client) == {"type": 1, "nsp": "/custom"}


async def test_what_javascript_adds(host: Serve, make_app: App, connect: Connect, seen: Recorder) -> None:
    """`undefined` for what is absent, dates as an extension, and options that do not concern the server."""
    client = await joined(host, connect, make_app(parser=MSGPACK))
    undefined = msgpack.ExtType(0, b"\0")
    moment = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    milliseconds = msgpack.ExtType(0, int(moment.timestamp() * 1000).to_bytes(8, "big"))
    data = ["echo", undefined, milliseconds]
    await client.send(packet(EVENT, data, id=undefined, options={"compress": True}))
    assert await receive(client) == {"type": EVENT, "data": ["echo", None, milliseconds], "nsp": "/"}
    assert seen.entries[-1] == ("echo", None, moment)


@pytest.mark.parametrize(
    "message",
    [
        "2[]",
        b"",
        b"\xc1",
        b"\x93\x01",
        msgpack.packb([1]),
        msgpack.packb({"type": 2}),
        msgpack.packb({"type": True, "nsp": "/"}),
        packet(5, ["echo"]),
        packet(EVENT),
        packet(EVENT, []),
        packet(EVENT, ["disconnect"]),
        packet(EVENT, ["echo"], id="1"),
        packet(EVENT, ["echo"], id=-1),
        packet(EVENT, ["echo", msgpack.ExtType(7, b"x")]),
        packet(ACK, ["echo"]),
        packet(4, {"message": "no"}),
        packet(EVENT, ["echo"], nsp="/nowhere"),
        packet(EVENT, ["echo"]) + b"x",
        b"\x91" * 100_000,
    ],
)
async def test_what_is_not_allowed_closes(
    host: Serve, make_app: App, connect: Connect, seen: Recorder, message: str | bytes
) -> None:
    client = await joined(host, connect, make_app(parser=MSGPACK))
    await client.provoke(message)
    await seen.wait_for("disconnect", "parse error")


async def test_a_refusal_whose_data_msgpack_cannot_hold(host: Serve, make_app: App, connect: Connect) -> None:
    """The client is answered without it, and may ask again."""
    io = make_app(parser=MSGPACK)

    @io.use
    async def refuse(socket: Socket) -> None:
        raise Refused("no", "half an emoji: \ud83d")

    client = await connect(await host(io))
    for _ in range(2):
        await client.send(packet(0))
        assert await receive(client) == {"type": 4, "data": {"message": "no"}, "nsp": "/"}
