"""Traces: which spans there are, how they hang together, and what must not be in them."""

import asyncio
import gzip
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app.config.settings import ConfigError, Settings
from app.core.errors import Refusal
from app.observability.opentelemetry import Tracing, hashed
from app.observability.tracing import check_traces
from tests.support.chat.people import PASSWORD, Instance, People
from tests.support.waiting import PATIENCE

GIVEN = "4bf92f3577b34da6a3ce929d0e0e4736"  # the trace of whoever asks
CONTENT = "nobody else's business"


class Span:
    """One that the collector got."""

    def __init__(self, span: Any) -> None:
        self.name: str = span.name
        self.trace: str = span.trace_id.hex()
        self.id: str = span.span_id.hex()
        self.parent: str = span.parent_span_id.hex()
        self.failed = span.status.code == 2
        self.attributes = {
            pair.key: pair.value.string_value or pair.value.int_value for pair in span.attributes
        }


class Collector:
    """An OpenTelemetry collector, as far as traces over HTTP go."""

    def __init__(self) -> None:
        self.raw = b""
        self.services: set[str] = set()
        self.spans: list[Span] = []
        self._news = asyncio.Condition()

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.raw += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            named = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
            self.services.add(named["service.name"])
            async with self._news:
                self.spans += [Span(span) for scope in resource.scope_spans for span in scope.spans]
                self._news.notify_all()
        return web.Response()

    async def wait_for(self, name: str, **attributes: Any) -> Span:
        """The first span of a name with these attributes; dots in their names are double underscores here."""
        wanted = {key.replace("__", "."): value for key, value in attributes.items()}.items()

        def found() -> list[Span]:
            return [span for span in self.spans if span.name == name and wanted <= span.attributes.items()]

        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(found)
            return found()[0]


@pytest.fixture
async def collector(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Collector]:
    collector = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://{host}:{port}")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "the chat")
    yield collector
    await runner.cleanup()


@pytest.fixture
def settings(settings: Settings, collector: Collector) -> Settings:
    """Those of an instance that sends traces."""
    return replace(settings, traces=True)


@pytest.mark.over_websocket
async def test_a_request_is_one_trace_with_its_statements(
    instance: Instance, people: People, collector: Collector
) -> None:
    ann = await people()
    headers = {"traceparent": f"00-{GIVEN}-00f067aa0ba902b7-01"}
    answer = await ann.http.post("/chat/rooms", json={"name": CONTENT}, headers=headers)
    assert answer.status_code == 201
    span = await collector.wait_for("POST /chat/rooms")
    assert span.trace == GIVEN
    assert span.parent == "00f067aa0ba902b7"
    assert not span.failed
    assert span.attributes == {
        "http.request.method": "POST",
        "http.route": "/chat/rooms",
        "http.response.status_code": 201,
        "url.scheme": "http",
        "parley.request_id": answer.headers["x-request-id"],
    }
    statements = [other for other in collector.spans if other.parent == span.id]
    assert "insert into rooms" in " ".join(other.attributes["db.query.text"] for other in statements).lower()
    assert {other.attributes["db.system.name"] for other in statements} == {"postgresql"}
    assert collector.services == {"the chat"}


async def test_an_event_is_a_trace_without_what_was_said(
    instance: Instance, people: People, collector: Collector
) -> None:
    ann = await people()
    room = await ann.room()
    device = await ann.device()
    await device.ok("message:send", {"roomId": room, "content": CONTENT})
    error = await device.refused("room:get", {"roomId": "nowhere"})
    span = await collector.wait_for("event message:send")
    assert span.parent == ""
    socket_id = device.client.get_sid()
    assert span.attributes["parley.socket"] == hashed(socket_id)
    assert not span.failed
    refused = await collector.wait_for("event room:get")
    assert refused.failed
    assert refused.attributes["error.type"] == error["reason"]
    assert refused.attributes["parley.request_id"] == error["requestId"]
    assert any(other.parent == refused.id for other in collector.spans)  # what PostgreSQL was asked
    for secret in (CONTENT, PASSWORD, ann.token, socket_id, ann.user["username"]):
        assert secret.encode() not in collector.raw


@pytest.mark.over_websocket
async def test_a_batch_of_messages_belongs_to_no_single_sender(
    instance: Instance, people: People, collector: Collector
) -> None:
    ann = await people()
    room = await ann.room()
    device = await ann.device()
    await device.ok("message:send", {"roomId": room, "content": CONTENT})
    event = await collector.wait_for("event message:send")
    await asyncio.sleep(0.1)
    writes = [
        span
        for span in collector.spans
        if "insert into messages" in str(span.attributes.get("db.query.text")).lower()
    ]
    assert len(writes) == 1
    assert writes[0].trace != event.trace


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics", "/"])
async def test_what_is_asked_again_and_again_is_not_traced(
    instance: Instance, collector: Collector, path: str
) -> None:
    async with httpx.AsyncClient(base_url=instance.url, trust_env=False) as http:
        await http.get(path)
        await http.get("/auth/who-am-i")
    await collector.wait_for("GET /auth/who-am-i", http__response__status_code=401)
    names = {span.name for span in collector.spans}
    assert (f"GET {path}" in names) == (path == "/")


async def test_of_an_error_there_is_the_kind_alone() -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracing = Tracing(provider)

    class Speaker:
        id = "its id"

    async def fail(_socket: Any, error: Exception) -> None:
        raise error

    handle = tracing.event("fail", fail)
    speaker: Any = Speaker()
    for error in (ValueError(CONTENT), Refusal("conflict", CONTENT)):
        with pytest.raises(type(error)):
            await handle(speaker, error)
    tracing.close()
    assert [span.attributes["error.type"] for span in kept.get_finished_spans()] == ["ValueError", "conflict"]
    for span in kept.get_finished_spans():
        assert span.name == "event fail"
        assert not span.status.is_ok
        assert CONTENT not in span.to_json()


async def test_nothing_is_loaded_where_nobody_asks() -> None:
    """redis-py loads a part by itself where it is installed."""
    code = (
        "import sys, app.serving.server, app.workers.worker\n"
        "seldom = {'app.observability.opentelemetry', 'opentelemetry.exporter', 'opentelemetry.sdk.trace.export'}\n"
        "sys.exit(bool(seldom & {*sys.modules}))"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    assert await process.wait() == 0


async def test_without_its_packages_a_sentence_says_what_to_do(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_traces(settings)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    check_traces(replace(settings, traces=False))
    with pytest.raises(ConfigError, match=r"TRACES=true needs .*pip install 'parley-chat\[otel\]'"):
        check_traces(settings)
