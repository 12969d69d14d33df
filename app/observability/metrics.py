"""The metrics of an instance, for Prometheus.

The engine's observer and the chat count events as they happen; `app.observability.gauges` updates gauges every few
seconds. With several workers, any worker answers for all: each writes its metrics to files in the folder
PROMETHEUS_MULTIPROC_DIR, which the supervisor creates, and they are summed (of delays, the highest counts).

Labels have few values: events that have a handler, routes that exist. Names invented by clients are "other".
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
from protocol import BusFailure, Forwarded, Observer, Recovery

Labelled = TypeVar("Labelled", Counter, Histogram)

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
MESSAGES = (1, 2, 5, 10, 20, 50, 100, 200, 500)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

disable_created_metrics()


class Metrics(Observer):
    """All metrics of one instance. The attributes are the gauges that `app.observability.gauges` sets."""

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
        self._sessions = self._gauge("parley_sessions", "Open sessions", "transport")
        self._opened = cached(counter("sessions_opened", "Sessions opened", "transport"))
        self._upgraded = counter("sessions_upgraded", "Sessions upgraded from polling to websocket")
        self._closed = counter("sessions_closed", "Sessions ended", "transport", "reason")
        self._slow = counter("slow_clients", "Clients closed because they read too slowly")
        self._refused = counter("http_refused", "Requests refused before they were complete", "status")
        self._events = cached(histogram("event_seconds", "Time to handle an event", "event"))
        self._event_failures = counter("event_failures", "Events refused or failed", "event")
        self._returns = histogram(
            "record_return_seconds", "Time from the publication of a record to its return from the bus"
        )
        self._gaps = counter("stream_gaps", "Times that the stream was trimmed before it was read")
        self._recoveries = counter("recoveries", "Clients that tried to recover their session", "outcome")
        self._forwards = histogram(
            "forwarded_seconds", "Time until another instance began its answer", "kind"
        )
        self._forward_failures = counter("forward_failures", "Forwarded requests that failed", "kind")

    def _define_chat(self, counter: Callable[..., Counter], histogram: Callable[..., Histogram]) -> None:
        self._refusals = cached(counter("event_refusals", "Events refused or failed", "reason"))
        self._ended_by_refusals = cached(
            counter(
                "sockets_ended_by_refusals", "Sockets closed after too many refused events in a row", "reason"
            )
        )
        self._messages = counter("messages_written", "Messages written")
        self._batches = histogram("message_batch_size", "Messages per commit", buckets=MESSAGES)
        self._lost_announcements = counter(
            "announcements_lost",
            "Changes that were not announced, since too many waited for Redis, or it failed until the end",
        )
        self._rooms_told = counter(
            "rooms_told_to_sync", "Rooms told to sync, since changes of theirs had not been announced"
        )
        self._notifications = counter("notifications", "Attempts to send a notification", "output", "verdict")
        self._requests = counter("http_requests", "Requests, without polling", "method", "route", "status")
        self._request_seconds = histogram("http_request_seconds", "Time until the answer began", "route")

    def _define_samples(self) -> None:
        self.buffered = self._gauge("parley_buffered_bytes", "Bytes queued for clients")
        self.stream_lag = self._gauge(
            "parley_stream_lag_seconds", "How far delivery is behind the stream", mode="livemax"
        )
        self._bus_failing = self._gauge(
            "parley_bus_failing", "1 while Redis fails to store or deliver events, by the reason", "reason"
        )
        self.announcements_waiting = self._gauge(
            "parley_announcements_waiting", "Announcements that wait until Redis stores again"
        )
        self.recovery_history = self._gauge(
            "parley_recovery_history_bytes", "Recent events kept for clients that return"
        )
        self.loop_delay = self._gauge(
            "parley_event_loop_delay_seconds", "How late a 10 ms timer fired", mode="livemax"
        )
        self.database_slots = self._gauge(
            "parley_database_slots", "Maximum number of concurrent database operations"
        )
        self.database_in_use = self._gauge("parley_database_in_use", "Database operations in progress")
        self.database_waiting = self._gauge(
            "parley_database_waiting", "Database operations that wait for a slot"
        )
        self.cpu = Counter("process_cpu_seconds", "CPU time", registry=self._registry)
        self.memory = self._gauge("process_resident_memory_bytes", "Resident memory")
        self.files = self._gauge("process_open_fds", "Open file descriptors")
        self.started = self._gauge(
            "process_start_time_seconds", "When the oldest process started", mode="livemin"
        )
        self._gauge("parley_processes", "Serving processes").set(1)
        build = self._gauge(
            "parley_build_info",
            "Version of Parley and Python; the value is 1",
            "version",
            "python",
            mode="livemax",
        )
        build.labels(version("parley-chat"), platform.python_version()).set(1)

    def _begin(self) -> None:
        """Start known label values at 0: Prometheus sees no increase if the first value is 1."""
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
        for failure in get_args(BusFailure):
            self._bus_failing.labels(failure)
        for kind in get_args(Forwarded):
            self._forwards.labels(kind)
            self._forward_failures.labels(kind)

    def _gauge(self, name: str, text: str, *labels: str, mode: Any = "livesum") -> Gauge:
        return Gauge(name, text, labels, registry=self._registry, multiprocess_mode=mode)

    def text(self) -> bytes:
        """All metrics, of all workers, in Prometheus's text format. It takes some milliseconds."""
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

    def bus_fails(self, failure: BusFailure | None) -> None:
        """The bus was looked at: why it fails, None if it does not."""
        for reason in get_args(BusFailure):
            self._bus_failing.labels(reason).set(reason == failure)

    def announcement_lost(self) -> None:
        """A change was not announced."""
        self._lost_announcements.inc()

    def rooms_told(self, rooms: int) -> None:
        """Rooms were told to sync."""
        self._rooms_told.inc(rooms)

    def notification_sent(self, output: str, verdict: str) -> None:
        """A notification was sent to an output, or not; `given_up` is one that is not tried again."""
        self._notifications.labels(output, verdict).inc()

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
