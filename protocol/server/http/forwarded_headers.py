"""The client behind a proxy: the fast websocket takes its address and scheme from the same headers, and under the same
conditions, as uvicorn does for the rest of the application (`proxy_headers`, `forwarded_allow_ips`)."""

from contextlib import suppress
from typing import Any

from protocol.server.http.asgi import Scope

_HEADERS = (b"x-forwarded-for", b"x-forwarded-proto")


def see_through(config: Any, scope: Scope) -> None:
    """Put into a websocket's scope the `client` and `scheme` that a proxy names, if `config`, uvicorn's, trusts it."""
    if not any(name in _HEADERS for name, _ in scope["headers"]) or not config.proxy_headers:
        return
    from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

    middleware: Any = ProxyHeadersMiddleware(_application, config.forwarded_allow_ips)
    with suppress(StopIteration):
        # It waits for nothing but the application behind it, so it ends with the first step.
        middleware(scope, None, None).send(None)


async def _application(*_: Any) -> None:
    """Has nothing left to do."""
