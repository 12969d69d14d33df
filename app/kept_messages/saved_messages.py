"""Messages that users save for themselves, to find them again. Nobody else hears of it."""

import re

import uuid_utils

from app import store
from app.announce.announcer import Announcer
from app.core.caller import Caller
from app.core.errors import NO_MESSAGE, Refusal, refuse
from app.db.database import Database
from app.db.queries import Queries
from app.payloads.from_rows import message_of
from app.payloads.preference_requests import ListSaved, SavedIds, SavedMark, SavedMessage, SavedMessages
from app.payloads.requests import MessageRef, Nothing
from app.payloads.server_events import SAVED_UPDATED
from app.rooms.rooms import check_member
from app.store.kept.saved_messages import SavedMessageRow
from app.store.log.message_rows import ShownMessageRow
from app.store.log.pages import MAX_PAGE

MAX_SAVED = 1000  # messages of a user

# A place in the list; also one whose message is saved no longer.
PLACE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class UserSavedMessages:
    """Saves messages, and lists them. A page ends with the message that makes it `max_bytes` or more."""

    def __init__(self, db: Database, announcer: Announcer, *, max_bytes: int = MAX_PAGE) -> None:
        self._db = db
        self._announcer = announcer
        self._max_bytes = max_bytes

    async def save(self, caller: Caller, payload: MessageRef) -> SavedMark:
        """Saves a message of one of the user's rooms, for the user alone. Saved again it stays where it was.

        It goes with the message, and with the membership of its room. Refused: `not_found` also for a deleted message,
        `not_a_member`, `too_many` beyond 1,000.
        """
        user_id, message_id = caller.user_id, payload.message_id
        row = await self._message(caller, payload)
        if row.deleted_at is not None:
            raise Refusal("not_found", "This message was deleted")

        async def work(q: Queries) -> SavedMark:
            await store.accounts.lock(q, user_id)  # the user may save others at the same time
            if (saved_at := await store.saved_messages.saved_at(q, user_id, message_id)) is None:
                if await store.saved_messages.count(q, user_id) >= MAX_SAVED:
                    raise Refusal("too_many", f"You have saved {MAX_SAVED} messages: remove one first")
                saved_at = await store.saved_messages.save(
                    q, saved_id=str(uuid_utils.uuid7()), user_id=user_id, message_id=message_id
                ) or refuse("not_found", NO_MESSAGE)
            return SavedMark(message_id=message_id, room_id=row.room_id, saved_at=saved_at)

        mark = await self._db.transaction(work)
        await self._announcer.user(user_id, SAVED_UPDATED, mark)
        return mark

    async def unsave(self, caller: Caller, payload: MessageRef) -> SavedMark:
        """Takes a message from those that the user has saved; nothing changes where it is none of them.

        Refused: `not_found`, `not_a_member`.
        """
        row = await self._message(caller, payload)
        mark = SavedMark(message_id=row.id, room_id=row.room_id, saved_at=None)
        if await store.saved_messages.remove(self._db, user_id=caller.user_id, message_id=row.id):
            await self._announcer.user(caller.user_id, SAVED_UPDATED, mark)
        return mark

    async def list_page(self, caller: Caller, payload: ListSaved) -> SavedMessages:
        """The messages that the user has saved, as they are now, the last saved first.

        A page of large messages has fewer than `limit`. Over REST the answer is the list alone, and the header `Link`
        has the next page. Refused: `not_found` for a `before` that is no place in the list.
        """
        user_id, before, size = caller.user_id, payload.before, payload.limit
        if before is not None and not PLACE.fullmatch(before):
            raise Refusal("not_found", "There is no such place among what you have saved")
        rows = await store.saved_messages.listed(
            self._db, user_id, before=before, limit=size + 1, max_bytes=self._max_bytes
        )
        saved = [_saved_message_of(row) for row in rows[:size]]
        more = bool(rows) and rows[0].there_are > len(saved)
        return SavedMessages(saved=saved, next=rows[len(saved) - 1].saved_id if more else None)

    async def ids(self, caller: Caller, _: Nothing) -> SavedIds:
        """The ids of all messages that the user has saved, the last saved first."""
        return SavedIds(message_ids=await store.saved_messages.ids(self._db, caller.user_id))

    async def _message(self, caller: Caller, payload: MessageRef) -> ShownMessageRow:
        """A message of a room of the user's. Raises Refusal: `not_found`, `not_a_member`."""
        rows = await store.room_log.shown(self._db, [payload.message_id])
        row = rows[0] if rows else refuse("not_found", NO_MESSAGE)
        await check_member(self._db, row.room_id, caller.user_id)
        return row


def _saved_message_of(row: SavedMessageRow) -> SavedMessage:
    assert row.message is not None
    return SavedMessage(message=message_of(row.message), saved_at=row.saved_at)
