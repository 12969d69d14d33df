"""The headers of the answers to the requests of a session: those of CORS, the cookie, and the application's own."""

import logging
import re
import time
from collections.abc import Callable, Mapping

from protocol.server.config.cors import cors_headers
from protocol.server.config.options import EngineOptions
from protocol.server.http.handshake import Handshake
from protocol.server.http.request import Request

log = logging.getLogger(__name__)

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 §5.6.2
_VALUE = re.compile(r"[\t -~\x80-\xff]*")  # RFC 9110 §5.5


def session_headers(
    options: EngineOptions, request: Request, opened: str | None = None
) -> list[tuple[bytes, bytes]]:
    """`opened` is the id of the session that the answer opens, None where it belongs to one that is there."""
    headers = [*cors_headers(options, request)]
    if opened is not None and options.cookie is not None:
        headers.append((b"set-cookie", options.cookie.header(opened).encode("latin-1")))
    if options.headers is None and options.initial_headers is None:
        return headers
    handshake = Handshake(request, int(time.time() * 1000))
    if opened is not None and options.initial_headers is not None:
        headers += _own(options.initial_headers, handshake)
    if options.headers is not None:
        headers += _own(options.headers, handshake)
    return headers


def _own(hook: Callable[[Handshake], Mapping[str, str]], handshake: Handshake) -> list[tuple[bytes, bytes]]:
    """The headers that a function of the application adds; none if it fails, since the session works without them."""
    try:
        added = dict(hook(handshake))
        for name, value in added.items():
            if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value)):
                raise ValueError(f"{name!r}: {value!r} is no header")
    except Exception:
        log.exception("a function for the headers of answers failed")
        return []
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in added.items()]
