"""What an operator wants to count and time, told as it happens. The engine itself keeps no figures."""

from typing import Literal, TypeAlias

Recovery: TypeAlias = Literal["recovered", "unknown", "expired", "gone", "refused", "unavailable"]
Forwarded: TypeAlias = Literal["get", "post", "websocket"]


class Observer:
    """Told what happens on this instance; override what is of interest. Nothing here may block or raise."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def session_opened(self, transport: str) -> None:
        """A session began, over "polling" or "websocket"."""

    def session_upgraded(self) -> None:
        """A session went on from polling to its websocket."""

    def session_closed(self, transport: str, reason: str) -> None:
        """A session ended; `reason` is a `CloseReason`."""

    def client_too_slow(self) -> None:
        """A client was closed since it took its packets too slowly."""

    def request_refused(self, status: int) -> None:
        """`HttpProtocol` refused an HTTP request that the application has not seen whole: malformed (400), too large a
        head (431), too long a target (414), no credential on the private listener (403)."""

    def event_handled(self, nsp: str, event: str, seconds: float, *, failed: bool) -> None:
        """The handler of an event has ended; only events that have a handler are told."""

    def record_returned(self, seconds: float) -> None:
        """A record of this instance came back from the bus this long after it was published."""

    def records_lost(self) -> None:
        """The bus dropped records before this instance could read them."""

    def recovery(self, outcome: Recovery) -> None:
        """A client asked for its session back, and got it or not: nobody knows it, its past is not kept whole any more
        ("expired"), it was ended while away ("gone"), the application declined ("refused"), or something that it needs
        did not answer in time ("unavailable").
        """

    def forwarded(self, kind: Forwarded, seconds: float, *, failed: bool) -> None:
        """A request went to the instance that has its session; `seconds` until its answer began."""
