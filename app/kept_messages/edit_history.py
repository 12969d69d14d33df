"""Earlier texts of edited messages, for those whom the server lets see them."""

from typing import Literal, TypeAlias

import uuid_utils

from app import store
from app.core.caller import Caller
from app.core.errors import NO_MESSAGE, Refusal, refuse
from app.db.database import Database
from app.db.queries import Queries
from app.payloads.requests import MessageRef
from app.payloads.room_changes import EarlierText, EditHistory
from app.rooms.rooms import refuse_stranger

# Nobody: none is kept. Admins: the author, and the admins of the room.
EditsSeenBy: TypeAlias = Literal["nobody", "author", "admins", "members"]

MAX_EDITS = 20  # earlier texts of a message
MAX_CHARACTERS = 100_000  # of these together


class EditHistories:
    """Keeps the texts that edits replace, and shows them."""

    def __init__(self, db: Database, seen_by: EditsSeenBy = "admins") -> None:
        self._db = db
        self._seen_by = seen_by

    async def keep(self, q: Queries, message_id: str, change_seq: int) -> None:
        """Keeps the text of a message of a locked room that the edit of this number is about to replace."""
        if self._seen_by != "nobody":
            await store.message_edits.keep(
                q, edit_id=str(uuid_utils.uuid7()), message_id=message_id, change_seq=change_seq
            )
            await store.message_edits.let_go(q, message_id, most=MAX_EDITS, most_characters=MAX_CHARACTERS)

    async def edits(self, caller: Caller, payload: MessageRef) -> EditHistory:
        """The earlier texts of a message, the last one first; up to 20 are kept, among them the first.

        Whom they are shown to is a setting of the server: the author, the admins of the room as well, or all members.
        Refused: `not_found` also for a deleted message, `not_a_member`, `forbidden`.
        """
        found = await store.room_log.shown(self._db, [payload.message_id])
        row = found[0] if found else refuse("not_found", NO_MESSAGE)
        member = await store.members.state(self._db, row.room_id, caller.user_id)
        if member is None or member.state != "member":
            await refuse_stranger(self._db, row.room_id)
        if row.deleted_at is not None:
            raise Refusal("not_found", "This message was deleted")
        is_author = row.sender_id == caller.user_id
        is_admin = member.role == "admin" and row.kind != "direct"
        may_see = {
            "nobody": False,
            "author": is_author,
            "admins": is_author or is_admin,
            "members": True,
        }
        if not may_see[self._seen_by]:
            raise Refusal("forbidden", "Earlier texts of this message are not shown to you")
        rows = await store.message_edits.of_message(self._db, payload.message_id)
        return EditHistory(
            message_id=payload.message_id,
            room_id=row.room_id,
            edits=[EarlierText(content=text.content, written_at=text.written_at) for text in rows],
        )
