"""Reading of rooms: pages of messages, and how far members have read."""

from collections.abc import Awaitable
from functools import partial
from typing import Protocol

from app import store
from app.announce.announcer import Announcer
from app.core.caller import Caller
from app.core.errors import NO_MESSAGE, Refusal, refuse
from app.db.database import Database
from app.db.queries import Queries
from app.payloads.fields.validation import is_id
from app.payloads.from_rows import message_of
from app.payloads.preference_requests import UnreadMark
from app.payloads.requests import ListMentions, MessageRef, Page, ReadHistory, ReadRoom
from app.payloads.responses import Message, ReadMark
from app.payloads.server_events import MOST_TOLD, READ_UPDATED, UNREAD_UPDATED
from app.payloads.thread_payloads import ReadThread
from app.rooms.rooms import NO_ROOM, check_member, refuse_stranger
from app.store.log.message_rows import PagedMessageRow
from app.store.log.pages import MAX_PAGE


class ReadOlder(Protocol):
    """Reads messages below a place, or at the end, newest first."""

    def __call__(
        self, *, below: int | None, limit: int, max_bytes: int
    ) -> Awaitable[list[PagedMessageRow]]: ...


class ReadNewer(Protocol):
    """Reads the messages that come next after a place, newest first."""

    def __call__(self, *, above: int, limit: int, max_bytes: int) -> Awaitable[list[PagedMessageRow]]: ...


class MessageHistory:
    """Reads the messages of rooms for their members. A page ends with the message that makes it `max_bytes` or more."""

    def __init__(self, db: Database, announcer: Announcer, *, max_bytes: int = MAX_PAGE) -> None:
        self._max_bytes = max_bytes
        self._db = db
        self._announcer = announcer

    async def history(self, caller: Caller, payload: ReadHistory) -> list[Message]:
        """Messages of a room, newest first, without the deleted ones.

        The newest, or those next to a message, which may be deleted: older with `before`, newer with `after`, and with
        `around` half of each and itself. A page of large messages has fewer than `limit`, and is empty only where there
        are no more. Refused: `not_a_member`, and `not_found` for a room or a message that this
        room does not have.
        """
        room_id = payload.room_id
        await check_member(self._db, room_id, caller.user_id)
        older = partial(store.room_log.older, self._db, room_id, thread_replies=payload.thread_replies)
        newer = partial(store.room_log.newer, self._db, room_id, thread_replies=payload.thread_replies)
        return await self._page(room_id, payload, older, newer)

    async def thread(self, caller: Caller, payload: ReadThread) -> list[Message]:
        """Replies of a thread, newest first, without the deleted ones; none of a message without replies.

        The newest, or those next to a message of the room, as in `message:history`. A page of large messages has fewer
        than `limit`, and is empty only where there are no more. Refused: `not_a_member`, and `not_found` for an unknown
        message, or for a place that the room does not have.
        """
        root = await store.threads.root_of(self._db, payload.message_id) or refuse("not_found", NO_MESSAGE)
        await check_member(self._db, root.room_id, caller.user_id)
        older = partial(store.threads.older, self._db, root.root_id)
        newer = partial(store.threads.newer, self._db, root.root_id)
        return await self._page(root.room_id, payload, older, newer)

    async def get(self, caller: Caller, payload: MessageRef) -> Message:
        """One message of a room of the user's; of a deleted one, what is left of it.

        Refused: `not_found`, `not_a_member`.
        """
        rows = await store.room_log.shown(self._db, [payload.message_id])
        row = rows[0] if rows else refuse("not_found", NO_MESSAGE)
        await check_member(self._db, row.room_id, caller.user_id)
        return message_of(row)

    async def mentions(self, caller: Caller, payload: ListMentions) -> list[Message]:
        """Messages of the user's own rooms that mention the user, newest first, read or not.

        A room's `mentions` tells how many of them are after the user's mark. A page of large messages has fewer than
        `limit`, and is empty only where there are no more. Refused: `not_found` for a message that is not in the user's
        rooms.
        """
        if payload.before is not None:
            rooms = await store.members.room_ids_of_user(self._db, caller.user_id)
            if not (
                is_id(payload.before) and await store.message_words.place_of(self._db, rooms, payload.before)
            ):
                raise Refusal("not_found", f"{NO_MESSAGE} in your rooms")
        rows = await store.mentions.of_user(
            self._db, caller.user_id, before=payload.before, limit=payload.limit, max_bytes=self._max_bytes
        )
        return [message_of(row) for row in rows]

    async def mark_read(self, caller: Caller, payload: ReadRoom) -> ReadMark:
        """Marks all up to a place as read, at most up to the end of the log; a mark never goes back.

        The answer is the mark as it is now. What the user has marked as unread is so no longer, up to there. Users who
        have blocked the user, or whom the user has blocked, are not told of it. Refused: `not_found`, `not_a_member`.
        """
        room_id, user_id = payload.room_id, caller.user_id
        moved = await store.read_marks.move(self._db, room_id=room_id, user_id=user_id, seq=payload.seq)
        if moved is None:
            await check_member(self._db, room_id, user_id)
            if await store.read_marks.read_again(self._db, room_id=room_id, user_id=user_id, seq=payload.seq):
                await self._tell_unread(room_id, user_id)
        row = moved or await store.read_marks.find(self._db, room_id, user_id) or refuse("not_found", NO_ROOM)
        mark = ReadMark(room_id=room_id, user_id=user_id, seq=row.last_read_seq, read_at=row.read_at)
        if moved is not None:
            if await store.members.has_more_than(self._db, room_id, MOST_TOLD):
                await self._announcer.user(user_id, READ_UPDATED, mark)
            else:
                withheld = await store.blocks.in_room(self._db, room_id, user_id)
                await self._announcer.room(room_id, READ_UPDATED, mark, withheld=withheld)
        return mark

    async def mark_unread(self, caller: Caller, payload: MessageRef) -> UnreadMark:
        """Marks a room as unread from one of its messages on, until the user reads on there.

        The mark of what the user has read stays where it is, and other members hear nothing. What is after it is unread
        anyway, so from there on this changes nothing. Refused: `not_found` also for a deleted message, `not_a_member`,
        `conflict` for a reply that stands in its thread alone.
        """
        message = await self.get(caller, payload)
        if message.deleted_at is not None:
            raise Refusal("not_found", "This message was deleted")
        if message.also_to_room is False:
            raise Refusal("conflict", "This reply stands in its thread alone, and does not count in the room")
        room_id, user_id = message.room_id, caller.user_id
        if await store.read_marks.mark_unread(self._db, room_id=room_id, user_id=user_id, seq=message.seq):
            return await self._tell_unread(room_id, user_id)
        return await self._unread_mark(room_id, user_id)

    async def _tell_unread(self, room_id: str, user_id: str) -> UnreadMark:
        """Tells the devices of a user how much of a room is unread now."""
        mark = await self._unread_mark(room_id, user_id)
        await self._announcer.user(user_id, UNREAD_UPDATED, mark)
        return mark

    async def _unread_mark(self, room_id: str, user_id: str) -> UnreadMark:
        """Raises Refusal: `not_found`, `not_a_member`."""
        row = await store.read_marks.unread_mark(self._db, room_id, user_id)
        if row is None:
            await refuse_stranger(self._db, room_id)
        return UnreadMark(
            room_id=room_id,
            unread_from=row.unread_from,
            last_read_seq=row.last_read_seq,
            last_seq=row.last_seq,
            unread=row.unread,
            mentions=row.mentions,
        )

    async def _page(self, room_id: str, page: Page, older: ReadOlder, newer: ReadNewer) -> list[Message]:
        """A page of messages, newest first. Its end is that far from its place.

        Raises Refusal: `not_found` for a message that the room does not have.
        """
        limit, max_bytes = page.limit, self._max_bytes
        if page.before is not None:
            place = await _place(self._db, room_id, page.before)
            rows = await older(below=place, limit=limit, max_bytes=max_bytes)
        elif page.after is not None:
            place = await _place(self._db, room_id, page.after)
            rows = await newer(above=place, limit=limit, max_bytes=max_bytes)
        elif page.around is not None:
            place = await _place(self._db, room_id, page.around)
            half = -(-max_bytes // 2)
            rows = await newer(above=place, limit=limit // 2, max_bytes=half)
            rows += await older(below=place + 1, limit=limit - limit // 2, max_bytes=half)
        else:
            rows = await older(below=None, limit=limit, max_bytes=max_bytes)
        return [message_of(row) for row in rows]


async def _place(q: Queries, room_id: str, message_id: str) -> int:
    seq = await store.room_log.seq_of(q, room_id, message_id) if is_id(message_id) else None
    return refuse("not_found", f"{NO_MESSAGE} in this room") if seq is None else seq
