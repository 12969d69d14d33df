"""Middleware of every REST request: an id and a line in the log, a bounded body, errors in one shape."""

import asyncio
import logging
import math
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote

import msgspec
import structlog
from msgspec import Struct
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.errors import STATUS, Cause, Reason, Refusal, new_request_id
from app.core.outage_log import outages
from app.payloads.fields.validation import fit
from protocol import parse_json

log = logging.getLogger(__name__)

Answered = Callable[[Scope, int, float], None]
"""Told of a request, the status of its answer, and the seconds until that began."""

Endpoint = Callable[[Request], Awaitable[Response]]

MAX_BODY = 256 * 1024  # bytes
MAX_VALUES = 50_000  # of a body
BODY_WITHIN = 30.0  # seconds
_REASONS: dict[int, Reason] = {404: "not_found", 503: "unavailable"}  # of errors that are no refusals
REQUEST_ID = re.compile(r"[A-Za-z0-9._~:;=+/@-]{1,128}")  # with what HAProxy, nginx, Envoy and Amazon write


class ErrorDetails(Struct, frozen=True):
    """Why, as the ack of an event has it; and what is wrong field by field, empty for other errors than 422."""

    reason: Reason
    cause: tuple[Cause, ...] = ()


class ErrorResponse(Struct, frozen=True, rename="camel"):
    """The body of every error. `requestId` finds the request in the server's log."""

    message: str
    status_code: int
    request_id: str
    details: ErrorDetails


class InFlight:
    """How many requests are being answered."""

    def __init__(self) -> None:
        self._count = 0
        self._none = asyncio.Event()
        self._none.set()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Counts one more while it lasts."""
        self._count += 1
        self._none.clear()
        try:
            yield
        finally:
            self._count -= 1
            if not self._count:
                self._none.set()

    async def ended(self, within: float) -> None:
        """Returns when there is none, or after that many seconds."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._none.wait(), within)


class RequestContext:
    """Gives each HTTP request an id, the client's own where it sends a proper `X-Request-Id`; logs how it was answered,
    and tells `answered` of it. An answer may be kept by no cache unless it says otherwise, and has its type guessed by
    no browser."""

    def __init__(self, app: ASGIApp, in_flight: InFlight, answered: Answered) -> None:
        self._app = app
        self._in_flight = in_flight
        self._answered = answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else new_request_id()
        started = time.perf_counter()

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = request_id
                headers.setdefault("cache-control", "no-store")
                headers.setdefault("x-content-type-options", "nosniff")
                took = time.perf_counter() - started
                log.info(
                    "%s %s: %d in %.1f ms", scope["method"], log_path(scope), message["status"], took * 1000
                )
                self._answered(scope, message["status"], took)
            await send(message)

        with self._in_flight.one(), structlog.contextvars.bound_contextvars(request_id=request_id):
            await self._app(scope, receive, send_with_id)


def log_path(scope: Scope) -> str:
    """The path as a line of the log may hold it: decoded, it could forge other lines."""
    return quote(scope["path"])


def request_id() -> str:
    """The id of the request that is being answered."""
    found: str = structlog.contextvars.get_contextvars().get("request_id", "")
    return found


def answering(endpoint: Endpoint) -> Endpoint:
    """The endpoint, with an error response for whatever it raises."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except HTTPException:
            raise
        except ClientDisconnect:
            raise HTTPException(400, "The request did not come whole") from None  # only the log shows it
        except Exception as error:
            response = expected(error)
            if response is None:
                log.exception("%s %s failed", request.method, log_path(request.scope))
                response = refused(Refusal("internal", "Something went wrong on the server"))
            return response

    return answer


def expected(error: Exception) -> Response | None:
    """The response for an exception that is no fault; None for one that is."""
    refusal = outages.refusal_of(error)  # in no variable of `answer`, whose frame the exception keeps
    return None if refusal is None else refused(refusal)


def refused(refusal: Refusal) -> Response:
    """The response for a refusal."""
    headers = {}
    if refusal.reason == "unauthenticated":
        headers["www-authenticate"] = "Bearer"
    if refusal.retry_after is not None:
        headers["retry-after"] = str(math.ceil(refusal.retry_after / 1000))
    details = ErrorDetails(refusal.reason, refusal.causes)
    return error_response(STATUS[refusal.reason], refusal.message, details, headers)


async def http_error(_request: Request, error: Exception) -> Response:
    """Starlette's own errors, an unknown path or a wrong method, in the same shape."""
    assert isinstance(error, HTTPException)
    details = ErrorDetails(_REASONS.get(error.status_code, "invalid"))
    return error_response(error.status_code, error.detail, details, dict(error.headers or {}))


def error_response(status: int, message: str, details: ErrorDetails, headers: dict[str, str]) -> Response:
    """An error in the shape that all have."""
    return json_response(ErrorResponse(message, status, request_id(), details), status, headers)


def json_response(payload: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A payload, or a list of them, as JSON."""
    return Response(msgspec.json.encode(payload), status, headers, "application/json")


async def read_json(request: Request) -> dict[str, Any]:
    """The object in the body of a request; none at all is one without fields.

    Raises Refusal (413, 422), BadValue (422), and HTTPException: 400 for what is no JSON, 408 for what is slow to come.
    """
    try:
        async with asyncio.timeout(BODY_WITHIN):
            body = await read_body(request)
    except TimeoutError:
        raise HTTPException(408, "The body took too long") from None
    if not body:
        return {}
    try:
        value = parse_json(body.decode(), max_values=MAX_VALUES)
    except ValueError as error:
        raise HTTPException(400, f"The body is not JSON: {error}") from None
    return fit(dict[str, Any], value)


async def read_body(request: Request) -> bytes:
    """The body of a request. Raises Refusal: `too_large`."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise Refusal("too_large", f"A body may have {MAX_BODY} bytes at most")
    return bytes(body)
