"""A room with its members and messages, as lines of JSON: each an object with its `kind`."""

from collections.abc import AsyncIterator

import msgspec

from app import store
from app.administration import audit
from app.core.errors import refuse
from app.db.database import Database
from app.db.queries import Queries
from app.payloads.from_rows import member_of, message_of
from app.rooms.rooms import NO_ROOM
from app.store.administration.administered_rooms import AdministeredRoomRow

PAGE = 100  # rows read at a time


async def begin_room_export(db: Database, actor: str, room_id: str) -> AdministeredRoomRow:
    """Notes that `actor` exports a public or private room. Raises Refusal: `not_found`."""

    async def work(q: Queries) -> AdministeredRoomRow:
        room = await store.administered_rooms.find(q, room_id) or refuse("not_found", NO_ROOM)
        await audit.note(q, actor, "export-room", room.id, room.name)
        return room

    return await db.transaction(work)


async def room_export(q: Queries, room: AdministeredRoomRow) -> AsyncIterator[bytes]:
    """The room itself, who is in it or invited, the ids of its pinned messages, if there are any, and its messages but
    the deleted, the oldest first.
    """
    yield _line("room", room)
    after_id: str | None = None
    while members := await store.members.listed(q, room.id, after=after_id, limit=PAGE):
        for member in members:
            yield _line("member", member_of(member))
        after_id = members[-1].user_id
    if pins := await store.pins.ids(q, room.id):
        yield _line("pins", pins)
    above = 0
    while messages := await store.room_log.newer(q, room.id, above=above, limit=PAGE):
        for message in reversed(messages):
            yield _line("message", message_of(message))
        above = messages[0].seq


def _line(kind: str, payload: object) -> bytes:
    return msgspec.json.encode({"kind": kind, "data": payload}) + b"\n"
