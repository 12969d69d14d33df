"""The deletion of a room, as its admins and the administrators of the server decide it; `RoomSweeper` does the rest."""

from app import store
from app.core.caller import Caller
from app.core.errors import Refusal
from app.db.database import Database
from app.db.queries import Queries
from app.erasure.room_sweeper import RoomSweeper
from app.payloads.rooms.deletion_payloads import DeleteRoom, RoomDeleted
from app.rooms.rights import lock_as_admin


class RoomDeletion:
    """Deletes rooms for their admins."""

    def __init__(self, db: Database, sweeper: RoomSweeper) -> None:
        self._db = db
        self._sweeper = sweeper

    async def delete(self, caller: Caller, payload: DeleteRoom) -> RoomDeleted:
        """Deletes a room with all that was said in it, also an archived one; admins only. There is no way back.

        Nobody is in the room any more when this is answered; its messages and files go soon after. Refused:
        `not_found`, `not_a_member`, `forbidden`, and `conflict` for a name that is not the room's.
        """

        async def work(q: Queries) -> None:
            room = await lock_as_admin(q, payload.room_id, caller.user_id, archived=True)
            if payload.name.strip() != room.name:
                raise Refusal("conflict", "This is not the name of the room")
            await store.administered_rooms.begin_deletion(q, payload.room_id)

        await self._db.transaction(work)
        await self._sweeper.end_memberships(payload.room_id)
        return RoomDeleted(room_id=payload.room_id)
