"""Calls with what happens on an instance, for metrics. The engine itself counts nothing."""

from typing import Literal, TypeAlias

Recovery: TypeAlias = Literal["recovered", "unknown", "expired", "gone", "refused", "unavailable"]
Forwarded: TypeAlias = Literal["get", "post", "websocket"]


class Observer:
    """Is called with what happens on this instance. Override the methods that you need; they must not block or raise.

    class Counting(Observer):
        opened = 0

        def session_opened(self, transport: str) -> None:
            self.opened += 1

    io = Server(observer=Counting())
    """

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def session_opened(self, transport: str) -> None:
        """A session began, over "polling" or "websocket"."""

    def session_upgraded(self) -> None:
        """A session was upgraded from polling to websocket."""

    def session_closed(self, transport: str, reason: str) -> None:
        """A session ended; `reason` is the value of a `CloseReason`."""

    def client_too_slow(self) -> None:
        """The server closed a client that reads too slowly."""

    def request_refused(self, status: int) -> None:
        """`HttpProtocol` refused an HTTP request before it was complete: malformed (400), head too large (431), target
        too long (414), no credential on the listener for other instances (403)."""

    def event_handled(self, nsp: str, event: str, seconds: float, *, failed: bool) -> None:
        """The handler of an event ended after `seconds`. Not called for events without a handler."""

    def record_returned(self, seconds: float) -> None:
        """A record of this instance came back from the bus `seconds` after it was published."""

    def records_lost(self) -> None:
        """The bus dropped records before this instance could read them."""

    def recovery(self, outcome: Recovery) -> None:
        """A client tried to recover its session. If it did not: the session is not known ("unknown"), its missed events
        are not all available any more ("expired"), it was ended meanwhile ("gone"), the application declined
        ("refused"), or the bus or the store did not answer in time ("unavailable").
        """

    def forwarded(self, kind: Forwarded, seconds: float, *, failed: bool) -> None:
        """A request was forwarded to the instance with its session; its answer began after `seconds`."""
