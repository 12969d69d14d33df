"""The route of the metrics for Prometheus, and the check of its callers."""

import asyncio
import hmac
import re
from ipaddress import ip_address

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.config.settings import Settings
from app.core.caller import bearer
from app.http.requests import answering
from app.observability.metrics import Metrics

_LOCAL = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]*)?", re.IGNORECASE)


class MetricsRoute:
    """GET /metrics. With METRICS_TOKEN for clients that show it; without, in development, for this machine alone."""

    def __init__(self, metrics: Metrics, settings: Settings) -> None:
        self._metrics = metrics
        self._token = settings.metrics_token.encode()
        self._open = settings.environment == "development"

    def routes(self) -> list[Route]:
        """The one."""
        return [Route("/metrics", answering(self.show))]

    async def show(self, request: Request) -> Response:
        """The figures, in Prometheus's text format."""
        if not self._token:
            if not (self._open and is_loopback(request) and names_this_machine(request)):
                raise HTTPException(404, "Not Found")
        elif not hmac.compare_digest(
            (bearer(request.headers.get("authorization", "")) or "").encode(), self._token
        ):
            raise HTTPException(401, "The token is not right", {"www-authenticate": "Bearer"})
        text = await asyncio.to_thread(self._metrics.text)
        return Response(text, headers={"content-type": CONTENT_TYPE_PLAIN_0_0_4, "cache-control": "no-store"})


def names_this_machine(request: Request) -> bool:
    """True if the name that was asked for is this machine's. A page may come from a foreign name, whose owner has it
    point to this machine afterwards (DNS rebinding); then a browser here asks for that name."""
    return _LOCAL.fullmatch(request.headers.get("host", "")) is not None


def is_loopback(request: Request) -> bool:
    """True if a client on this machine asks, and not a proxy on it for another."""
    if request.client is None or {"x-forwarded-for", "forwarded", "via"} & set(request.headers):
        return False
    return ip_address(request.client.host).is_loopback
