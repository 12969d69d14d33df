"""What `Server.http_protocol` does for the application of a request beyond ASGI. Under another HTTP server none of it
is there: each function says what happens then."""

from collections.abc import Callable
from typing import Any, Protocol
from weakref import ref

from protocol.server.http.asgi import Receive, Scope

_CONNECTION = "parley.connection"  # an extension of ASGI, in the scope of a request


class Connection(Protocol):
    """A connection that offers this."""

    def discard_body(self) -> None:
        """Let go of what has come of the request's body, and read no more of it."""

    def when_gone(self, receive: Receive, call: Callable[[], None]) -> bool:
        """Call once nobody waits for an answer any more, at once if so already. False if that will not be known."""


def offer(scope: Any, connection: "ref[Any]") -> None:
    """Offer, with a request, what a `Connection` does; it is not kept alive by that."""
    scope["extensions"] = {_CONNECTION: connection}


def discard_body(scope: Scope) -> None:
    """Let go of what has come of a request's body and was not read, and have no more of it read.

    For an application that holds back the answer to a request that it refuses: 256 KiB of a body may have come, and
    would be kept for as long. It must not read the body after that. The connection ends with the answer, unless little
    of the body is left. Does nothing under another HTTP server than `Server.http_protocol`.
    """
    connection = _offered(scope)
    if connection is not None:
        connection.discard_body()


def when_gone(scope: Scope, receive: Receive, call: Callable[[], None]) -> bool:
    """Have `call` called when ASGI's `receive` would tell of `http.disconnect`: the client is gone, or an answer left.

    False, and nothing is called, where that is to be heard by `receive` alone, which takes a task: under another HTTP
    server than `Server.http_protocol`, behind middleware with a `receive` of its own, and for a request whose body has
    not been read.
    """
    connection = _offered(scope)
    return connection is not None and connection.when_gone(receive, call)


def _offered(scope: Scope) -> Connection | None:
    offered: ref[Connection] | None = scope.get("extensions", {}).get(_CONNECTION)
    return None if offered is None else offered()
