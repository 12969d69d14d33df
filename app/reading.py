"""What members read of a room: its history."""

from app import store
from app.caller import Caller
from app.db import Database
from app.payloads import ReadHistory
from app.refusals import refuse
from app.rooms import room_of_member
from app.rows import message_of
from app.validation import is_id
from app.views import Message


class Reading:
    """Reads the messages of rooms for their members."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def history(self, caller: Caller, payload: ReadHistory) -> list[Message]:
        """Messages of a room, newest first, without the deleted ones.

        Refused: `not_a_member`, and `not_found` for a room or a message that this room does not have.
        """
        await room_of_member(self._db, payload.room_id, caller.user_id)
        place = None
        if payload.before is not None:
            place = await self._place(payload.room_id, payload.before)
        rows = await store.log.history(self._db, payload.room_id, before=place, limit=payload.limit)
        return [message_of(row) for row in rows]

    async def _place(self, room_id: str, message_id: str) -> int:
        seq = await store.log.seq_of(self._db, room_id, message_id) if is_id(message_id) else None
        return refuse("not_found", "There is no such message in this room") if seq is None else seq
