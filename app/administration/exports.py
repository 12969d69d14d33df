"""Exports as streams, which do not fit into the table of operations: one JSON object a line, read page by page."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app.administration import audit
from app.contract.operation import OtherRoute
from app.core.caller import Caller
from app.db.database import Database
from app.http.requests import answering
from app.limits.concurrency import UserConcurrency
from app.store.administration.audit_log import AuditRow

LINES = "application/x-ndjson"
EXPORTS_AT_ONCE = 1  # of a user
MOST_WAITING = 2


class Exports:
    """The routes. `identify` gives the administrator whose request it is, and refuses everybody else."""

    def __init__(self, db: Database, identify: Callable[[Request], Awaitable[Caller]]) -> None:
        self._db = db
        self._identify = identify
        self._turns = UserConcurrency(EXPORTS_AT_ONCE, MOST_WAITING)

    def routes(self) -> list[Route]:
        """All of them."""
        return [Route("/admin/audit/export", answering(self.export_audit), methods=["GET"])]

    def described(self) -> list[OtherRoute]:
        """The descriptions of the routes."""
        return [
            OtherRoute(
                run=self.export_audit,
                http=("GET", "/admin/audit/export"),
                answers={200: LINES},
                who="administrator",
            )
        ]

    async def export_audit(self, request: Request) -> Response:
        """The whole audit log, the oldest act first, one JSON object a line; administrators only."""
        caller = await self._identify(request)
        async with AsyncExitStack() as turn:
            await turn.enter_async_context(self._turns.one(caller.user_id))
            return Lines(map_lines(audit.acts(self._db)), "audit.jsonl", turn.pop_all())


class Lines(StreamingResponse):
    """Lines to one who may take them slowly; when they are through, or the reader is gone, `turn` ends."""

    def __init__(self, lines: AsyncIterator[bytes], name: str, turn: AsyncExitStack) -> None:
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        super().__init__(lines, headers=headers, media_type=LINES)
        self._turn = turn

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        async with self._turn:
            await super().__call__(scope, receive, send)


def audit_line(row: AuditRow) -> bytes:
    """An act as a line of JSON."""
    return (
        msgspec.json.encode({**msgspec.structs.asdict(row), "details": msgspec.Raw(row.details.encode())})
        + b"\n"
    )


async def map_lines(rows: AsyncIterator[AuditRow]) -> AsyncIterator[bytes]:
    """Acts as lines."""
    async for row in rows:
        yield audit_line(row)
