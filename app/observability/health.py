"""Health checks: this instance is alive, and can do its work.

`/health/live` answers as long as the event loop turns. `/health/ready` asks PostgreSQL and Redis, and answers 503 with
the name of the one that is down, so that a load balancer sends people elsewhere until it is back.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.contract.operation import OtherRoute
from app.db.errors import DatabaseUnavailable
from app.http.requests import json_response
from protocol import BusUnavailable

log = logging.getLogger(__name__)

LIVE, READY = "/health/live", "/health/ready"
ANSWER_WITHIN = 2.0  # seconds, for all checks together

HealthAnswer = Literal["ok", "down"]
Check = Callable[[], Awaitable[None]]


class Liveness(Struct, frozen=True):
    """The event loop turns."""

    status: Literal["ok"] = "ok"


class Readiness(Struct, frozen=True):
    """The state of each check, and of all together."""

    status: HealthAnswer
    checks: dict[str, HealthAnswer]


class Health:
    """`checks` are what the instance needs, by name; each raises when it does not answer."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks
        self._asking: asyncio.Task[list[HealthAnswer]] | None = None

    def routes(self) -> list[Route]:
        """The two routes."""
        return [Route(described.http[1], described.run) for described in self.described()]

    def described(self) -> list[OtherRoute]:
        """The descriptions of the routes."""
        return [
            OtherRoute(run=self.live, http=("GET", LIVE), answers={200: Liveness}, who="anybody"),
            OtherRoute(
                run=self.ready,
                http=("GET", READY),
                answers={200: Readiness, 503: Readiness},
                who="anybody",
            ),
        ]

    async def live(self, _request: Request) -> Response:
        """Answers while the instance is alive."""
        return json_response(Liveness())

    async def ready(self, _request: Request) -> Response:
        """Tells whether the instance can do its work: 503 sends a load balancer elsewhere."""
        answers = await self._ask_all()
        good = all(answer == "ok" for answer in answers)
        body = Readiness("ok" if good else "down", dict(zip(self._checks, answers, strict=True)))
        return json_response(body, 200 if good else 503)

    async def _ask_all(self) -> list[HealthAnswer]:
        """All callers at once are told what one round of checks finds: probes are not limited, so they are cheap."""
        if self._asking is None:
            self._asking = asyncio.create_task(_ask_each(self._checks))
            self._asking.add_done_callback(self._asked)
        return await asyncio.shield(self._asking)

    def _asked(self, _: asyncio.Task[list[HealthAnswer]]) -> None:
        self._asking = None


async def _ask_each(checks: Mapping[str, Check]) -> list[HealthAnswer]:
    return await asyncio.gather(*(_ask(name, check) for name, check in checks.items()))


async def _ask(name: str, check: Check) -> HealthAnswer:
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            await check()
    except (DatabaseUnavailable, BusUnavailable, TimeoutError) as error:
        log.warning("%s is not ready: %s", name, str(error) or "it did not answer in time")
        return "down"
    return "ok"
