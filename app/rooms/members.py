"""Members of rooms, and the admins' decisions about them.

Each change is made with the room's row locked, so that on all instances they are made one after the other, and a room
with members always has an admin. Asking for what is so already changes nothing, and is not announced.
"""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

import msgspec

from app import store
from app.announce.announcer import Announcer, to_room
from app.core.caller import Caller
from app.core.errors import NO_USER, Refusal, refuse
from app.db.database import Database
from app.db.queries import Queries
from app.payloads.fields.field_types import MemberState
from app.payloads.fields.validation import is_id
from app.payloads.from_rows import member_of
from app.payloads.requests import ListMembers, MemberRef, SetRole
from app.payloads.responses import Member, MemberChanged, Members, PresenceOf
from app.payloads.server_events import MEMBER_UPDATED, USER_LEFT
from app.rooms.rights import lock_as_admin
from app.rooms.rooms import check_member, member_changed, put_member, room_of_member
from app.store.conversations.members import MembershipRow
from app.store.log.room_log import MemberRow

# A user's place now, and the event that tells of a change.
Outcome: TypeAlias = tuple[MemberChanged, str | None]

NO_MEMBER = "This user has nothing to do with this room"
IN_IT = ("member", "invited")


class RoomMembers:
    """The members of rooms."""

    def __init__(self, db: Database, announcer: Announcer, presence: PresenceOf) -> None:
        self._db = db
        self._announcer = announcer
        self._presence = presence

    async def list_page(self, caller: Caller, payload: ListMembers) -> Members:
        """Members of a room and people invited to it, in the order of their ids, with the presence of the members.

        Refused: `not_a_member`, and `not_found` for the room or for an unknown `after`.
        """
        await check_member(self._db, payload.room_id, caller.user_id)
        page, withheld = await self._page(caller, payload, store.members.listed)
        # Not of the invited: any admin can invite any user, who shares no room with them for that.
        here = [one.user_id for one in page.members if one.state == "member" and one.user_id not in withheld]
        present = await self._presence(here)
        members = [msgspec.structs.replace(one, presence=present.get(one.user_id)) for one in page.members]
        return msgspec.structs.replace(page, members=members)

    async def list_banned(self, caller: Caller, payload: ListMembers) -> Members:
        """Users who are banned from a room, in the order of their ids; for admins only.

        Refused: `not_a_member`, `forbidden`, and `not_found` for the room or for an unknown `after`.
        """
        room = await room_of_member(self._db, payload.room_id, caller.user_id)
        if room.membership.role != "admin":
            raise Refusal("forbidden", "Only admins of the room see who is banned")
        page, _ = await self._page(caller, payload, store.members.banned)
        return page

    async def _page(
        self, caller: Caller, payload: ListMembers, read: Callable[..., Awaitable[list[MemberRow]]]
    ) -> tuple[Members, set[str]]:
        """A page of members, and those of them whose presence and read marks are withheld from the caller."""
        room_id, after, size = payload.room_id, payload.after, payload.limit
        if after is not None and not (is_id(after) and await store.members.state(self._db, room_id, after)):
            raise Refusal("not_found", NO_MEMBER)
        rows = await read(self._db, room_id, after=after, limit=size + 1)
        user_ids = [row.user_id for row in rows[:size]]
        withheld = await store.blocks.between(self._db, caller.user_id, user_ids)
        members = [member_of(row, unmarked=withheld) for row in rows[:size]]
        return Members(members=members, next=members[-1].user_id if len(rows) > size else None), withheld

    async def set_role(self, caller: Caller, payload: SetRole) -> Member:
        """Makes a member an admin, or an admin a plain member; admins only.

        Refused: `not_found` for the room, or for a user who is no member; `not_a_member`, `forbidden`, `archived`;
        `conflict` for the last admin, oneself that is.
        """
        room_id, user_id = payload.room_id, payload.user_id

        async def decide(q: Queries) -> Outcome:
            await lock_as_admin(q, room_id, caller.user_id)
            row = await store.members.state(q, room_id, user_id)
            if row is None or row.state != "member":
                raise Refusal("not_found", "This user is not a member of this room")
            if row.role == payload.role:
                return await member_changed(q, room_id, user_id), None
            if payload.role == "member" and not (await store.members.others(q, room_id, user_id)).admins:
                raise Refusal(
                    "conflict", "The last admin cannot become a plain member: name another one first"
                )
            await store.members.set_role(
                q,
                room_id=room_id,
                user_id=user_id,
                role=payload.role,
                change_seq=await store.rooms.next_seq(q, room_id),
                changed_by=caller.user_id,
            )
            return await member_changed(q, room_id, user_id), MEMBER_UPDATED

        change, event = await self._db.transaction(decide)
        if event is not None:
            await self._announcer.room(room_id, event, change, user_id)
        return change.member

    async def kick(self, caller: Caller, payload: MemberRef) -> Member:
        """Ends another user's membership, or withdraws an invitation; admins only, of other admins too.

        Refused: `not_found` for the room or for a user who never had to do with it, `not_a_member`, `forbidden`,
        `archived`.
        """
        return await self._set_state(
            caller,
            payload,
            lambda row: "removed" if (row or refuse("not_found", NO_MEMBER)).state in IN_IT else None,
        )

    async def ban(self, caller: Caller, payload: MemberRef) -> Member:
        """Keeps a user out: ends their membership if there is one, and lets them neither join nor be invited.

        Admins only. Refused: `not_found` for the room or the user, `not_a_member`, `forbidden`, `archived`.
        """
        return await self._set_state(
            caller, payload, lambda row: None if row is not None and row.state == "banned" else "banned"
        )

    async def unban(self, caller: Caller, payload: MemberRef) -> Member:
        """Lifts a ban: the user may join or be invited again, and is not a member for that. Admins only.

        Refused: `not_found` for the room or for a user who never had to do with it, `not_a_member`, `forbidden`,
        `archived`.
        """
        return await self._set_state(
            caller,
            payload,
            lambda row: "removed" if (row or refuse("not_found", NO_MEMBER)).state == "banned" else None,
        )

    async def _set_state(
        self, caller: Caller, payload: MemberRef, choose: Callable[[MembershipRow | None], MemberState | None]
    ) -> Member:
        """Gives a user who is not to be in the room the state that `choose` says; None leaves it as it is.

        A user who was neither a member nor invited is not told: admins of any room could call on any user with it.
        """
        room_id, user_id = payload.room_id, payload.user_id

        async def decide(q: Queries) -> tuple[Outcome, bool]:
            await lock_as_admin(q, room_id, caller.user_id)
            if user_id == caller.user_id:
                raise Refusal("forbidden", "To go yourself, leave the room")
            row = await store.members.state(q, room_id, user_id)
            state = choose(row)
            if state is None:
                return (await member_changed(q, room_id, user_id), None), False
            if row is None:
                await store.accounts.find(q, user_id) or refuse("not_found", NO_USER)
                await put_member(q, room_id, user_id, state=state, changed_by=caller.user_id)
                return (await member_changed(q, room_id, user_id), MEMBER_UPDATED), False
            await store.members.mark_left(
                q,
                room_id=room_id,
                user_id=user_id,
                change_seq=await store.rooms.next_seq(q, room_id),
                state=state,
                changed_by=caller.user_id,
            )
            event = USER_LEFT if row.state == "member" else MEMBER_UPDATED
            return (await member_changed(q, room_id, user_id), event), row.state in IN_IT

        (change, event), was_in_it = await self._db.transaction(decide)
        told = [] if event is None else [to_room(room_id, event, change, *([user_id] if was_in_it else []))]
        if change.member.state == "member":
            await self._announcer.announce(*told)
        else:
            # Even when nothing changed: an earlier attempt may have been committed and not announced.
            await self._announcer.change_members(room_id, {user_id: False}, *told)
        return change.member
