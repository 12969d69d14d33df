"""Middleware of an application, which the fast websocket goes past: the log says so, once, and only then."""

from collections.abc import Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount, Router
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from protocol import Server
from protocol.server.http.middleware import middleware_around
from tests.support.engine_clients import PollingClient
from tests.support.running import RAW, Running

App = Callable[..., Server]
WARNING = "does not see the websockets of ws=io.websocket_protocol"
CORS = Middleware(CORSMiddleware, allow_origins=["https://example.org"])
GZIP = Middleware(GZipMiddleware)


def plain(io: Server, **options: Any) -> Starlette:
    return Starlette(routes=[Mount("/socket.io", app=io)], **options)


APPLICATIONS: dict[str, tuple[Callable[[Server], Any], list[str] | None]] = {
    "none": (plain, []),
    "the server alone": (lambda io: io, []),
    "of the application": (
        lambda io: plain(io, middleware=[CORS, GZIP]),
        ["CORSMiddleware", "GZipMiddleware"],
    ),
    "of the mount": (
        lambda io: Starlette(routes=[Mount("/socket.io", app=io, middleware=[GZIP])]),
        ["GZipMiddleware"],
    ),
    "of an outer application": (
        lambda io: Starlette(routes=[Mount("/", app=plain(io))], middleware=[CORS]),
        ["CORSMiddleware"],
    ),
    "around the application": (lambda io: GZipMiddleware(plain(io)), ["GZipMiddleware"]),
    "around the server": (
        lambda io: Starlette(routes=[Mount("/x", app=GZipMiddleware(io))]),
        ["GZipMiddleware"],
    ),
    "a router": (lambda io: Router(routes=[Mount("/other", routes=[]), Mount("/", app=io)]), []),
    "uvicorn's own": (lambda io: ProxyHeadersMiddleware(plain(io)), []),
    "another application": (lambda _: plain(Server(), middleware=[CORS]), None),
}


@pytest.mark.parametrize("case", APPLICATIONS)
def test_what_stands_around_a_server(case: str) -> None:
    make, expected = APPLICATIONS[case]
    io = Server()
    assert middleware_around(make(io), io) == expected


def test_an_endless_application() -> None:
    class Endless:
        @property
        def app(self) -> "Endless":
            return self

    assert middleware_around(Endless(), object()) is None


@pytest.mark.parametrize("own_lifespan", [False, True])
@pytest.mark.parametrize("middleware", [[], [GZIP]])
async def test_the_log_warns_once(
    shell: str,
    make_app: App,
    stack: AsyncExitStack,
    caplog: pytest.LogCaptureFixture,
    middleware: list[Middleware],
    own_lifespan: bool,
) -> None:
    """At the start, if the server is shown the application, else at the first request."""
    io = make_app()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> Any:
        async with io.lifespan():
            yield

    running = Running(io, shell)
    await running.start(
        app=plain(io, middleware=middleware, lifespan=lifespan if own_lifespan else io.lifespan)
    )
    stack.push_async_callback(running.stop)
    expected = 1 if shell == RAW and middleware else 0

    def warnings() -> int:
        return sum(WARNING in record.message for record in caplog.records)

    assert warnings() == (0 if own_lifespan else expected)
    for _ in range(2):
        client = await PollingClient.open(running)
        await client.join()
        await client.close()
    assert warnings() == expected
