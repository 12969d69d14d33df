"""Changes of a message after it was sent: edits, deletion, reactions.

Each change is made with the room's row locked, which gives it the next number of the room's log, and is announced with
that number after its commit. What changes nothing takes no number and is not announced.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from msgspec import UNSET, UnsetType

from app import store
from app.announce.announcer import Announcer, to_room, told_to
from app.core.caller import Caller
from app.core.errors import Refusal
from app.db.database import Database
from app.db.queries import Queries
from app.messages.group_mentions import NO_CALL, Call
from app.messages.mentioned import NOBODY, mention
from app.messages.mentions import names_in
from app.payloads.fields.names import shows
from app.payloads.fields.validation import refusal_of_field
from app.payloads.from_rows import message_of, thread_of
from app.payloads.requests import EditMessage, MessageRef, React, Unreact
from app.payloads.responses import Message, MessageDeleted, ReactionsUpdated, Thread
from app.payloads.server_events import MENTION_NEW, MESSAGE_DELETED, MESSAGE_EDITED, REACTION_UPDATED
from app.rooms.rights import check_is_there, check_may_write, hold_message
from app.search.documents import prompt_vector
from app.store.log.messages import ChangedMessageRow
from app.store.search.message_words import WordsOfMessage

MAX_KINDS = 20  # of reactions to one message
MAX_KINDS_OF_USER = 10  # of those, by one user
MAX_REACTIONS = 1000  # to one message, of all kinds

T = TypeVar("T")


class MessageEdits:
    """Changes messages that were sent."""

    def __init__(
        self,
        db: Database,
        announcer: Announcer,
        *,
        call: Callable[[str, str, list[list[str]]], Awaitable[Call]] | None = None,
        keep: Callable[[Queries, str, int], Awaitable[None]] | None = None,
        edited: Callable[[Message], None] | None = None,
    ) -> None:
        """`call` tells whom an edited message calls as a group, by its sender, its id and the names in it. `keep` is
        called before a message gets another text, with its id and the number of the edit, and `edited` once it has.
        """
        self._db = db
        self._announcer = announcer
        self._call = call
        self._keep = keep
        self._edited = edited

    async def edit(self, caller: Caller, payload: EditMessage) -> Message:
        """Gives a message of one's own another content. With the same content nothing changes.

        People who are mentioned for the first time are told of it. Content may be blank where there are attachments.
        Refused: `not_found` also for a deleted message, `not_a_member`, `archived`, and `forbidden` for another's
        message; in a direct conversation also what `message:send` refuses where one has blocked the other;
        `rate_limited` also for an admin who calls `@all` or `@here` too often.
        """
        message_id, content = payload.message_id, payload.content
        names = names_in(content)
        call = NO_CALL
        if names and self._call is not None:
            call = await self._call(caller.user_id, message_id, names)

        async def work(q: Queries, row: ChangedMessageRow) -> tuple[Message, Sequence[str] | None]:
            check_is_there(row)
            if row.sender_id != caller.user_id:
                raise Refusal("forbidden", "Only its author can edit a message")
            check_may_write(row)
            if not (shows(content) or row.has_files):
                raise refusal_of_field("content", "must not be blank", "blank")
            if content == row.content:
                return await shown_message(q, message_id), None
            seq = await store.rooms.next_seq(q, row.room_id)
            if self._keep is not None:
                await self._keep(q, message_id, seq)
            await _edit(q, row, payload, seq)
            found = await mention(q, {message_id: (names, call)}, edited=True)
            new = found.get(message_id, NOBODY)
            return await shown_message(q, message_id), [*new.named, *new.called]

        message, mentioned = await self._change(caller, message_id, work)
        if mentioned is not None:
            edited = to_room(message.room_id, MESSAGE_EDITED, message)
            await self._announcer.announce(edited, *told_to(mentioned, MENTION_NEW, message))
            if self._edited is not None:
                self._edited(message)
        return message

    async def delete(self, caller: Caller, payload: MessageRef) -> MessageDeleted:
        """Deletes a message of one's own, or any message of a room whose admin one is; a trace of it stays.

        Deleting it again changes nothing. Refused: `not_found`, `not_a_member`, `archived`, `forbidden`.
        """
        message_id = payload.message_id

        async def work(q: Queries, row: ChangedMessageRow) -> tuple[MessageDeleted, bool]:
            is_admin = row.role == "admin" and row.kind != "direct"
            if not (row.sender_id == caller.user_id or is_admin):
                raise Refusal("forbidden", "Only its author or an admin of the room can delete a message")
            seq, deleted_at = row.change_seq, row.deleted_at
            if is_new := deleted_at is None:
                seq = await store.rooms.next_seq(q, row.room_id)
                await store.files.detach_of_message(q, message_id)
                deleted_at = await store.messages.wipe(
                    q, message_id=message_id, deleted_by=caller.user_id, change_seq=seq
                )
            deleted = MessageDeleted(
                message_id=message_id,
                room_id=row.room_id,
                seq=seq,
                deleted_at=deleted_at,
                thread=await _thread_of_reply(q, row),
            )
            return deleted, is_new

        deleted, is_new = await self._change(caller, message_id, work)
        if is_new:
            await self._announcer.room(deleted.room_id, MESSAGE_DELETED, deleted)
        return deleted

    async def add_reaction(self, caller: Caller, payload: React) -> ReactionsUpdated:
        """Reacts to a message; once in one way, so the same again changes nothing.

        Refused: `not_found` also for a deleted message, `not_a_member`, `archived`, and `too_many` beyond 20
        kinds, 10 of one user, or 1,000 reactions; in a direct conversation also what `message:send` refuses where one
        has blocked the other.
        """

        async def work(q: Queries, row: ChangedMessageRow) -> bool:
            check_may_write(row)
            reaction = {"message_id": payload.message_id, "kind": payload.kind, "user_id": caller.user_id}
            count = await store.reactions.count(q, **reaction)
            if count.mine:
                return False
            if count.reactions >= MAX_REACTIONS:
                raise Refusal("too_many", f"A message takes {MAX_REACTIONS} reactions")
            if count.of_user >= MAX_KINDS_OF_USER:
                raise Refusal(
                    "too_many", f"One person reacts to a message in {MAX_KINDS_OF_USER} ways at most"
                )
            if count.kinds >= MAX_KINDS and not count.of_kind:
                raise Refusal("too_many", f"A message takes {MAX_KINDS} kinds of reactions")
            await store.reactions.insert(q, **reaction)
            return True

        return await self._react(caller, payload, work)

    async def remove_reaction(self, caller: Caller, payload: Unreact) -> ReactionsUpdated:
        """Takes a reaction back; changes nothing where there is none.

        Refused: `not_found` also for a deleted message, `not_a_member`, `archived`.
        """

        async def work(q: Queries, _: ChangedMessageRow) -> bool:
            return await store.reactions.delete(
                q, message_id=payload.message_id, kind=payload.kind, user_id=caller.user_id
            )

        return await self._react(caller, payload, work)

    async def _react(
        self,
        caller: Caller,
        payload: React | Unreact,
        change: Callable[[Queries, ChangedMessageRow], Awaitable[bool]],
    ) -> ReactionsUpdated:
        message_id = payload.message_id

        async def work(q: Queries, row: ChangedMessageRow) -> tuple[Message, bool]:
            check_is_there(row)
            changed = await change(q, row)
            if changed:
                seq = await store.rooms.next_seq(q, row.room_id)
                await store.messages.touch(q, message_id=message_id, change_seq=seq)
            return await shown_message(q, message_id), changed

        message, changed = await self._change(caller, message_id, work)
        updated = ReactionsUpdated(
            room_id=message.room_id,
            message_id=message_id,
            seq=message.change_seq,
            reactions=message.reactions,
        )
        if changed:
            await self._announcer.room(message.room_id, REACTION_UPDATED, updated)
        return updated

    async def _change(
        self, caller: Caller, message_id: str, work: Callable[[Queries, ChangedMessageRow], Awaitable[T]]
    ) -> T:
        """Runs `work` on a message of a room that the caller is a member of, with the room locked."""

        async def within(q: Queries) -> T:
            return await work(q, await hold_message(q, message_id, caller.user_id))

        return await self._db.transaction(within)


async def _edit(q: Queries, row: ChangedMessageRow, payload: EditMessage, seq: int) -> None:
    """Gives a message another content, and the words of that. Where these are made later, it has none until then."""
    message_id, content = payload.message_id, payload.content
    words = prompt_vector(
        content,
        room_id=row.room_id,
        sender_id=row.sender_id,
        file_names=await store.files.names_of_message(q, message_id) if row.has_files else (),
    )
    await store.messages.edit(
        q, message_id=message_id, content=content, change_seq=seq, has_words=words is not None
    )
    if words is None:
        await store.message_words.remove(q, [message_id])
    else:
        await store.message_words.put(q, [WordsOfMessage(message_id, seq, words)])


async def shown_message(q: Queries, message_id: str) -> Message:
    """A message that is there, or was."""
    (row,) = await store.room_log.shown(q, [message_id])
    return message_of(row)


async def _thread_of_reply(q: Queries, row: ChangedMessageRow) -> Thread | UnsetType:
    """The thread that a message belongs to, as it is now; none for what is no reply."""
    threads = await store.threads.read(q, [row.thread_root_id]) if row.thread_root_id is not None else []
    return thread_of(threads[0]) if threads else UNSET
