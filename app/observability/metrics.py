"""The figures of an instance, for Prometheus.

What happens is counted as it happens, by the engine's observer and by the chat; what is so at a moment is looked at
every few seconds (`app.observability.gauges`). Of several workers whoever is asked answers for all: each writes its
figures to files of the folder PROMETHEUS_MULTIPROC_DIR, which the supervisor makes, and they are summed up (of delays,
the longest counts).

Labels have few values: events that have a handler, routes that exist. What clients make up is "other".
"""

import os
import platform
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, TypeVar, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from app.core.errors import Reason
from app.limits.refusal_streaks import Streak
from app.observability import SHARED_FOLDER
from protocol import Forwarded, Observer, Recovery

Labelled = TypeVar("Labelled", Counter, Histogram)

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
MESSAGES = (1, 2, 5, 10, 20, 50, 100, 200, 500)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

disable_created_metrics()


class Metrics(Observer):
    """All figures of one instance. The attributes are the metrics that `app.observability.gauges` sets."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"parley_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, *labels: str, buckets: tuple[float, ...] = SECONDS) -> Histogram:
            return Histogram(f"parley_{name}", text, labels, registry=registry, buckets=buckets)

        self._define_engine(counter, histogram)
        self._define_chat(counter, histogram)
        self._define_samples()
        self._begin()

    def _define_engine(self, counter: Callable[..., Counter], histogram: Callable[..., Histogram]) -> None:
        self._sessions = self._gauge("parley_sessions", "Sessions that are open", "transport")
        self._opened = cached(counter("sessions_opened", "Sessions that were opened", "transport"))
        self._upgraded = counter("sessions_upgraded", "Sessions that went from polling to websocket")
        self._closed = counter("sessions_closed", "Sessions that ended", "transport", "reason")
        self._slow = counter("slow_clients", "Clients that were closed since they took too slowly")
        self._refused = counter("http_refused", "Requests that were refused before they were whole", "status")
        self._events = cached(histogram("event_seconds", "Time to handle an event", "event"))
        self._event_failures = counter("event_failures", "Events that were refused or failed", "event")
        self._returns = histogram("record_return_seconds", "Time from a record's publication to its return")
        self._gaps = counter("stream_gaps", "Times that the stream was cut before it was read")
        self._recoveries = counter("recoveries", "Clients that asked for their session back", "outcome")
        self._forwards = histogram("forwarded_seconds", "Time until another instance answered", "kind")
        self._forward_failures = counter("forward_failures", "Requests that could not be forwarded", "kind")

    def _define_chat(self, counter: Callable[..., Counter], histogram: Callable[..., Histogram]) -> None:
        self._refusals = cached(counter("event_refusals", "Events that were refused or failed", "reason"))
        self._ended_by_refusals = cached(
            counter(
                "sockets_ended_by_refusals", "Sockets closed after too many refused events in a row", "reason"
            )
        )
        self._messages = counter("messages_written", "Messages that were written")
        self._batches = histogram("message_batch_size", "Messages of one commit", buckets=MESSAGES)
        self._requests = counter(
            "http_requests", "Requests but those of polling", "method", "route", "status"
        )
        self._request_seconds = histogram("http_request_seconds", "Time until the answer began", "route")

    def _define_samples(self) -> None:
        self.buffered = self._gauge("parley_buffered_bytes", "Bytes that wait to leave for clients")
        self.stream_lag = self._gauge(
            "parley_stream_lag_seconds", "How far reading is behind", mode="livemax"
        )
        self.loop_delay = self._gauge(
            "parley_event_loop_delay_seconds", "How late a timer was", mode="livemax"
        )
        self.database_slots = self._gauge("parley_database_slots", "Work that PostgreSQL is given at once")
        self.database_in_use = self._gauge("parley_database_in_use", "Work that PostgreSQL is doing")
        self.database_waiting = self._gauge("parley_database_waiting", "Work that waits for its turn")
        self.cpu = Counter("process_cpu_seconds", "Processor time", registry=self._registry)
        self.memory = self._gauge("process_resident_memory_bytes", "Memory in use")
        self.files = self._gauge("process_open_fds", "File descriptors in use")
        self.started = self._gauge("process_start_time_seconds", "When it started", mode="livemin")
        self._gauge("parley_processes", "Processes that serve").set(1)
        build = self._gauge(
            "parley_build_info", "1, with what is running", "version", "python", mode="livemax"
        )
        build.labels(version("parley-chat"), platform.python_version()).set(1)

    def _begin(self) -> None:
        """Have a 0 where it is known what will be counted: Prometheus sees no increase in a first figure of 1."""
        for transport in ("polling", "websocket"):
            self._sessions.labels(transport)
            self._opened(transport)
        for status in (400, 403, 414, 431, 501):
            self._refused.labels(str(status))
        for reason in get_args(Reason):
            self._refusals(reason)
        for streak in get_args(Streak):
            self._ended_by_refusals(streak)
        for outcome in get_args(Recovery):
            self._recoveries.labels(outcome)
        for kind in get_args(Forwarded):
            self._forwards.labels(kind)
            self._forward_failures.labels(kind)

    def _gauge(self, name: str, text: str, *labels: str, mode: Any = "livesum") -> Gauge:
        return Gauge(name, text, labels, registry=self._registry, multiprocess_mode=mode)

    def text(self) -> bytes:
        """All figures, of all workers if there are several, in Prometheus's text format. It takes some ms."""
        registry = self._registry
        if SHARED_FOLDER in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)
        return generate_latest(registry)

    # --- the engine's observer ---

    def session_opened(self, transport: str) -> None:
        """See `Observer.session_opened`."""
        self._opened(transport).inc()
        self._sessions.labels(transport).inc()

    def session_upgraded(self) -> None:
        """See `Observer.session_upgraded`."""
        self._upgraded.inc()
        self._sessions.labels("polling").dec()
        self._sessions.labels("websocket").inc()

    def session_closed(self, transport: str, reason: str) -> None:
        """See `Observer.session_closed`."""
        self._closed.labels(transport, reason).inc()
        self._sessions.labels(transport).dec()

    def client_too_slow(self) -> None:
        """See `Observer.client_too_slow`."""
        self._slow.inc()

    def request_refused(self, status: int) -> None:
        """See `Observer.request_refused`."""
        self._refused.labels(str(status)).inc()

    def event_handled(self, nsp: str, event: str, seconds: float, *, failed: bool) -> None:  # noqa: ARG002
        """See `Observer.event_handled`. The chat has one namespace."""
        self._events(event).observe(seconds)
        if failed:
            self._event_failures.labels(event).inc()

    def record_returned(self, seconds: float) -> None:
        """See `Observer.record_returned`."""
        self._returns.observe(seconds)

    def records_lost(self) -> None:
        """See `Observer.records_lost`."""
        self._gaps.inc()

    def recovery(self, outcome: str) -> None:
        """See `Observer.recovery`."""
        self._recoveries.labels(outcome).inc()

    def forwarded(self, kind: str, seconds: float, *, failed: bool) -> None:
        """See `Observer.forwarded`."""
        self._forwards.labels(kind).observe(seconds)
        if failed:
            self._forward_failures.labels(kind).inc()

    # --- the chat ---

    def event_refused(self, reason: str) -> None:
        """An event was refused, or failed as `internal`."""
        self._refusals(reason).inc()

    def refusals_ended_socket(self, reason: str) -> None:
        """A socket was closed: too many of its events in a row were refused for this reason."""
        self._ended_by_refusals(reason).inc()

    def batch_written(self, size: int, created: int) -> None:
        """One commit took `size` messages, and `created` of them were new."""
        self._batches.observe(size)
        self._messages.inc(created)

    def request_answered(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """A request was answered; `route` is None where there is none."""
        known = method if method in METHODS else "other"
        self._requests.labels(known, route or "other", str(status)).inc()
        self._request_seconds.labels(route or "other").observe(seconds)


def cached(metric: Labelled) -> Callable[[str], Labelled]:
    """The metric for the one label it has; the library's own look-up costs more than the counting."""
    known: dict[str, Labelled] = {}

    def labelled(value: str) -> Labelled:
        found = known.get(value)
        if found is None:
            found = known[value] = metric.labels(value)
        return found

    return labelled
