"""The official client for browsers, as the reference serves it: `<script src="/socket.io/socket.io.js">`.

The files are those of the npm package `socket.io-client`. `scripts/web` puts them beside this module, and they are in
the wheel.
"""

import logging
from pathlib import Path

from protocol.server.config.cors import cors_headers
from protocol.server.config.options import EngineOptions
from protocol.server.http.asgi import Receive, Scope, Send
from protocol.server.http.request import Request
from protocol.server.http.static_files import respond_with, serve_file

log = logging.getLogger(__name__)

FOLDER = Path(__file__).parent / "client_bundle"
SCRIPTS = ("socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js")
_NAMES = frozenset([*SCRIPTS, *(f"{name}.map" for name in SCRIPTS)])
_ENDS = (".js", ".js.map")


def is_asked_for(scope: Scope) -> bool:
    """True if a request is for one of the files."""
    path: str = scope["path"]
    return path.endswith(_ENDS) and scope["type"] == "http" and path.rpartition("/")[2] in _NAMES


async def serve(options: EngineOptions, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with a file; 404 where the client is not installed."""
    del receive  # a GET has no body
    request = Request.of_scope(scope)
    name = request.path.rpartition("/")[2]
    kind = b"application/json" if name.endswith(".map") else b"application/javascript"
    headers = cors_headers(options, request)
    try:
        await serve_file(request, FOLDER / name, kind + b"; charset=utf-8", send, headers)
    except OSError as error:
        log.warning("the client cannot be served, scripts/web installs it: %s", error)
        await respond_with(send, 404, b"Not found", list(headers))
