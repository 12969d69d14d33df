"""The rooms that a new user enters by the invitation to sign up."""

import logging
from collections.abc import Sequence

from app import store
from app.announce.announcer import Announcer, to_room, to_user
from app.db.errors import DatabaseUnavailable
from app.db.queries import Queries
from app.payloads.responses import MemberChanged, Room
from app.payloads.server_events import ROOM_ADDED, USER_JOINED
from app.rooms.rooms import member_changed, put_member, room_of_member
from protocol import BusUnavailable

log = logging.getLogger(__name__)


class FirstRooms:
    """Makes a new user a member of rooms, public or private, in the transaction that makes the user."""

    def __init__(self, announcer: Announcer) -> None:
        self._announcer = announcer

    async def enter(
        self, q: Queries, user_id: str, room_ids: Sequence[str]
    ) -> list[tuple[Room, MemberChanged]]:
        """Enters locked rooms but the archived; what it returns is to be announced after the commit."""
        entered = []
        for room_id in room_ids:
            room = await store.rooms.lock(q, room_id)
            if room is None or room.archived_at is not None:
                continue
            others = await store.members.others(q, room_id, user_id)
            await put_member(q, room_id, user_id, role="member" if others.members else "admin")
            change = await member_changed(q, room_id, user_id)
            entered.append((await room_of_member(q, room_id, user_id), change))
        return entered

    async def announce(self, entered: Sequence[tuple[Room, MemberChanged]]) -> None:
        """Tells the members of the rooms."""
        for room, change in entered:
            user_id = change.user_id
            try:
                await self._announcer.change_members(
                    room.id,
                    {user_id: True},
                    to_user(user_id, ROOM_ADDED, room),
                    to_room(room.id, USER_JOINED, change, user_id),
                )
            except (BusUnavailable, DatabaseUnavailable):
                # A refusal would make the client sign up again; the account is there.
                log.warning("a new user entered room %s, which may not have been announced", room.id)
