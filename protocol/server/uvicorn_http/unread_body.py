"""The body of a request that is refused before the application has read it."""

from collections.abc import Callable
from typing import Any
from weakref import WeakMethod

from starlette.types import Scope

_DISCARD = "parley.discard_body"  # an extension of ASGI, in the scope of requests with a large body


def discard_body(scope: Scope) -> None:
    """Let go of what has come of a request's body and was not read, and have no more of it read.

    For an application that holds back the answer to a request that it refuses: 256 KiB of a body may have come, and
    would be kept for as long. It must not read the body after that. The connection ends with the answer, unless little
    of the body is left. Does nothing under another HTTP server than `Server.http_protocol`.
    """
    offered: WeakMethod[Callable[[], None]] | None = scope.get("extensions", {}).get(_DISCARD)
    discard = None if offered is None else offered()
    if discard is not None:
        discard()


def offer_to_discard(scope: Any, discard: Callable[[], None]) -> None:
    """Have `discard_body` call a method of the connection, which is not kept alive by that."""
    scope["extensions"] = {_DISCARD: WeakMethod(discard)}
