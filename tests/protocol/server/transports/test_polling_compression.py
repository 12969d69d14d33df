"""Compression of polling's answers."""

import gzip
import zlib
from collections.abc import Callable

import pytest

from protocol import Server
from tests.support.engine_clients import Poll
from tests.support.running import Serve

App = Callable[..., Server]


LARGE = "x" * 5000


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br", "gzip"),
        ("deflate", "deflate"),
        ("gzip;q=0, deflate", "deflate"),
        ("GZIP ; q=0.5", "gzip"),
        ("br", None),
        ("identity", None),
        ("gzip;q=0", None),
    ],
)
async def test_large_answers_are_compressed(
    serve: Serve, make_app: App, poll: Poll, accepted: str, encoding: str | None
) -> None:
    client = await poll(await serve(make_app()), **{"accept-encoding": accepted})
    await client.join()
    await client.send(f'2["echo","{LARGE}"]')
    async with client.http.stream("GET", client.url) as response:
        assert response.headers.get("content-encoding") == encoding
        body = b"".join([chunk async for chunk in response.aiter_raw()])
    decompress = {"gzip": gzip.decompress, "deflate": zlib.decompress, None: bytes}[encoding]
    assert decompress(body).decode() == f'42["echo","{LARGE}"]'


async def test_very_large_answers_are_compressed(serve: Serve, make_app: App, poll: Poll) -> None:
    """Those are compressed in a thread."""
    client = await poll(await serve(make_app()))
    await client.join()
    await client.send(f'2["echo","{LARGE * 10}"]')
    response = await client.get()
    assert response.headers["content-encoding"] == "gzip"
    assert response.text == f'42["echo","{LARGE * 10}"]'


@pytest.mark.parametrize(
    ("threshold", "size", "compressed"), [(1024, 1023, False), (1024, 1024, True), (10, 20, True)]
)
async def test_small_answers_are_not_compressed(
    serve: Serve, make_app: App, poll: Poll, threshold: int, size: int, compressed: bool
) -> None:
    client = await poll(await serve(make_app(compression_threshold=threshold)))
    await client.join()
    await client.send('2["echo","' + "x" * (size - 13) + '"]')
    response = await client.get()
    assert len(response.content) == size
    assert ("content-encoding" in response.headers) is compressed


async def test_compression_can_be_turned_off(serve: Serve, make_app: App, poll: Poll) -> None:
    client = await poll(await serve(make_app(compression_threshold=None)))
    await client.join()
    await client.send(f'2["echo","{LARGE}"]')
    assert "content-encoding" not in (await client.get()).headers
