"""The proxy of scripts/: between real sockets, under the event loop that it is meant for and asyncio's own."""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
import uvloop

from scripts.proxy import Mode, Proxy, Target
from tests.support.waiting import until

Connect = Callable[[Proxy], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
MEBIBYTE = 2**20
MOST_HELD = 64 * MEBIBYTE  # by the proxy's transports and four of the kernel's buffers, of some MiB each


@pytest.fixture(scope="module", params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, object]]:
    options = {"use_uvloop": request.param == "uvloop"}
    return "asyncio", options


class EchoServer:
    """Answers each connection with its name, then with whatever it hears, and with its end when that ends."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.connections = 0
        self.heard = 0
        self.reads = asyncio.Event()
        self.reads.set()
        self._server: asyncio.Server | None = None

    async def start(self, place: Path | None = None) -> Target:
        if place is not None:
            self._server = await asyncio.start_unix_server(self._serve, place)
            return place
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        return host, port

    def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.write(f"{self.name}\n".encode())
        with suppress(ConnectionError):
            while await self.reads.wait() and (data := await reader.read(65_536)):
                self.heard += len(data)
                writer.write(data)
                await writer.drain()
        writer.close()
        self.connections -= 1


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with asyncio.timeout(30), AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def servers(stack: AsyncExitStack) -> list[EchoServer]:
    servers = [EchoServer("first"), EchoServer("second")]
    for server in servers:
        stack.callback(server.stop)
    return servers


@pytest.fixture
async def proxy(stack: AsyncExitStack, servers: list[EchoServer]) -> Proxy:
    proxy = Proxy([await server.start() for server in servers])
    await proxy.start()
    stack.push_async_callback(proxy.stop)
    return proxy


@pytest.fixture
def connect(stack: AsyncExitStack) -> Connect:
    async def connect(proxy: Proxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        stack.push_async_callback(closed, writer)
        return reader, writer

    return connect


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def test_connections_are_spread_in_turn(proxy: Proxy, connect: Connect) -> None:
    names = [await (await connect(proxy))[0].readline() for _ in range(5)]
    assert names == [b"first\n", b"second\n", b"first\n", b"second\n", b"first\n"]
    assert proxy.links == 5


async def test_a_server_that_is_gone_is_passed_over(
    proxy: Proxy, servers: list[EchoServer], connect: Connect
) -> None:
    servers[0].stop()
    for _ in range(3):
        assert await (await connect(proxy))[0].readline() == b"second\n"
    servers[1].stop()
    assert await (await connect(proxy))[0].read() == b""
    await until(lambda: proxy.links == 3)


async def test_a_server_that_is_gone_is_passed_over_by_all_that_come_at_once(
    proxy: Proxy, servers: list[EchoServer], connect: Connect
) -> None:
    servers[0].stop()
    came = await asyncio.gather(*(connect(proxy) for _ in range(50)))
    assert {await reader.readline() for reader, _ in came} == {b"second\n"}


async def test_unix_sockets_are_servers_too(
    stack: AsyncExitStack, servers: list[EchoServer], connect: Connect, servers_folder: Path
) -> None:
    place = servers_folder / "echo.sock"
    proxy = Proxy([await servers[0].start(place)])
    await proxy.start()
    stack.push_async_callback(proxy.stop)
    reader, writer = await connect(proxy)
    writer.write(b"over a file\n")
    assert [await reader.readline(), await reader.readline()] == [b"first\n", b"over a file\n"]


async def test_all_bytes_pass_and_one_end_may_stop_to_send(proxy: Proxy, connect: Connect) -> None:
    reader, writer = await connect(proxy)
    await reader.readline()
    sent = bytes(range(256)) * 20_000
    echo = asyncio.create_task(reader.read())
    writer.write(sent)
    writer.write_eof()
    assert await echo == sent
    writer.close()
    await until(lambda: proxy.links == 0)


async def test_a_slow_server_is_not_buffered_for(
    proxy: Proxy, servers: list[EchoServer], connect: Connect
) -> None:
    servers[0].reads.clear()
    reader, writer = await connect(proxy)
    await reader.readline()
    sent = 0
    writer.transport.set_write_buffer_limits(high=0)
    with suppress(TimeoutError):
        while True:
            writer.write(b"x" * MEBIBYTE)
            sent += MEBIBYTE
            assert sent <= MOST_HELD
            await asyncio.wait_for(writer.drain(), 1)  # nothing is asserted of how long it takes
    servers[0].reads.set()
    await reader.readexactly(sent)


async def test_a_client_that_leaves_at_once_leaves_nothing(
    proxy: Proxy, servers: list[EchoServer], connect: Connect
) -> None:
    for _ in range(20):
        (await connect(proxy))[1].transport.abort()
    await (await connect(proxy))[0].readline()
    await until(lambda: proxy.links == 1)
    await until(lambda: servers[0].connections + servers[1].connections == 1)


async def test_a_cut_ends_both_sides(proxy: Proxy, servers: list[EchoServer], connect: Connect) -> None:
    readers = [(await connect(proxy))[0] for _ in range(4)]
    for reader in readers:
        await reader.readline()
    proxy.cut()
    for reader in readers:
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
    await until(lambda: servers[0].connections == servers[1].connections == 0)
    assert await (await connect(proxy))[0].readline()


async def test_refused_until_it_resumes(proxy: Proxy, connect: Connect) -> None:
    reader, _ = await connect(proxy)
    await reader.readline()
    proxy.refuse()
    with suppress(ConnectionResetError):
        assert await reader.read() == b""
    with pytest.raises(ConnectionRefusedError):
        await connect(proxy)
    await proxy.resume()
    assert await (await connect(proxy))[0].readline()


async def test_stalled_until_it_resumes(proxy: Proxy, servers: list[EchoServer], connect: Connect) -> None:
    old, writer = await connect(proxy)
    await old.readline()
    proxy.stall()
    writer.write(b"late\n")
    new, new_writer = await connect(proxy)
    gone = (await connect(proxy))[1]
    new_writer.write(b"later\n")
    gone.close()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.gather(old.read(1), new.read(1)), 0.3)
    assert (servers[0].heard, servers[1].connections) == (0, 0)
    await proxy.resume()
    # Each was read from while it stalled; a cancelled read takes nothing.
    assert await old.readline() == b"late\n"
    assert [await new.readline(), await new.readline()] == [b"second\n", b"later\n"]
    await until(lambda: proxy.links == 2)


async def test_stalled_in_one_direction(proxy: Proxy, servers: list[EchoServer], connect: Connect) -> None:
    reader, writer = await connect(proxy)
    await reader.readline()
    proxy.stall(Mode.STALL_TO_CLIENT)
    writer.write(b"heard\n")
    await until(lambda: servers[0].heard > 0)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.3)
    proxy.stall(Mode.STALL_TO_SERVER)
    assert await reader.readline() == b"heard\n"
    heard = servers[0].heard
    writer.write(b"late\n")
    new, _ = await connect(proxy)
    assert await new.readline() == b"second\n"  # a server takes it, and may speak
    assert servers[0].heard == heard
    await proxy.resume()
    assert await reader.readline() == b"late\n"


async def test_abandoned_for_good(proxy: Proxy, servers: list[EchoServer], connect: Connect) -> None:
    old, writer = await connect(proxy)
    await old.readline()
    proxy.abandon()
    writer.write(b"in vain\n")
    new, new_writer = await connect(proxy)
    new_writer.write(b"at once\n")
    assert [await new.readline(), await new.readline()] == [b"second\n", b"at once\n"]
    await proxy.resume()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(old.read(1), 0.3)
    assert servers[0].heard == 0
    await proxy.stop()
    with suppress(ConnectionResetError):
        assert await old.read() == b""


async def test_clients_that_come_while_it_stops_and_go_while_it_connects_are_forgotten(
    servers: list[EchoServer],
) -> None:
    """It would not come to its end otherwise. Where a connection ends that is just being made, uvloop says nothing."""
    if not isinstance(asyncio.get_running_loop(), uvloop.Loop):
        pytest.skip("asyncio itself loses connections that come while a server ends")
    target = await servers[0].start()
    for steps in range(30):
        proxy = Proxy([target])
        await proxy.start()
        clients = [socket.socket() for _ in range(20)]
        for client in clients:
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", proxy.port))
        for _ in range(steps % 6):
            await asyncio.sleep(0)
        for client in clients[:: 1 + steps % 3]:
            client.close()
        for _ in range(steps // 6):
            await asyncio.sleep(0)
        await proxy.stop()
        assert proxy.links == 0
        for client in clients:
            client.close()
    await until(lambda: servers[0].connections == 0)


@pytest.mark.parametrize("turns", range(6))
async def test_whoever_comes_just_before_the_end_is_cut_as_well(
    proxy: Proxy, stack: AsyncExitStack, turns: int
) -> None:
    """The end comes some turns of the event loop after the kernel has taken the connection."""
    client = stack.enter_context(socket.create_connection(("127.0.0.1", proxy.port)))
    client.setblocking(False)
    for _ in range(turns):
        await asyncio.sleep(0)
    await proxy.stop()
    with suppress(ConnectionError):
        assert await asyncio.get_running_loop().sock_recv(client, 100) in (b"", b"first\n")
    assert proxy.links == 0
    gc.collect()  # which warns of what was left open
