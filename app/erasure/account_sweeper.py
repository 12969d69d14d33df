"""Does what is left to do of deleted accounts: they leave their rooms, and their files and messages go, some at a time.

The members of a room are told that the user has left. Of messages that lost their files, or became tombstones,
`app.announce.log_sweeper` tells them to sync. Whoever dies on the way leaves the rest to the next look of any instance.
"""

import logging
from functools import partial
from typing import Literal, TypeAlias

from app import store
from app.announce.announcer import Announcer, to_room
from app.db.database import Database
from app.db.queries import Queries
from app.payloads.responses import MemberChanged
from app.payloads.server_events import MEMBER_UPDATED, USER_LEFT
from app.rooms.rooms import member_changed
from protocol import BusUnavailable

log = logging.getLogger(__name__)

MessagesOfDeleted: TypeAlias = Literal["keep", "erase"]

LOOK_EVERY = 5.0  # seconds
MESSAGES_AT_ONCE = 200


class AccountSweeper:
    """Erases what deleted accounts leave. With `keep` their messages stay, without files; with `erase` they go, too."""

    def __init__(self, db: Database, announcer: Announcer, messages: MessagesOfDeleted) -> None:
        self._db = db
        self._announcer = announcer
        self._keeps = messages == "keep"

    async def look(self) -> None:
        """Erases what all deleted accounts leave. Raises DatabaseUnavailable."""
        while (user_id := await self._db.transaction(store.deleted_accounts.to_erase)) is not None:
            while (room_id := await store.deleted_accounts.a_room(self._db, user_id)) is not None:
                await self._leave(room_id, user_id)
            while (room_id := await self._room(user_id)) is not None:
                await self._db.transaction(partial(self._erase_some, room_id, user_id))
            await self._db.transaction(partial(self._finish, user_id))

    async def _room(self, user_id: str) -> str | None:
        return await store.erasure.room_of_sender(self._db, user_id, with_files=self._keeps)

    async def _leave(self, room_id: str, user_id: str) -> None:
        async def work(q: Queries) -> tuple[MemberChanged, str] | None:
            await store.rooms.lock(q, room_id)
            member = await store.members.state(q, room_id, user_id)
            if member is None or member.state not in ("member", "invited"):
                return None
            seq = await store.rooms.next_seq(q, room_id)
            await store.members.mark_left(q, room_id=room_id, user_id=user_id, change_seq=seq)
            event = USER_LEFT if member.state == "member" else MEMBER_UPDATED
            return await member_changed(q, room_id, user_id), event

        left = await self._db.transaction(work)
        if left is None:
            return
        change, event = left
        try:
            await self._announcer.change_members(room_id, {user_id: False}, to_room(room_id, event, change))
        except BusUnavailable as error:
            log.info("a room hears later that a deleted user has left: %s", error)

    async def _erase_some(self, room_id: str, user_id: str, q: Queries) -> None:
        await store.rooms.lock(q, room_id)
        message_ids = await store.erasure.of_sender(
            q, room_id, user_id, with_files=self._keeps, limit=MESSAGES_AT_ONCE
        )
        erased = await store.erasure.without_text(q, message_ids) if self._keeps else message_ids
        await store.erasure.touch_all(q, room_id, [one for one in message_ids if one not in set(erased)])
        await store.erasure.wipe_all(q, room_id, erased)
        await store.erasure.detach_files(q, message_ids)

    async def _finish(self, user_id: str, q: Queries) -> None:
        """An upload that was under way, or a message, may have come after the look: then there is another one."""
        await store.accounts.lock(q, user_id)
        if await store.erasure.room_of_sender(q, user_id, with_files=self._keeps) is None:
            await store.deleted_accounts.finish(q, user_id)
