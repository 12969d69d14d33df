"""Requests that a browser sends for a page of another site without asking first.

A browser asks (CORS preflight) before it sends JSON for a page of another origin, but not before it sends text or a
form. A body is read as JSON whatever its type says, so that the shortest `fetch` and `curl` work; where the type is not
JSON, the request must not come from a page of a foreign origin. There are no cookies to misuse, but such a page could
have its visitors make accounts or try passwords from their addresses.

A browser says where the page is from in `Sec-Fetch-Site`, or, an older one and over plain HTTP, in `Origin`. Other
programs send neither, or are not misled into sending anything.
"""

import re
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.requests import ErrorDetails, error_response

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_JSON = re.compile(r"application/([a-z0-9.-]+\+)?json\s*(;.*)?", re.IGNORECASE)
_DEFAULT_PORT = re.compile(r":(80|443)?$")


class CrossSite:
    """Refuses such requests with 415, unless the page is of one of `origins`, "*" for any."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS:
            headers = Headers(scope=scope)
            if not _JSON.fullmatch(headers.get("content-type", "")) and is_foreign(headers, self._origins):
                text = "A page of another origin must send application/json"
                response = error_response(415, text, ErrorDetails("invalid"), {})
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)


def is_foreign(headers: Headers, origins: Sequence[str]) -> bool:
    """True if a browser sent a request for a page of another origin than this server's and `origins`."""
    origin = headers.get("origin")
    if "*" in origins or origin in origins:
        return False
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("cross-site", "same-site")
    return origin is not None and _authority(origin.partition("://")[2]) != _authority(
        headers.get("host", "")
    )


def _authority(text: str) -> str:
    return _DEFAULT_PORT.sub("", text.lower())
