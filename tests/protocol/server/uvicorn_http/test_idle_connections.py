"""HTTP connections between two requests: how long they are kept, and that nothing is kept of one that has ended."""

import asyncio
import gc
import socket
import struct
import weakref
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from protocol.server.http.asgi import Receive, Scope, Send, respond
from protocol.server.uvicorn_http.http_protocol import HttpProtocol
from tests.support.raw_websocket import connect, read_answer
from tests.support.waiting import until

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
ADDRESS, DAY = "127.0.0.1", 86_400


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    await respond(send, 200, b"", ())


class Client:
    """A connection on which one request after the other is answered."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, request: bytes = REQUEST) -> None:
        self.writer.write(request)
        assert (await read_answer(self.reader)).status == 200


class Served:
    """The server's `connections`, and how many of them are `idle`."""

    def __init__(self, **attributes: Any) -> None:
        state = ServerState()
        self.connections: set[Any] = state.connections
        self.idle = Counter[str]()
        self.clients: list[Client] = []
        self.config = Config(
            answer, ws="none", interface="asgi3", lifespan="off", log_config=None, timeout_keep_alive=DAY
        )
        self.config.load()
        kind = type("Bounded", (HttpProtocol,), {"idle": self.idle, **attributes})
        self.make = lambda: kind(config=self.config, server_state=state, app_state={})
        self.port = 0

    async def client(self) -> Client:
        """One that has asked once."""
        self.clients.append(Client(*await connect(self.port)))
        await self.clients[-1].ask()
        return self.clients[-1]

    async def are_idle(self, count: int) -> None:
        """Return once so many are."""
        await until(lambda: self.idle[ADDRESS] == count)

    def seconds(self) -> list[float]:
        """For how long each connection may lie idle."""
        return sorted(connection.timeout_keep_alive for connection in self.connections)


@asynccontextmanager
async def serving(**attributes: Any) -> AsyncIterator[Served]:
    """Serves with attributes of the protocol's class."""
    served = Served(**attributes)
    server = await asyncio.get_running_loop().create_server(served.make, ADDRESS, 0)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()
        for client in served.clients:
            client.writer.transport.abort()
        await until(lambda: not served.connections)


async def test_many_of_an_address_are_kept_for_less_long() -> None:
    async with serving(max_idle=2) as served:
        for _ in range(4):
            await served.client()
        await served.are_idle(4)
        assert served.seconds() == [5, 5, DAY, DAY]


async def test_those_that_go_on_make_room_for_others() -> None:
    """What is counted is idle at the moment, and no connection is counted twice."""
    async with serving(max_idle=1) as served:
        first = await served.client()
        for _ in range(3):
            await first.ask()
        await served.are_idle(1)
        first.writer.write(REQUEST[:10])  # busy again
        await served.are_idle(0)
        await served.client()
        await served.are_idle(1)
        assert served.seconds() == [DAY, DAY]
        await first.ask(REQUEST[10:])
        await served.are_idle(2)
        assert served.seconds() == [5, DAY]


async def test_surplus_connections_end() -> None:
    async with serving(max_idle=0, surplus_within=0.01) as served:
        client = await served.client()
        assert await client.reader.read() == b""
        await until(lambda: not served.connections)
        assert not served.idle


@pytest.mark.parametrize("end", ["closed", "reset", "answered"])
async def test_nothing_is_kept_of_one_that_has_ended(end: str) -> None:
    """Not even until the time that it might have lain idle."""
    async with serving() as served:
        client = await served.client()
        (connection,) = served.connections
        kept = weakref.ref(connection)
        del connection
        if end == "answered":
            await client.ask(REQUEST[:-2] + b"Connection: close\r\n\r\n")
        elif end == "reset":
            plain = client.writer.get_extra_info("socket")
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.writer.close()
        await until(lambda: not served.connections)
        assert not served.idle
        gc.collect()
        assert kept() is None


async def test_requests_that_come_at_once_from_one_address_are_parsed_in_several_turns() -> None:
    """So that those of other addresses come between them."""
    async with serving(max_parsed=2, parsed=Counter()) as served:
        clients = [await served.client() for _ in range(6)]
        for connection in served.connections:
            connection.data_received(REQUEST)
        begun = [connection for connection in served.connections if not connection.cycle.response_complete]
        assert len(begun) == 2
        for client in clients:
            assert (await read_answer(client.reader)).status == 200


async def test_requests_that_wait_are_parsed_before_later_ones_of_their_address() -> None:
    """So that of many clients behind one proxy none waits while others come again and again."""
    async with serving(max_parsed=2, parsed=Counter(), small_reads={}) as served:
        clients = [await served.client() for _ in range(5)]
        *first, last = served.connections
        order: list[int] = []
        for number, connection in enumerate(served.connections):
            parse = connection._parse
            connection._parse = lambda parse=parse, number=number: (order.append(number), parse())  # type: ignore[method-assign]
        for connection in first:
            connection.data_received(REQUEST)
        assert order == [0, 1]
        connection.parsed.clear()  # a new turn
        last.data_received(REQUEST)
        for client in clients:
            assert (await read_answer(client.reader)).status == 200
        assert order == [0, 1, 2, 3, 4]
        assert not last.small_reads
