"""The routes of the API's descriptions: /openapi.json, /asyncapi.json, and the events as a page to read.

They are made once, at the first request. The page of the REST API, /docs, is among the files of
`app.http.web_files`.
"""

import hashlib
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.api_docs.asyncapi import asyncapi
from app.api_docs.asyncapi_html import asyncapi_page
from app.api_docs.openapi import openapi
from app.api_docs.typescript import typescript
from app.attachments.routes import known
from app.contract.operation import Operation, OtherRoute
from app.http.web_files import ALWAYS_ASKED_FOR, PAGE_HEADERS
from app.payloads.server_events import EMITTED


class Descriptions:
    """The documents `openapi` and `asyncapi`, of all operations and the other routes; made at the first request."""

    def __init__(self, operations: Sequence[Operation], others: Sequence[OtherRoute]) -> None:
        self._operations = operations
        self._others = others

    @cached_property
    def openapi(self) -> dict[str, Any]:
        """See `app.api_docs.openapi`."""
        return openapi(self._operations, self._others)

    @cached_property
    def asyncapi(self) -> dict[str, Any]:
        """See `app.api_docs.asyncapi`."""
        return asyncapi(self._operations, EMITTED)

    @cached_property
    def typescript(self) -> str:
        """See `app.api_docs.typescript`."""
        return typescript(self._operations, EMITTED)

    def routes(self) -> list[Route]:
        """Those of the documents and of the events' page."""
        return [
            _fixed("/openapi.json", lambda: msgspec.json.encode(self.openapi), "application/json"),
            _fixed("/asyncapi.json", lambda: msgspec.json.encode(self.asyncapi), "application/json"),
            _fixed("/docs/events", lambda: asyncapi_page(self.asyncapi).encode(), "text/html; charset=utf-8"),
        ]


def _fixed(path: str, make: Callable[[], bytes], media_type: str) -> Route:
    @cache
    def made() -> tuple[bytes, str]:
        content = make()
        return content, f'"{hashlib.sha256(content).hexdigest()[:32]}"'

    async def endpoint(request: Request) -> Response:
        content, etag = await run_in_threadpool(made)  # the first time it takes a tenth of a second
        headers = {**PAGE_HEADERS, "etag": etag, "cache-control": ALWAYS_ASKED_FOR}
        if known(request.headers, etag):
            return Response(status_code=304, headers=headers)
        return Response(content, headers=headers, media_type=media_type)

    return Route(path, endpoint)
