"""Traces for OpenTelemetry: a span for each request, event and statement. Imported only where TRACES asks for it.

A span says what was done, how long it took and how it ended: never what people said or signed in with. A socket is
named by a hash of its id, a statement by its text, in which values are only named; of an error there is its kind, not
its words. The spans of one request or event hang together; what a broadcast sets off on other instances is not
followed, and messages are written by one task for all, so a batch is a trace of its own.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from importlib.metadata import version
from typing import Any

import structlog
from databases.core import Connection
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import extract
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.errors import as_refusal
from app.db.queries import C, R, Statements
from app.observability.metrics import METHODS
from app.observability.tracing import TracedHandler, Traces
from protocol import Socket

QUIET = re.compile(r"/(health/.*|metrics)")  # asked every few seconds, by programs
HASH_LENGTH = 16


def otlp_provider() -> TracerProvider:
    """Sends spans where the OTEL_* variables say, over HTTP, and samples as they say."""
    own = Resource({SERVICE_NAME: "parley", SERVICE_VERSION: version("parley-chat")})
    provider = TracerProvider(resource=Resource.create().merge(own).merge(OTELResourceDetector().detect()))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


class Tracing(Traces):
    """Makes the spans of one instance."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("parley", version("parley-chat"))

    def close(self) -> None:
        """See `Traces.close`."""
        self._provider.shutdown()

    @contextmanager
    def _span(self, name: str, attributes: Mapping[str, str], **options: Any) -> Iterator[Span]:
        """A span for the length of the block; what is raised is its end, but for those words."""
        with self._tracer.start_as_current_span(
            name, attributes=attributes, record_exception=False, set_status_on_exception=False, **options
        ) as span:
            try:
                yield span
            except Exception as error:
                refusal = as_refusal(error)
                kind = type(error).__qualname__ if refusal is None else refusal.reason
                span.set_attribute("error.type", kind)
                span.set_status(Status(StatusCode.ERROR))
                raise

    def event(self, name: str, handler: TracedHandler) -> TracedHandler:
        """See `Traces.event`."""

        @wraps(handler)
        async def handle(socket: Socket, *args: Any) -> Any:
            attributes = {"parley.event": name, "parley.socket": hashed(socket.id), **request_id()}
            with self._span(f"event {name}", attributes, kind=SpanKind.SERVER):
                return await handler(socket, *args)

        return handle

    def requests(self, app: ASGIApp, path_of: Callable[[Scope], str | None]) -> ASGIApp:
        """See `Traces.requests`."""

        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or QUIET.fullmatch(scope["path"]):
                await app(scope, receive, send)
                return
            method = scope["method"] if scope["method"] in METHODS else "_OTHER"
            given = extract(Headers(scope=scope))
            attributes = {"http.request.method": method, "url.scheme": scope["scheme"]}
            with self._span(method, attributes, context=given, kind=SpanKind.SERVER) as span:

                async def tell(message: Message) -> None:
                    if message["type"] == "http.response.start":
                        describe(span, message, method, path_of(scope))
                    await send(message)

                await app(scope, receive, tell)

        return traced

    def statements(self, connection: Connection) -> Statements:
        """See `Traces.statements`."""
        return TracedStatements(connection, self._statement)

    def _statement(self, sql: str) -> Any:
        words = sql.split()
        attributes = {"db.system.name": "postgresql", "db.query.text": " ".join(words)}
        return self._span(words[0].upper(), attributes, kind=SpanKind.CLIENT)


class TracedStatements(Statements):
    """Runs each statement within a span."""

    def __init__(self, connection: Connection, span: Callable[[str], Any]) -> None:
        super().__init__(connection)
        self._span = span

    async def rows(self, row: type[R], sql: str, /, **values: Any) -> list[R]:
        """See `Queries.rows`."""
        with self._span(sql):
            return await super().rows(row, sql, **values)

    async def row(self, row: type[R], sql: str, /, **values: Any) -> R | None:
        """See `Queries.row`."""
        with self._span(sql):
            return await super().row(row, sql, **values)

    async def column(self, of: type[C], sql: str, /, **values: Any) -> list[C]:
        """See `Queries.column`."""
        with self._span(sql):
            return await super().column(of, sql, **values)

    async def value(self, sql: str, /, **values: Any) -> Any:
        """See `Queries.value`."""
        with self._span(sql):
            return await super().value(sql, **values)


def describe(span: Span, start: Message, method: str, path: str | None) -> None:
    """Say on the span of a request how it was answered."""
    status = start["status"]
    span.set_attribute("http.response.status_code", status)
    span.set_attribute("parley.request_id", Headers(raw=start["headers"]).get("x-request-id", ""))
    if path is not None:
        span.set_attribute("http.route", path)
        span.update_name(f"{method} {path}")
    if status >= 500:
        span.set_attribute("error.type", str(status))
        span.set_status(Status(StatusCode.ERROR))


def hashed(socket_id: str) -> str:
    """The hashed id of a socket: the same for all its events, and of no use to a reader."""
    return hashlib.sha256(socket_id.encode()).hexdigest()[:HASH_LENGTH]


def request_id() -> dict[str, str]:
    """The id of the event that is being handled, as the log has it."""
    found = structlog.contextvars.get_contextvars().get("request_id")
    return {} if found is None else {"parley.request_id": found}
