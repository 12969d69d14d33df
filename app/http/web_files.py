"""The page to chat on, those for administrators and of the REST API, and the client for JavaScript: the files that
scripts/web builds, served from app/web/dist.

Their names in /assets have a hash of their content in them, so these never change; all others are asked for again,
and not sent again where they are the same. Beside a file there may be the same file compressed.
"""

import os
import re
from contextlib import suppress
from pathlib import Path

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.http.requests import http_error

DIST = Path(__file__).parent.parent / "web" / "dist"

POLICY = {
    "default-src": "'self'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' blob: data:",
    "media-src": "'self' blob:",
    "connect-src": "'self' ws: wss:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
PAGE_HEADERS = {
    "content-security-policy": "; ".join(f"{name} {sources}" for name, sources in POLICY.items()),
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
CLIENT_HEADERS = {
    "client/parley.js": {"x-typescript-types": "/client/parley.d.ts"},  # where Deno looks for the types
    "client/parley.d.ts": {"content-type": "application/typescript; charset=utf-8"},
    "client/parley-chat-client.tgz": {"content-type": "application/gzip"},
}
ALWAYS_ASKED_FOR = "no-cache"
NEVER_CHANGED = "public, max-age=31536000, immutable"
ONLY_IF = (b"if-", b"range")  # headers of requests for less than a whole file
ENCODINGS = {"br": ".br", "gzip": ".gz"}  # the best first


class WebFiles:
    """Serves the files of a folder `dist`, which may be missing."""

    def __init__(self, dist: Path = DIST) -> None:
        self._files = CompressedFiles(directory=dist, check_dir=False)

    def routes(self) -> list[Route]:
        """Those of the pages and of the files that they need, and of the client; a GET also answers HEAD."""
        return [
            Route("/", self.index),
            Route("/admin", self.admin),
            Route("/docs", self.docs),
            *(Route(f"{folder}/{{name}}", self.file) for folder in ("", "/assets", "/client", "/docs")),
        ]

    async def index(self, request: Request) -> Response:
        """GET /: the page to chat on."""
        return await self._page("index.html", request)

    async def admin(self, request: Request) -> Response:
        """GET /admin: the page for administrators. Anybody may load it: what it shows it must ask for."""
        return await self._page("admin.html", request)

    async def docs(self, request: Request) -> Response:
        """GET /docs: the page of the REST API."""
        return await self._page("docs/index.html", request)

    async def file(self, request: Request) -> Response:
        """GET /{name}, /assets/{name}, /docs/{name}: what the pages need. GET /client/{name}: the client."""
        return await self._found(request.scope["path"].lstrip("/"), request)

    async def unknown(self, request: Request, error: Exception) -> Response:
        """What answers Starlette's own errors. A browser that goes to an unknown path gets the page, which says so."""
        assert isinstance(error, HTTPException)
        if error.status_code == 404 and "text/html" in request.headers.get("accept", ""):
            # Nothing that the browser has of this path is the same, and a part of it would be of no use.
            asked = [
                (name, value) for name, value in request.scope["headers"] if not name.startswith(ONLY_IF)
            ]
            with suppress(HTTPException):
                response = await self._found("index.html", Request({**request.scope, "headers": asked}))
                response.status_code = 404
                return response
        return await http_error(request, error)

    async def _page(self, name: str, request: Request) -> Response:
        try:
            return await self._found(name, request)
        except HTTPException as error:
            raise HTTPException(503, "The page has not been built: run scripts/web") from error

    async def _found(self, name: str, request: Request) -> Response:
        response = await self._files.get_response(name, request.scope)
        response.headers.update(PAGE_HEADERS)
        response.headers.update(CLIENT_HEADERS.get(name, {}))
        response.headers["cache-control"] = NEVER_CHANGED if name.startswith("assets/") else ALWAYS_ASKED_FOR
        return response


class CompressedFiles(StaticFiles):
    """Files, each sent as the compressed one beside it where there is one that the client understands."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """See `StaticFiles.file_response`."""
        for encoding, ending in ENCODINGS.items():
            compressed = Path(f"{os.fspath(full_path)}{ending}")
            if accepts(Headers(scope=scope), encoding) and compressed.is_file():
                response = super().file_response(compressed, compressed.stat(), scope, status_code)
                response.headers["content-encoding"] = encoding
                break
        else:
            response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["vary"] = "Accept-Encoding"
        return response


def accepts(headers: Headers, encoding: str) -> bool:
    """True if a client understands an encoding; one with a weight of 0 it does not."""
    for choice in headers.get("accept-encoding", "").lower().split(","):
        name, _, weight = choice.partition(";")
        if name.strip() == encoding:
            return not weight or re.match(r"q=(1|0\.0*[1-9])", weight.strip()) is not None
    return False
