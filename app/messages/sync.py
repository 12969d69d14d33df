"""Catching up: brings a client that was away to the state of one that stayed.

Each thing in a room, a message, a member or the room's own fields, carries the number of its last change, and that only
ever grows. So what changes between two pages is not lost: a later page has it under its new number. And each page shows
the room at one moment, so the last one leaves the client with the very state of that moment, on which the next live
change can be applied.
"""

from app import store
from app.core.caller import Caller
from app.core.errors import Refusal, refuse
from app.db.database import Database
from app.db.queries import Queries
from app.payloads.from_rows import member_of, message_of, room_info_of
from app.payloads.requests import SyncRoom
from app.payloads.room_changes import Changes, MemberChange, MessageChange, RoomChange
from app.rooms.rooms import NO_ROOM, NOT_A_MEMBER
from app.store.log.pages import MAX_PAGE


class Sync:
    """Reads the change logs of rooms for their members.

    A page ends with the message that makes it `max_bytes` or more, whatever its limit: 500 messages may be 150 MB, and
    a client that cannot take that at once would be disconnected, come back and ask again.
    """

    def __init__(self, db: Database, *, max_bytes: int = MAX_PAGE) -> None:
        self._db = db
        self._max_bytes = max_bytes

    async def changes(self, caller: Caller, payload: SyncRoom) -> Changes:
        """All that changed in a room after `afterSeq`, each thing once, as it is now, in the order of the changes.

        While `hasMore` is true, more is to be read after `nextSeq`, and live changes have to wait until it is not: a
        thing that has changed again is left out here and comes later. A page of large changes has fewer of them than
        `limit`. Refused: `not_found`, `not_a_member`, and `conflict` for a number that the log has not come to: what
        the client has is of another log, and it is to begin anew.
        """
        return await self._db.snapshot(lambda q: _changes(q, caller, payload, self._max_bytes))


async def _changes(q: Queries, caller: Caller, payload: SyncRoom, max_bytes: int) -> Changes:
    room_id, after, limit = payload.room_id, payload.after_seq, payload.limit
    room = await store.room_log.room_for(q, room_id, caller.user_id) or refuse("not_found", NO_ROOM)
    if room.state != "member":
        raise Refusal("not_a_member", NOT_A_MEMBER)
    last = room.last_seq
    if after > last:
        raise Refusal("conflict", f"The log of this room has only come to {last}: begin anew")
    found: list[MessageChange | MemberChange | RoomChange] = []
    end = last  # where the messages that were read end
    if after < last:
        messages = await store.room_log.changed_messages(
            q, room_id, after=after, limit=limit + 1, max_bytes=max_bytes
        )
        if messages and len(messages) < messages[-1].there_are:
            end = messages[-1].change_seq
        members = await store.room_log.changed_members(q, room_id, after=after, limit=limit + 1)
        found += [MessageChange(seq=row.change_seq, message=message_of(row)) for row in messages]
        unmarked = await store.blocks.between(q, caller.user_id, [row.user_id for row in members])
        found += [
            MemberChange(seq=row.change_seq, member=member_of(row, unmarked=unmarked)) for row in members
        ]
        if room.change_seq > after:
            found.append(RoomChange(seq=room.change_seq, room=room_info_of(room)))
    page = sorted((change for change in found if change.seq <= end), key=lambda change: change.seq)[:limit]
    has_more = len(found) > len(page) or end < last
    return Changes(
        room_id=room_id,
        changes=page,
        next_seq=page[-1].seq if has_more else last,
        last_seq=last,
        has_more=has_more,
    )
