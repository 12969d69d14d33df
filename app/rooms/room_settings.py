"""The decisions of a room's admins about the room itself: its name, who may enter it, and whether it is archived."""

from app import store
from app.announce.announcer import Announcer
from app.core.caller import Caller
from app.db.database import Database
from app.db.queries import Queries
from app.payloads.fields.field_types import RoomKind
from app.payloads.from_rows import room_info_of
from app.payloads.requests import RoomRef, UpdateRoom
from app.payloads.responses import Room, RoomInfo
from app.payloads.server_events import ROOM_UPDATED
from app.rooms.rights import lock_as_admin
from app.rooms.rooms import room_of_member
from app.search.names import name_vector


class RoomSettings:
    """Changes rooms for their admins, and tells the members."""

    def __init__(self, db: Database, announcer: Announcer) -> None:
        self._db = db
        self._announcer = announcer

    async def update(self, caller: Caller, payload: UpdateRoom) -> Room:
        """Changes the name or the description of a room, or who may enter it; admins only.

        Everybody finds and enters a room that becomes public, and reads all that was said in it. Into one that becomes
        private nobody comes but by invitation; who is in it stays. What is the same already is no change.

        Refused: `not_found`, `not_a_member`, `forbidden`, `archived`.
        """

        async def work(q: Queries) -> tuple[Room, RoomInfo | None]:
            row = await lock_as_admin(q, payload.room_id, caller.user_id)
            old = row.name, row.description, row.kind
            kind: RoomKind = row.kind
            if payload.is_private is not None:
                kind = "private" if payload.is_private else "public"
            name = old[0] if payload.name is None else payload.name
            description = old[1] if payload.description is None else payload.description.strip() or None
            info = None
            if (name, description, kind) != old:
                seq = await store.rooms.next_seq(q, payload.room_id)
                updated = await store.rooms.update(
                    q,
                    room_id=payload.room_id,
                    kind=kind,
                    name=name,
                    description=description,
                    change_seq=seq,
                    words=name_vector(name),
                )
                info = room_info_of(updated)
            return await room_of_member(q, payload.room_id, caller.user_id), info

        room, info = await self._db.transaction(work)
        if info is not None:
            await self._announcer.room(room.id, ROOM_UPDATED, info)
        return room

    async def archive(self, caller: Caller, payload: RoomRef) -> Room:
        """Archives a room: its members read and search it as before, but nothing is written or changed in it.

        Whoever wants may leave it. It is not among the rooms to discover. Admins only; one that is archived already
        stays so. Refused: `not_found`, `not_a_member`, `forbidden`.
        """
        return await self._archive(caller, payload.room_id, archived=True)

    async def unarchive(self, caller: Caller, payload: RoomRef) -> Room:
        """Makes an archived room one like others again; admins only.

        Refused: `not_found`, `not_a_member`, `forbidden`.
        """
        return await self._archive(caller, payload.room_id, archived=False)

    async def _archive(self, caller: Caller, room_id: str, *, archived: bool) -> Room:
        async def work(q: Queries) -> tuple[Room, RoomInfo | None]:
            row = await lock_as_admin(q, room_id, caller.user_id, archived=True)
            is_new = (row.archived_at is not None) != archived
            info = await set_archived(q, room_id, archived=archived) if is_new else None
            return await room_of_member(q, room_id, caller.user_id), info

        room, info = await self._db.transaction(work)
        if info is not None:
            await self._announcer.room(room_id, ROOM_UPDATED, info)
        return room


async def set_archived(q: Queries, room_id: str, *, archived: bool) -> RoomInfo:
    """Archives a locked room, or takes that back, as the next change of its log; returns what is to be announced."""
    change_seq = await store.rooms.next_seq(q, room_id)
    return room_info_of(await store.rooms.archive(q, room_id, change_seq, archived=archived))
