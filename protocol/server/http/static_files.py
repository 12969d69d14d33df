"""Files of a folder that never change while the server runs, over HTTP: with an ETag, and compressed."""

import asyncio
import gzip
import hashlib
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from protocol.server.http.asgi import Send
from protocol.server.http.request import RawHeaders, Request

_AS_THEY_ARE = (".png", ".woff2")  # compressed already


class _File(NamedTuple):
    etag: bytes
    plain: bytes
    compressed: bytes | None


@cache
def _read(path: Path) -> _File:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:32]
    compressed = None if path.suffix in _AS_THEY_ARE else gzip.compress(content)
    return _File(b'"%b"' % digest.encode(), content, compressed)


async def serve_file(request: Request, path: Path, kind: bytes, send: Send, headers: RawHeaders) -> None:
    """Answer with a file of a type; 304 to whoever has it (RFC 9110 §13.1.2). Raises `OSError` where there is none."""
    headers = list(headers)
    if request.method not in ("GET", "HEAD"):
        await respond_with(send, HTTPStatus.METHOD_NOT_ALLOWED, b"", [*headers, (b"allow", b"GET, HEAD")])
        return
    file = await asyncio.to_thread(_read, path)
    headers += [(b"etag", file.etag), (b"cache-control", b"public, max-age=0"), (b"vary", b"Accept-Encoding")]
    known = (request.header("if-none-match") or "").replace("W/", "").split(",")
    if file.etag.decode() in [tag.strip() for tag in known]:
        await respond_with(send, HTTPStatus.NOT_MODIFIED, b"", headers)
        return
    headers.append((b"content-type", kind))
    body = file.plain
    if file.compressed is not None and "gzip" in (request.header("accept-encoding") or ""):
        headers.append((b"content-encoding", b"gzip"))
        body = file.compressed
    headers.append((b"content-length", b"%d" % len(body)))
    await respond_with(send, HTTPStatus.OK, b"" if request.method == "HEAD" else body, headers)


async def respond_with(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    """Answer with what caches may keep, as `headers` say, and whose type no browser may guess."""
    headers = [(b"x-content-type-options", b"nosniff"), *headers]
    if not any(name == b"content-length" for name, _ in headers) and status != HTTPStatus.NOT_MODIFIED:
        headers = [*headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body})
