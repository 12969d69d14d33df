"""The routes of the API's descriptions: /openapi.json, /asyncapi.json, and the events as a page to read.

They are made once. The page of the REST API, /docs, is among the files of `app.http.web_files`.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.api_docs.asyncapi import asyncapi
from app.api_docs.asyncapi_html import asyncapi_page
from app.api_docs.openapi import openapi
from app.attachments.routes import known
from app.contract.operation import Operation, OtherRoute
from app.http.web_files import ALWAYS_ASKED_FOR, PAGE_HEADERS
from app.payloads.server_events import EMITTED


class Descriptions:
    """The documents `openapi` and `asyncapi`, of all operations and the other routes."""

    def __init__(self, operations: Sequence[Operation], others: Sequence[OtherRoute]) -> None:
        self.openapi: dict[str, Any] = openapi(operations, others)
        self.asyncapi: dict[str, Any] = asyncapi(operations, EMITTED)

    def routes(self) -> list[Route]:
        """Those of the documents and of the events' page."""
        page = asyncapi_page(self.asyncapi).encode()
        return [
            _fixed("/openapi.json", msgspec.json.encode(self.openapi), "application/json"),
            _fixed("/asyncapi.json", msgspec.json.encode(self.asyncapi), "application/json"),
            _fixed("/docs/events", page, "text/html; charset=utf-8"),
        ]


def _fixed(path: str, content: bytes, media_type: str) -> Route:
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {**PAGE_HEADERS, "etag": etag, "cache-control": ALWAYS_ASKED_FOR}

    async def endpoint(request: Request) -> Response:
        if known(request.headers, etag):
            return Response(status_code=304, headers=headers)
        return Response(content, headers=headers, media_type=media_type)

    return Route(path, endpoint)
