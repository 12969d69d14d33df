"""Whether this instance is alive, and whether it can do its work.

`/health/live` answers as long as the event loop turns. `/health/ready` asks PostgreSQL and Redis, and answers 503 with
the name of the one that is down, so that a load balancer sends people elsewhere until it is back.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from app.db import DatabaseUnavailable
from protocol import BusUnavailable

log = logging.getLogger(__name__)

ANSWER_WITHIN = 2.0  # seconds, for all checks together

Check = Callable[[], Awaitable[None]]


class Health:
    """`checks` are what the instance needs, by name; each raises when it does not answer."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks

    def routes(self) -> list[Route]:
        """The two routes."""
        return [Route("/health/live", self.live), Route("/health/ready", self.ready)]

    async def live(self, _request: Request) -> JSONResponse:
        """GET /health/live."""
        return JSONResponse({"status": "ok"})

    async def ready(self, _request: Request) -> JSONResponse:
        """GET /health/ready."""
        answers = await asyncio.gather(*(_ask(name, check) for name, check in self._checks.items()))
        good = all(answer == "ok" for answer in answers)
        body = {"status": "ok" if good else "down", "checks": dict(zip(self._checks, answers, strict=True))}
        return JSONResponse(body, status_code=200 if good else 503, headers={"cache-control": "no-store"})


async def _ask(name: str, check: Check) -> str:
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            await check()
    except (DatabaseUnavailable, BusUnavailable, TimeoutError) as error:
        log.warning("%s does not answer: %r", name, error)
        return "down"
    return "ok"
