"""The page of the admin UI as an ASGI application: the files of the npm package `@socket.io/admin-ui`.

`scripts/web` puts them beside this module, with the icons that the page would fetch from elsewhere, and they are in the
wheel.
"""

import json
import logging
import re
from pathlib import Path

from protocol.errors import CloseCode
from protocol.server.http.asgi import Receive, Scope, Send, websocket_close
from protocol.server.http.request import Request
from protocol.server.http.static_files import respond_with, serve_file

log = logging.getLogger(__name__)

FOLDER = Path(__file__).parent / "page_files"
_FOLDERS = ("css", "fonts", "img", "js")
_TYPES = {
    ".html": b"text/html; charset=utf-8",
    ".js": b"application/javascript; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".svg": b"image/svg+xml",
    ".png": b"image/png",
    ".woff2": b"font/woff2",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self' data:; "
    "connect-src *; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
]
# The page keeps its settings there. Where it has a URL, it connects at once, and asks for the credentials.
_DEFAULTS = """\
(function (defaults) {
  for (const name in defaults) {
    if (localStorage.getItem(name) === null) localStorage.setItem(name, defaults[name]);
  }
})(Object.assign({ server_url: location.origin }, %s));
"""


class AdminPage:
    """The page, under the path that it is mounted at:

        app = Starlette(routes=[Mount("/admin-ui", app=AdminPage()), Mount("/socket.io", app=io)], lifespan=io.lifespan)

    `path` is that of the Socket.IO server, `namespace` that of `instrument`: what the page offers at first.
    """

    def __init__(self, path: str = "/socket.io", namespace: str = "/admin") -> None:
        script = _DEFAULTS % json.dumps({"path": path.rstrip("/"), "namespace": namespace})
        self._defaults = script.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request over HTTP; 404 where there is no such file. A websocket is closed."""
        if scope["type"] == "websocket":
            await receive()
            await websocket_close(send, CloseCode.NORMAL)
            return
        request = Request.of_scope(scope)
        above, _, name = request.path.rpartition("/")
        folder = above.rpartition("/")[2]
        if name == "defaults.js" and request.method in ("GET", "HEAD"):
            headers = [(b"content-type", _TYPES[".js"]), (b"cache-control", b"no-cache"), *_HEADERS]
            await respond_with(send, 200, b"" if request.method == "HEAD" else self._defaults, headers)
            return
        if re.fullmatch(r"[\w-]+", name, re.ASCII):  # the links of the page are relative
            await respond_with(send, 308, b"", [(b"location", name.encode() + b"/"), *_HEADERS])
            return
        found = FOLDER / (folder if folder in _FOLDERS else "") / (name or "index.html")
        try:
            if found.suffix not in _TYPES:
                raise FileNotFoundError(name)
            await serve_file(request, found, _TYPES[found.suffix], send, _HEADERS)
        except OSError as error:
            if not FOLDER.exists():
                log.warning("the page of the admin UI cannot be served, scripts/web installs it: %s", error)
            await respond_with(send, 404, b"Not found", list(_HEADERS))
