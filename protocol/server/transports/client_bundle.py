"""The official client for browsers, as the reference serves it: `<script src="/socket.io/socket.io.js">`.

The files are those of the npm package `socket.io-client`. `scripts/web` puts them beside this module, and they are in
the wheel.
"""

import asyncio
import gzip
import hashlib
import logging
from functools import cache
from pathlib import Path
from typing import NamedTuple

from protocol.server.config.cors import cors_headers
from protocol.server.config.options import EngineOptions
from protocol.server.http.asgi import Receive, Scope, Send
from protocol.server.http.request import Request

log = logging.getLogger(__name__)

FOLDER = Path(__file__).parent / "client_bundle"
SCRIPTS = ("socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js")
_NAMES = frozenset([*SCRIPTS, *(f"{name}.map" for name in SCRIPTS)])
_ENDS = (".js", ".js.map")


class _File(NamedTuple):
    etag: bytes
    plain: bytes
    compressed: bytes


@cache
def _read(name: str) -> _File:
    content = (FOLDER / name).read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:32]
    return _File(b'"%b"' % digest.encode(), content, gzip.compress(content))


def is_asked_for(scope: Scope) -> bool:
    """True if a request is for one of the files."""
    path: str = scope["path"]
    return path.endswith(_ENDS) and scope["type"] == "http" and path.rpartition("/")[2] in _NAMES


async def serve(options: EngineOptions, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with a file; 304 to whoever has it (RFC 9110 §13.1.2), 404 where the client is not installed."""
    del receive  # a GET has no body
    request = Request.of_scope(scope)
    name = request.path.rpartition("/")[2]
    headers = [(b"x-content-type-options", b"nosniff"), *cors_headers(options, request)]
    if request.method not in ("GET", "HEAD"):
        await _respond(send, 405, b"", [*headers, (b"allow", b"GET, HEAD")])
        return
    try:
        file = await asyncio.to_thread(_read, name)
    except OSError as error:
        log.warning("the client cannot be served, scripts/web installs it: %s", error)
        await _respond(send, 404, b"Not found", headers)
        return
    headers += [(b"etag", file.etag), (b"cache-control", b"public, max-age=0"), (b"vary", b"Accept-Encoding")]
    known = (request.header("if-none-match") or "").replace("W/", "").split(",")
    if file.etag.decode() in [tag.strip() for tag in known]:
        await _respond(send, 304, b"", headers)
        return
    kind = b"application/json" if name.endswith(".map") else b"application/javascript"
    headers.append((b"content-type", kind + b"; charset=utf-8"))
    body = file.plain
    if "gzip" in (request.header("accept-encoding") or ""):
        headers.append((b"content-encoding", b"gzip"))
        body = file.compressed
    headers.append((b"content-length", b"%d" % len(body)))
    await _respond(send, 200, b"" if request.method == "HEAD" else body, headers)


async def _respond(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    if not any(name == b"content-length" for name, _ in headers) and status != 304:
        headers = [*headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
