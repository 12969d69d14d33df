"""The routes of exports, which do not fit into the table of operations: their answers are streams."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.administration import audit
from app.administration.rest_operations import actor_of
from app.contract.operation import OtherRoute
from app.core.caller import Caller
from app.core.errors import Refusal
from app.db.database import Database
from app.exports.account_export import AccountExport, account_export
from app.exports.room_export import begin_room_export, room_export
from app.http.requests import answering
from app.http.streamed_answer import StreamedAnswer
from app.limits.concurrency import UserConcurrency
from app.payloads.fields.validation import is_id
from app.rooms.rooms import NO_ROOM
from app.store.administration.audit_log import AuditRow

LINES = "application/x-ndjson"
JSON = "application/json"
EXPORTS_AT_ONCE = 1  # of a user
MOST_WAITING = 2

Identify = Callable[[Request], Awaitable[Caller]]


class ExportRoutes:
    """The routes. `user` gives the user whose request it is, `administrator` one who administers, or refuses."""

    def __init__(self, db: Database, user: Identify, administrator: Identify) -> None:
        self._db = db
        self._user = user
        self._administrator = administrator
        self._turns = UserConcurrency(EXPORTS_AT_ONCE, MOST_WAITING)

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/auth/export", answering(self.export_account), methods=["GET"]),
            Route("/admin/audit/export", answering(self.export_audit), methods=["GET"]),
            Route("/admin/rooms/{roomId}/export", answering(self.export_room), methods=["GET"]),
        ]

    def described(self) -> list[OtherRoute]:
        """The descriptions of the routes."""
        return [
            OtherRoute(run=self.export_account, http=("GET", "/auth/export"), answers={200: AccountExport}),
            OtherRoute(
                run=self.export_audit,
                http=("GET", "/admin/audit/export"),
                answers={200: LINES},
                who="administrator",
            ),
            OtherRoute(
                run=self.export_room,
                http=("GET", "/admin/rooms/{roomId}/export"),
                answers={200: LINES},
                who="administrator",
            ),
        ]

    async def export_account(self, request: Request) -> Response:
        """All that is kept of the user, as one JSON object: account, settings, sessions, rooms, blocks, files, text."""
        caller = await self._user(request)
        return await self._stream(caller, account_export(self._db, caller.user_id), "parley.json", JSON)

    async def export_audit(self, request: Request) -> Response:
        """The whole audit log, the oldest act first, one JSON object a line; administrators only."""
        caller = await self._administrator(request)
        return await self._stream(caller, audit_lines(audit.acts(self._db)), "audit.jsonl", LINES)

    async def export_room(self, request: Request) -> Response:
        """A room with its members and messages, one JSON object a line; administrators only. It is in the audit log.

        Refused: `not_found`, also for a direct conversation.
        """
        caller = await self._administrator(request)
        room_id: str = request.path_params["roomId"]
        if not is_id(room_id):
            raise Refusal("not_found", NO_ROOM)
        room = await begin_room_export(self._db, actor_of(caller), room_id)
        return await self._stream(caller, room_export(self._db, room), "room.jsonl", LINES)

    async def _stream(self, caller: Caller, pieces: AsyncIterator[bytes], name: str, kind: str) -> Response:
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        async with AsyncExitStack() as turn:
            await turn.enter_async_context(self._turns.one(caller.user_id))
            return StreamedAnswer(pieces, 200, headers, turn.pop_all(), kind)


async def audit_lines(rows: AsyncIterator[AuditRow]) -> AsyncIterator[bytes]:
    """Acts as lines of JSON."""
    async for row in rows:
        details = msgspec.Raw(row.details.encode())
        yield msgspec.json.encode({**msgspec.structs.asdict(row), "details": details}) + b"\n"
