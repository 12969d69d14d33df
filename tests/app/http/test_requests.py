"""Requests that do not come whole, from clients that mean no good, end with their connection."""

import asyncio
from contextlib import suppress

import httpx
import pytest

from app.http import requests as requests_module
from protocol.server.uvicorn_http.http_protocol import HttpProtocol
from tests.support.chat.people import Instance, People
from tests.support.waiting import PATIENCE

HEAD = b"GET /health/live HTTP/1.1\r\nHost: chat\r\n"
POST = b"POST /auth/sign-in HTTP/1.1\r\nHost: chat\r\nContent-Length: 10\r\n"


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HttpProtocol, "head_within", 0.05)
    monkeypatch.setattr(HttpProtocol, "body_within", 0.05)


async def ended(instance: Instance, *pieces: bytes, endless: bytes = b"") -> bytes:
    """What comes back until the server ends the connection, on which `endless` is sent again and again."""
    reader, writer = await asyncio.open_connection("127.0.0.1", instance.port)
    writer.writelines(pieces)

    async def send_on() -> None:
        while endless:
            writer.write(endless)
            await writer.drain()
            await asyncio.sleep(0.005)

    sending = asyncio.create_task(send_on())
    try:
        async with asyncio.timeout(PATIENCE):
            return await read_all(reader)
    finally:
        sending.cancel()
        with suppress(asyncio.CancelledError, ConnectionError):
            await sending
        writer.close()


async def read_all(reader: asyncio.StreamReader) -> bytes:
    answer = b""
    with suppress(ConnectionError):  # it was reset: we were sending
        while piece := await reader.read(65_536):
            answer += piece
    return answer


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize(
    ("pieces", "endless"),
    [
        ([], b""),
        ([b"GET /"], b""),
        ([HEAD], b""),
        ([HEAD], b"X-Y: z\r\n"),
        ([], b"\r\n"),
        ([POST, b"\r\n{"], b""),
        ([POST.replace(b"10", b"100000"), b"\r\n{"], b" "),
    ],
    ids=["nothing", "a line", "a head", "headers for ever", "empty lines", "a body", "a slow body"],
)
async def test_what_does_not_come_whole_in_time(
    instance: Instance, pieces: list[bytes], endless: bytes
) -> None:
    assert await ended(instance, *pieces, endless=endless) == b""


@pytest.mark.usefixtures("hurry")
async def test_empty_lines_after_an_answer(instance: Instance) -> None:
    answer = await ended(instance, HEAD, b"\r\n", endless=b"\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


async def test_a_head_without_end_is_not_kept(instance: Instance) -> None:
    answer = await ended(instance, HEAD, endless=b"X-Y: " + b"z" * 60_000 + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")


async def test_a_body_that_is_slow_to_come(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests_module, "BODY_WITHIN", 0.05)
    monkeypatch.setattr(HttpProtocol, "body_within", 1.0)
    answer = await ended(instance, POST, b"\r\n{")
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b'"message":"The body took too long","statusCode":408' in answer


@pytest.mark.usefixtures("hurry")
async def test_what_is_whole_may_take_its_time(people: People, http: httpx.AsyncClient) -> None:
    """A poll that waits, a websocket that is silent, requests one after the other."""
    ann = await people()
    device = await ann.device()
    for _ in range(10):
        await asyncio.sleep(0.03)
        assert (await http.get("/health/live")).status_code == 200
    assert await device.ok("room:list") == []
    assert device.received["disconnect"] == []


async def test_connections_are_kept_for_longer_than_proxies_keep_them(instance: Instance) -> None:
    """What a proxy in front closes first it does not send a request on; 75 s are usual."""
    assert instance.server.config.timeout_keep_alive > 75
