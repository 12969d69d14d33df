"""A client over TLS, as a URL with https asks for."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from protocol import Server, Unreachable
from tests.support.raw_servers import NewClient
from tests.support.tls import make_certificate
from tests.support.waiting import until


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That of the server, which vouches for itself."""
    return make_certificate(tmp_path_factory.mktemp("tls") / "certificate.pem", "127.0.0.1")


@pytest.fixture
async def port(shell: str, certificate: Path) -> AsyncIterator[int]:
    """The port of a server that speaks TLS, and tells over what it was reached."""
    io = Server()

    async def echo(socket: Any, *args: Any) -> list[Any]:
        return [socket.handshake.secure, *args]

    io.on("echo")(echo)
    ws: Any = io.websocket_protocol if shell == "raw" else "websockets-sansio"
    config = uvicorn.Config(
        io, host="127.0.0.1", port=0, ws=ws, ssl_certfile=certificate, lifespan="on", log_config=None
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await serving


@pytest.mark.parametrize("scheme", ["https", "wss"])
async def test_a_trusted_certificate(
    port: int, certificate: Path, new_client: NewClient, scheme: str
) -> None:
    client = new_client(
        f"{scheme}://127.0.0.1:{port}", ssl=ssl.create_default_context(cafile=str(certificate))
    )
    await client.connect()
    payload = bytes(range(256)) * 3_000
    assert await client.emit_with_ack("echo", "€", payload, timeout=20_000) == [True, "€", payload]
    await client.disconnect()


async def test_an_unknown_certificate(port: int, new_client: NewClient) -> None:
    client = new_client(f"https://127.0.0.1:{port}")
    with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
        await client.connect()
    assert not client.active


async def test_no_tls_where_it_is_due(port: int, new_client: NewClient) -> None:
    with pytest.raises(Unreachable):
        await new_client(f"http://127.0.0.1:{port}").connect()
