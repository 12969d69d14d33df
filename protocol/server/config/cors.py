"""Cross-origin headers of the engine's answers (Fetch standard, "CORS protocol")."""

from protocol.server.config.options import EngineOptions
from protocol.server.http.request import RawHeaders, Request

_MAX_AGE = b"600"  # seconds a browser may keep a preflight's answer


def allowed_origin(options: EngineOptions, origin: str | None) -> str | None:
    """The value of `Access-Control-Allow-Origin` for a request from `origin`; None if there is nothing to allow."""
    if options.cors_origins == "*":
        return "*"
    allowed = [options.cors_origins] if isinstance(options.cors_origins, str) else options.cors_origins
    return origin if origin in allowed else None


def cors_headers(options: EngineOptions, request: Request) -> RawHeaders:
    """The headers that go on every answer to `request`, the websocket's 101 included."""
    if not options.cors_origins:
        return ()
    headers: list[tuple[bytes, bytes]] = []
    if options.cors_origins != "*":
        headers.append((b"vary", b"Origin"))
    origin = allowed_origin(options, request.header("origin"))
    if origin is not None:
        headers.append((b"access-control-allow-origin", origin.encode("latin-1")))
        if options.cors_credentials:
            headers.append((b"access-control-allow-credentials", b"true"))
    return headers


def preflight_headers(options: EngineOptions, request: Request) -> RawHeaders:
    """The headers of the answer to an OPTIONS request: what the browser may send after it."""
    wanted = request.header("access-control-request-headers") or "content-type"
    return [
        *cors_headers(options, request),
        (b"access-control-allow-methods", b"GET,POST"),
        (b"access-control-allow-headers", wanted.encode("latin-1")),
        (b"access-control-max-age", _MAX_AGE),
        (b"content-length", b"0"),
    ]
