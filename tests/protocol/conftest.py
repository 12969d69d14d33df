"""Servers behind uvicorn, on both websocket shells. `stack` is the folders' own."""

from contextlib import AsyncExitStack

import pytest
from starlette.applications import Starlette

from protocol import EngineServer, Server
from tests.support.running import SHELLS, Running, Serve


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    """A test that serves runs once with each shell."""
    return str(request.param)


@pytest.fixture
async def serve(shell: str, stack: AsyncExitStack) -> Serve:
    """Serves a server, or an application around it, until the end of the test."""

    async def start(server: Server | EngineServer, port: int = 0, app: Starlette | None = None) -> Running:
        running = await Running(server, shell).start(port, app)
        stack.push_async_callback(running.stop)
        return running

    return start
