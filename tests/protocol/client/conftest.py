"""Clients against real servers, on both websocket shells and both event loops."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

import protocol
from protocol import Client
from tests.support.raw_servers import NewClient, NewProxy, Proxy, RawServer
from tests.support.running import Running

QUICK = {"reconnection_delay": 5, "reconnection_delay_max": 20}
FOLDER = f"{protocol.__path__[0]}/client/"


@pytest.fixture(scope="session", params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    return "asyncio", {"use_uvloop": request.param}


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    """What is to be ended after the test; then no task of a client may be left."""
    async with AsyncExitStack() as stack:
        yield stack
    codes = [getattr(task.get_coro(), "cr_code", None) for task in asyncio.all_tasks()]
    assert [code for code in codes if code is not None and code.co_filename.startswith(FOLDER)] == []


@pytest.fixture
async def new_client(stack: AsyncExitStack) -> NewClient:
    """Makes clients that are disconnected at the end of the test, before the servers stop."""

    def make(server: Running | RawServer | Proxy | str, **options: Any) -> Client:
        url = server if isinstance(server, str) else getattr(server, "origin", None) or server.url
        assert isinstance(url, str)
        client = Client(url, **{**QUICK, **options})
        stack.push_async_callback(client.disconnect)
        if isinstance(server, RawServer):
            stack.push_async_callback(server.stop)  # first, for nobody answers there
        return client

    return make


@pytest.fixture
async def raw_server(stack: AsyncExitStack) -> RawServer:
    server = RawServer()
    await server.start()
    stack.push_async_callback(server.stop)
    return server


@pytest.fixture
async def new_proxy(stack: AsyncExitStack) -> NewProxy:
    """Makes proxies in front of a port."""

    async def start(port: int) -> Proxy:
        proxy = Proxy(port)
        await proxy.start()
        stack.push_async_callback(proxy.stop)
        return proxy

    return start
