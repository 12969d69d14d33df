"""Blocks: a user who has blocked another gets no direct messages, invitations or mentions from them.

Neither can write in the direct conversation of both, and neither is told whether the other is online, types or has
read. What stands in rooms that both are in stays readable for both. A block is looked up in the transaction that
writes, so it holds on every instance as soon as it is made.
"""

from app import store
from app.announce.announcer import Announcement, Announcer, to_user
from app.core.caller import Caller
from app.core.errors import NO_USER, Refusal, refuse
from app.db.database import Database
from app.db.queries import Queries
from app.payloads.fields.validation import is_id
from app.payloads.from_rows import user_ref_of
from app.payloads.preference_requests import Block, BlockRef, Blocks, ListBlocks, Unblocked
from app.payloads.responses import Presence, PresenceOf
from app.payloads.server_events import PRESENCE_CHANGED, USER_BLOCKED, USER_UNBLOCKED
from app.store.people.blocks import BlockRow

MAX_BLOCKS = 1_000  # users that one user has blocked


class UserBlocks:
    """Whom users have blocked."""

    def __init__(self, db: Database, announcer: Announcer, presence: PresenceOf) -> None:
        self._db = db
        self._announcer = announcer
        self._presence = presence

    async def block(self, caller: Caller, payload: BlockRef) -> Block:
        """Blocks a user: no direct messages, invitations or mentions come from them any more.

        The blocked user is not told. The user cannot write to them either. Blocking again changes nothing. Refused:
        `not_found`, `forbidden` for oneself, `too_many` beyond 1,000.
        """
        user_id, other_id = caller.user_id, payload.user_id
        if other_id == user_id:
            raise Refusal("forbidden", "You cannot block yourself")

        async def work(q: Queries) -> tuple[BlockRow, bool]:
            # Against another block by this user, and users who begin a conversation with or invite this user now.
            await store.accounts.lock(q, user_id)
            found = await store.blocks.find(q, user_id, other_id)
            if found is not None:
                return found, False
            await store.accounts.find(q, other_id) or refuse("not_found", NO_USER)
            if await store.blocks.count(q, user_id) >= MAX_BLOCKS:
                raise Refusal("too_many", f"You have blocked {MAX_BLOCKS} people: unblock one first")
            room = await store.direct.find(q, user_id, other_id)
            if room is not None:
                await store.rooms.lock(q, room.id)  # what is being written there comes before, or is refused
            await store.blocks.insert(q, user_id, other_id)
            row = await store.blocks.find(q, user_id, other_id)
            assert row is not None
            return row, True

        row, is_new = await self._db.transaction(work)
        block = block_of(row)
        if is_new:
            await self._announce(to_user(user_id, USER_BLOCKED, block), user_id, other_id, offline=True)
        return block

    async def unblock(self, caller: Caller, payload: BlockRef) -> Unblocked:
        """Takes a block back. Changes nothing where there is none. Refused: `not_found` for an unknown user."""
        user_id, other_id = caller.user_id, payload.user_id
        unblocked = Unblocked(user_id=other_id)
        if await store.blocks.delete(self._db, user_id, other_id):
            await self._announce(to_user(user_id, USER_UNBLOCKED, unblocked), user_id, other_id)
        else:
            await store.accounts.find(self._db, other_id) or refuse("not_found", NO_USER)
        return unblocked

    async def list_page(self, caller: Caller, payload: ListBlocks) -> Blocks:
        """The users whom the user has blocked, in the order of their ids.

        Refused: `not_found` for an unknown `after`.
        """
        after, size = payload.after, payload.limit
        if after is not None and not (is_id(after) and await store.accounts.find(self._db, after)):
            raise Refusal("not_found", NO_USER)
        rows = await store.blocks.listed(self._db, caller.user_id, after=after, limit=size + 1)
        blocks = [block_of(row) for row in rows[:size]]
        return Blocks(blocks=blocks, next=blocks[-1].user.id if len(rows) > size else None)

    async def _announce(
        self, change: Announcement, user_id: str, other_id: str, *, offline: bool = False
    ) -> None:
        told = [change]
        try:
            told += await self._presence_of_both(user_id, other_id, offline=offline)
        finally:  # the change is told whatever becomes of the rest
            await self._announcer.announce(*told)

    async def _presence_of_both(self, user_id: str, other_id: str, *, offline: bool) -> list[Announcement]:
        """Announcements of two users' presence to each other, if they share a room; or that both seem offline."""
        if not offline and await store.blocks.between(self._db, user_id, [other_id]):
            return []  # the other has blocked the user as well
        if not await store.presence.acquainted(self._db, user_id, [other_id]):
            return []
        known = {} if offline else await self._presence([user_id, other_id])
        return [
            to_user(
                hearer,
                PRESENCE_CHANGED,
                known.get(about, Presence(user_id=about, status="offline", last_seen_at=None)),
            )
            for hearer, about in ((user_id, other_id), (other_id, user_id))
        ]


def block_of(row: BlockRow) -> Block:
    """A block, as the user who made it sees it."""
    return Block(user=user_ref_of(row, row.user_id), created_at=row.created_at)
