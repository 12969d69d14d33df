"""@all and @here: admins call the members of a room, or those who are online.

In a room of more than 500 members, and by a member who is no admin, they are words like others. How often a user calls
is limited, since a call reaches many.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from app import store
from app.db.database import Database
from app.messages.mentions import groups_in
from app.payloads.responses import PresenceOf
from app.payloads.server_events import MOST_TOLD
from app.store.log.mentions import Group


class Call(NamedTuple):
    """The groups that a message may call, and the users who are in one of them."""

    groups: Sequence[Group]
    user_ids: Sequence[str]


NO_CALL = Call((), ())


class GroupMentions:
    """Decides whom a message calls. `may_call` may refuse a user who does it too often."""

    def __init__(
        self, db: Database, presence: PresenceOf, may_call: Callable[[str], Awaitable[None]]
    ) -> None:
        self._db = db
        self._presence = presence
        self._may_call = may_call

    async def of_new(self, user_id: str, room_id: str, names: Sequence[Sequence[str]]) -> Call:
        """The call of a new message with these names, as `names_in` has them. Raises Refusal: `rate_limited`."""
        groups = groups_in(names)
        if not groups:
            return NO_CALL
        members = await store.mentions.callable_by(self._db, room_id, user_id, most=MOST_TOLD)
        if not members:
            return NO_CALL
        await self._may_call(user_id)
        if "all" not in groups:
            present = await self._presence(members)
            members = [
                member for member in members if member in present and present[member].status == "online"
            ]
        return Call(groups, members)

    async def of_edited(self, user_id: str, message_id: str, names: Sequence[Sequence[str]]) -> Call:
        """The call of a message that is edited: it calls nobody twice, nor whoever has come since.

        Raises Refusal: `rate_limited`.
        """
        groups = groups_in(names)
        rows = await store.room_log.shown(self._db, [message_id]) if groups else []
        if not rows or rows[0].sender_id != user_id:
            return NO_CALL
        if rows[0].group_mention is None:
            return await self.of_new(user_id, rows[0].room_id, names)
        return Call(groups, await store.mentions.called(self._db, message_id))
