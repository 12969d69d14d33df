"""Cross-origin headers of the engine's answers (Fetch standard, "CORS protocol")."""

import logging
from collections.abc import Awaitable

from protocol.errors import HandshakeCode, HandshakeError
from protocol.server.config.options import EngineOptions
from protocol.server.config.origins import allows, check_rule
from protocol.server.http.request import RawHeaders, Request

log = logging.getLogger("protocol.cors")

_MAX_AGE = b"600"  # seconds a browser may keep a preflight's answer


async def ask_origin(options: EngineOptions, request: Request) -> None:
    """Ask the application's function, where `cors_origins` is one, about the origin of a request, before
    `cors_headers` is asked. Raises `HandshakeError` where the function fails, as the reference does."""
    hook = options.cors_origins
    if not callable(hook):
        return
    origin = request.header("origin")
    try:
        rule = hook(origin)
        if isinstance(rule, Awaitable):
            rule = await rule
        check_rule(rule)
    except Exception as error:
        log.exception("the function cors_origins failed")
        raise HandshakeError(HandshakeCode.BAD_REQUEST) from error
    if origin is not None and allows(rule, origin):
        request.allowed_origin = origin


def allowed_origin(options: EngineOptions, request: Request) -> str | None:
    """The value of `Access-Control-Allow-Origin` for a request; None if there is nothing to allow."""
    rule = options.cors_origins
    if rule == "*":
        return "*"
    if callable(rule):
        return request.allowed_origin
    origin = request.header("origin")
    return origin if origin is not None and allows(rule, origin) else None


def cors_headers(options: EngineOptions, request: Request) -> RawHeaders:
    """The headers that go on every answer to `request`, the websocket's 101 included."""
    if not options.cors_origins:
        return ()
    headers: list[tuple[bytes, bytes]] = []
    if options.cors_origins != "*":
        headers.append((b"vary", b"Origin"))
    origin = allowed_origin(options, request)
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
