"""The writer of messages: what arrives while one commit runs is the next commit.

A commit costs PostgreSQL about as much for 500 messages as for one, so each instance has one writer, and it
never waits for company: alone, a message is written at once. One statement judges and appends a whole batch,
and says of each row whether it was created, is a retry of one that was, or is refused; a refused row does not
fail its neighbours.

What was created is announced by the writer and not by its sender's handler, so a sender who goes away between
the commit and the announcement keeps nobody from hearing it. The announcements of a room start in the order
of `seq`.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import Context, copy_context

import asyncpg
import uuid_utils
from msgspec import Struct

from app import store
from app.caller import Caller
from app.db import Database, DatabaseUnavailable, Queries, Row
from app.payloads import SendMessage
from app.refusals import Reason, Refusal
from app.rows import message_of
from app.views import Message
from protocol import BusUnavailable

MAX_BATCH = 500

log = logging.getLogger(__name__)

NOTHING_ATTACHED: Row = {"attachments": [], "reactions": [], "mentions": [], "read_at": None}
REFUSALS: dict[str, tuple[Reason, str]] = {
    "no_room": ("not_found", "There is no such room"),
    "not_a_member": ("not_a_member", "You are not a member of this room"),
    "conflict": ("conflict", "This clientId was used for a message in another room"),
}


class Pending(Struct, frozen=True, eq=False):
    """A message on its way to the database, and who waits for it."""

    id: str
    sender_id: str
    payload: SendMessage
    metadata: str | None
    written: asyncio.Future[Message]
    context: Context  # its request's, for the log

    @property
    def retry_key(self) -> tuple[str, str] | None:
        """What must be unique among messages, when the sender named this one."""
        return None if self.payload.client_id is None else (self.sender_id, self.payload.client_id)


class MessageWriter:
    """Writes messages in batches of up to 500; `announce` gets each new one after its commit.

    At most `max_waiting` messages wait; more are refused as `unavailable`.
    """

    def __init__(
        self, db: Database, announce: Callable[[Message], Awaitable[None]], *, max_waiting: int = 10_000
    ) -> None:
        self._db = db
        self._announce = announce
        self._max_waiting = max_waiting
        self._waiting: deque[Pending] = deque()
        self._writing: asyncio.Task[None] | None = None
        self._announcing: set[asyncio.Task[None]] = set()

    async def send(self, caller: Caller, payload: SendMessage) -> Message:
        """Sends a message to a room; answers with it, or with the original one for a `clientId` that was used before.

        Refused: `not_found`, `not_a_member`, `conflict`.
        """
        metadata = payload.metadata_json
        if len(self._waiting) >= self._max_waiting:
            raise Refusal("unavailable", "Too many messages are waiting to be written", retry_after=1000)
        written: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        message_id = str(uuid_utils.uuid7())
        self._waiting.append(Pending(message_id, caller.user_id, payload, metadata, written, copy_context()))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        return await written

    async def close(self) -> None:
        """Returns when everything that was accepted is written and announced."""
        if self._writing is not None:
            await self._writing
        while self._announcing:
            await asyncio.wait(self._announcing)

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                await self._write(self._next_batch())
        finally:
            self._writing = None

    def _next_batch(self) -> list[Pending]:
        """What waits, up to a second message with one clientId: it must find the first committed."""
        batch: list[Pending] = []
        keys = set()
        while self._waiting and len(batch) < MAX_BATCH:
            key = self._waiting[0].retry_key
            if key in keys:
                break
            if key is not None:
                keys.add(key)
            batch.append(self._waiting.popleft())
        return batch

    async def _write(self, batch: list[Pending]) -> None:
        try:
            try:
                rows = await self._db.transaction(lambda q: _append(q, batch))
            except asyncpg.UniqueViolationError:
                # Another instance just used one of these clientIds in another room; now it can be seen.
                rows = await self._db.transaction(lambda q: _append(q, batch))
        except Exception as error:  # noqa: BLE001 - every one who waits gets it, or a try of their own
            if len(batch) > 1 and not isinstance(error, DatabaseUnavailable):
                for pending in batch:
                    await self._write([pending])
            else:
                for pending in batch:
                    _fail(pending, error)
            return
        for pending, row in zip(batch, rows, strict=True):
            self._settle(pending, row)

    def _settle(self, pending: Pending, row: Row) -> None:
        verdict = row["verdict"]
        if verdict == "created":
            announcement = self._announce_and_answer(pending, message_of(row))
            task = asyncio.create_task(announcement, context=pending.context)
            self._announcing.add(task)
            task.add_done_callback(self._announcing.discard)
        elif verdict == "repeated":
            _answer(pending, message_of(row))
        else:
            _fail(pending, Refusal(*REFUSALS[verdict]))

    async def _announce_and_answer(self, pending: Pending, message: Message) -> None:
        try:
            await self._announce(message)
        except BusUnavailable:
            # It is in the room's log, where every member finds it at the next sync.
            log.warning("message %s of room %s was written but not announced", message.id, message.room_id)
        except Exception:
            log.exception("message %s of room %s was written but not announced", message.id, message.room_id)
        _answer(pending, message)


async def _append(q: Queries, batch: list[Pending]) -> list[Row]:
    # Two statements, for the second must see what was committed while the first waited for the rooms.
    await store.rooms.lock_all(q, list({pending.payload.room_id for pending in batch}))
    rows = await store.messages.append(
        q,
        ids=[pending.id for pending in batch],
        room_ids=[pending.payload.room_id for pending in batch],
        sender_ids=[pending.sender_id for pending in batch],
        types=[pending.payload.type or "text" for pending in batch],
        contents=[pending.payload.content for pending in batch],
        metadata=[pending.metadata for pending in batch],
        client_ids=[pending.payload.client_id for pending in batch],
    )
    repeated = [row["id"] for row in rows if row["verdict"] == "repeated"]
    known = {row["id"]: row for row in await store.log.shown(q, repeated)} if repeated else {}
    return [row | known.get(row["id"], NOTHING_ATTACHED) for row in rows]


def _answer(pending: Pending, message: Message) -> None:
    if not pending.written.done():  # its sender may have gone
        pending.written.set_result(message)


def _fail(pending: Pending, error: Exception) -> None:
    if not pending.written.done():
        pending.written.set_exception(error)
