"""The writer of messages: what arrives while one commit runs is the next commit.

A commit costs PostgreSQL about as much for 500 messages as for one, so each instance has one writer, whose batches are
those of `app.core.batcher`. One statement judges and appends a whole batch,
and says of each row whether it was created, is a retry of one that was, or is refused; a refused row does not
fail its neighbours. Files and mentions take statements of their own, in the same transaction, where a batch has any.

What was created is announced by the writer and not by its sender's handler, so a sender who goes away between
the commit and the announcement keeps no member from hearing it. The announcements of a room start in the order
of `seq`. They wait for nothing, neither for their turn nor for the bus, so neither does a sender's answer.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextvars import Context, copy_context
from functools import partial
from typing import NamedTuple

import asyncpg
import uuid_utils
from msgspec import Struct

from app import store
from app.core.batcher import Batcher, BatcherFull
from app.core.caller import Caller
from app.core.errors import NO_MESSAGE, Reason, Refusal
from app.db.database import Database
from app.db.errors import DatabaseUnavailable
from app.db.queries import Queries
from app.messages.group_mentions import NO_CALL, Call
from app.messages.mentioned import NOBODY, mention
from app.messages.mentions import names_in
from app.payloads.from_rows import message_of, new_message_of
from app.payloads.requests import SendMessage
from app.payloads.responses import Message
from app.rooms.rights import BLOCKED, BLOCKING
from app.rooms.rooms import ARCHIVED, NO_ROOM, NOT_A_MEMBER
from app.search.documents import prompt_vector
from app.store.log.files import LooseFileRow
from app.store.log.messages import Verdict
from app.threads.gathering import gather_replies

MAX_BATCH = 500

log = logging.getLogger(__name__)

REFUSALS: dict[Verdict, tuple[Reason, str]] = {
    "no_room": ("not_found", NO_ROOM),
    "not_a_member": ("not_a_member", NOT_A_MEMBER),
    "archived": ARCHIVED,
    "gone": ("not_a_member", f"{NOT_A_MEMBER}; your message with this clientId was written before you left"),
    "blocked": BLOCKED,
    "blocking": BLOCKING,
    "conflict": ("conflict", "This clientId was used for a message in another room"),
    "no_reply_to": ("not_found", f"{NO_MESSAGE} in this room to reply to"),
    "no_file": ("not_found", "There is no such file of yours that has not been sent yet"),
}


class Pending(Struct, frozen=True, eq=False):
    """A message on its way to the database, and the future that waits for it."""

    id: str
    sender_id: str
    payload: SendMessage
    metadata: str | None
    words: str | None  # what it is found by, without its files; None where they are made later
    written: asyncio.Future[Message]
    context: Context  # its request's, for the log
    names: list[list[str]]
    call: Call

    @property
    def keys(self) -> set[tuple[str, str, str]]:
        """The keys that only one message can have: the sender's name for it, and the sender's files."""
        keys = {("file", self.sender_id, file_id) for file_id in self.payload.attachments or ()}
        if self.payload.client_id is not None:
            keys.add(("clientId", self.sender_id, self.payload.client_id))
        return keys


class Written(NamedTuple):
    """The outcome of a message: see `store.messages.AppendedRow`. `message` is set where it exists, `called` has
    whom it mentions as some of a group, `followers` whom a reply to their thread is told, `is_due` says that it may
    notify somebody."""

    verdict: Verdict
    message: Message | None
    called: Sequence[str] = ()
    followers: Sequence[str] = ()
    is_due: bool = False


class MessageWriter:
    """Writes messages in batches of up to 500; `announce` gets each new one after its commit, with the users whom it
    calls as a group and those who follow its thread, and must not wait.

    `call` tells whom a message calls as a group, by its sender, its room and the names in it; without it, nobody.
    At most `max_waiting` messages wait; more are refused as `unavailable`. `wrote` is told of each commit: how many
    messages it took, and how many of them were new. `notify` gets the id of each new one that may notify somebody,
    which with `notify_all` is every one; it must not raise.
    """

    def __init__(
        self,
        db: Database,
        announce: Callable[[Message, Sequence[str], Sequence[str]], Awaitable[None]],
        *,
        call: Callable[[str, str, list[list[str]]], Awaitable[Call]] | None = None,
        wrote: Callable[[int, int], None] = lambda _size, _created: None,
        notify: Callable[[str], None] = lambda _message_id: None,
        notify_all: bool = False,
        max_waiting: int = 10_000,
    ) -> None:
        self._db = db
        self._announce = announce
        self._call = call
        self._wrote = wrote
        self._notify = notify
        self._notify_all = notify_all
        self._batcher = Batcher(
            self._write,
            failed=_fail_all,
            max_batch=MAX_BATCH,
            max_waiting=max_waiting,
            select=_without_repeats,
        )
        self._announcing: set[asyncio.Task[None]] = set()

    async def send(self, caller: Caller, payload: SendMessage) -> Message:
        """Sends a message to a room; answers with it, or with the original one for a `clientId` that was used before.

        Refused: `not_found` also for what it replies to and for its files, `not_a_member` also for a retry, `conflict`,
        `archived`; in a direct conversation `forbidden` for one whom the other has blocked, and `conflict` for one who
        has blocked the other; `rate_limited` also for an admin who calls `@all` or `@here` too often.
        """
        metadata = payload.metadata_json
        words = prompt_vector(payload.content, room_id=payload.room_id, sender_id=caller.user_id)
        names = names_in(payload.content)
        call = NO_CALL
        if names and self._call is not None:
            call = await self._call(caller.user_id, payload.room_id, names)
        written: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        message_id = str(uuid_utils.uuid7())
        try:
            self._batcher.add(
                Pending(
                    message_id, caller.user_id, payload, metadata, words, written, copy_context(), names, call
                )
            )
        except BatcherFull:
            words = "Too many messages are waiting to be written"
            raise Refusal("unavailable", words, retry_after=1000) from None
        return await written

    async def close(self) -> None:
        """Returns when everything that was accepted is written and announced."""
        await self._batcher.drained()
        while self._announcing:
            await asyncio.wait(self._announcing)

    async def _write(self, batch: list[Pending]) -> None:
        append = partial(_append, batch=batch, notify_all=self._notify_all)
        try:
            try:
                rows = await self._db.transaction(append)
            except asyncpg.UniqueViolationError:
                # Another instance just used one of these clientIds in another room; now it can be seen.
                rows = await self._db.transaction(append)
        except Exception as error:  # noqa: BLE001 - every waiting caller gets it, or a try of its own
            if len(batch) > 1 and not isinstance(error, DatabaseUnavailable):
                for pending in batch:
                    await self._write([pending])
            else:
                _fail_all(batch, error)
            return
        self._wrote(len(batch), sum(row.verdict == "created" for row in rows))
        for pending, row in zip(batch, rows, strict=True):
            self._settle(pending, row)

    def _settle(self, pending: Pending, written: Written) -> None:
        if written.message is None:
            _fail(pending, Refusal(*REFUSALS[written.verdict]))
        elif written.verdict == "created":
            if written.is_due:
                self._notify(written.message.id)
            announcement = self._announce_and_answer(pending, written.message, written)
            task = asyncio.create_task(announcement, context=pending.context)
            self._announcing.add(task)
            task.add_done_callback(self._announcing.discard)
        else:
            _answer(pending, written.message)

    async def _announce_and_answer(self, pending: Pending, message: Message, written: Written) -> None:
        try:
            await self._announce(message, written.called, written.followers)
        except Exception:
            # It is in the room's log, where every member finds it at the next sync.
            log.exception("message %s of room %s was written but not announced", message.id, message.room_id)
        _answer(pending, message)


def _without_repeats(waiting: Iterable[Pending]) -> list[Pending]:
    """The next batch: up to a second message with one clientId or file, which must find the first committed."""
    batch: list[Pending] = []
    seen: set[tuple[str, str, str]] = set()
    for pending in waiting:
        keys = pending.keys
        if not seen.isdisjoint(keys):
            break
        seen |= keys
        batch.append(pending)
    return batch


async def _append(q: Queries, batch: list[Pending], *, notify_all: bool) -> list[Written]:
    """Writes what of a batch can be written; returns what became of each."""
    # Two statements, for the second must see what was committed while the first waited for the rooms.
    await store.rooms.lock_all(q, list({pending.payload.room_id for pending in batch}))
    files = await _lock_files(q, batch)
    appended = await store.messages.append(
        q,
        ids=[pending.id for pending in batch],
        room_ids=[pending.payload.room_id for pending in batch],
        sender_ids=[pending.sender_id for pending in batch],
        types=[pending.payload.type or "text" for pending in batch],
        contents=[pending.payload.content for pending in batch],
        metadata=[pending.metadata for pending in batch],
        client_ids=[pending.payload.client_id for pending in batch],
        reply_tos=[pending.payload.reply_to for pending in batch],
        also_to_rooms=[_is_also_to_room(pending.payload) for pending in batch],
        have_files=[_has_files(pending, files) for pending in batch],
        words=[_words_of(pending, files) for pending in batch],
        notify_all=notify_all,
    )
    created = [p for p, row in zip(batch, appended, strict=True) if row.message is not None]
    attached = await _attach(q, created, files)
    mentioned = await mention(q, {p.id: (p.names, p.call) for p in created})
    roots = {m.id: m.thread_root_id for m in (row.message for row in appended) if m and m.thread_root_id}
    threads = await gather_replies(q, roots) if roots else {}
    messages = {}
    for row in appended:
        if row.message is not None:
            new = mentioned.get(row.message.id, NOBODY)
            thread = threads[row.message.id].thread if row.message.id in threads else None
            messages[row.message.id] = new_message_of(
                row.message, attached.get(row.message.id, ()), list(new.named), new.group, thread
            )
    repeated = [row.repeated_id for row in appended if row.repeated_id is not None]
    if repeated:
        messages |= {row.id: message_of(row) for row in await store.room_log.shown(q, repeated)}
    return [
        Written(
            row.verdict,
            messages.get(row.repeated_id or pending.id),
            mentioned.get(pending.id, NOBODY).called,
            threads[pending.id].followers_but(pending.sender_id) if pending.id in threads else (),
            row.is_due,
        )
        for pending, row in zip(batch, appended, strict=True)
    ]


async def _lock_files(q: Queries, batch: list[Pending]) -> dict[str, LooseFileRow]:
    """The files that a batch names and that no message has yet, held until its end."""
    file_ids = [file_id for pending in batch for file_id in pending.payload.attachments or ()]
    return {row.id: row for row in await store.files.lock_loose(q, file_ids)} if file_ids else {}


def _is_also_to_room(payload: SendMessage) -> bool:
    return payload.reply_to is None or payload.also_to_room is not False


def _has_files(pending: Pending, files: dict[str, LooseFileRow]) -> bool:
    """True if all the files that a message names can be attached: its sender's, and no message has them."""
    named = [files.get(file_id) for file_id in pending.payload.attachments or ()]
    return all(file is not None and file.owner_id == pending.sender_id for file in named)


def _words_of(pending: Pending, files: dict[str, LooseFileRow]) -> str | None:
    """What a message is found by, with the names of its files."""
    payload = pending.payload
    names = [files[file_id].name for file_id in payload.attachments or () if file_id in files]
    if not names:
        return pending.words
    return prompt_vector(
        payload.content, room_id=payload.room_id, sender_id=pending.sender_id, file_names=names
    )


async def _attach(
    q: Queries, created: list[Pending], files: dict[str, LooseFileRow]
) -> dict[str, list[LooseFileRow]]:
    """Gives new messages their files; returns these by the ids of the messages, in the order of their places."""
    places = [
        (file_id, pending.id, place)
        for pending in created
        for place, file_id in enumerate(pending.payload.attachments or ())
    ]
    if not places:
        return {}
    file_ids, message_ids, numbers = zip(*places, strict=True)
    await store.files.attach(q, file_ids=file_ids, message_ids=message_ids, places=numbers)
    attached: dict[str, list[LooseFileRow]] = {}
    for file_id, message_id, _ in places:
        attached.setdefault(message_id, []).append(files[file_id])
    return attached


def _answer(pending: Pending, message: Message) -> None:
    if not pending.written.done():  # its sender may have gone
        pending.written.set_result(message)


def _fail_all(batch: list[Pending], error: Exception) -> None:
    for pending in batch:
        _fail(pending, error)


def _fail(pending: Pending, error: Exception) -> None:
    if not pending.written.done():
        pending.written.set_exception(error)
