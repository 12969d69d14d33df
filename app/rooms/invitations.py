"""Invitations to rooms, bounded so that no user is flooded with them, or can use up what others may send.

An invitation counts against its inviter alone: of one inviter, a user has at most five without an answer. One that was
declined is not repeated for a day. Only a user who joins counts the room as one of their own.
"""

from collections.abc import Awaitable, Callable

from app import store
from app.accounts.privacy import admits
from app.announce.announcer import Announcer, to_room, to_user
from app.core.caller import Caller
from app.core.errors import NO_USER, Refusal, refuse
from app.db.database import Database
from app.db.queries import Queries
from app.payloads.from_rows import room_of
from app.payloads.preference_requests import ListInvitations
from app.payloads.requests import Invite
from app.payloads.responses import Member, MemberChanged, Room
from app.payloads.server_events import MEMBER_UPDATED, ROOM_INVITED
from app.rooms.rooms import lock_as_admin, member_changed, put_member

MAX_PENDING_OF_PAIR = 5  # invitations of one inviter to one user that have no answer
MAX_PENDING_OF_INVITER = 500  # invitations of one inviter, to any user, that have no answer


class Invitations:
    """Invites users to rooms. `may_invite` may refuse an inviter who does so too often."""

    def __init__(
        self,
        db: Database,
        announcer: Announcer,
        *,
        may_invite: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self._db = db
        self._announcer = announcer
        self._may_invite = may_invite

    async def list_page(self, caller: Caller, payload: ListInvitations) -> list[Room]:
        """The rooms that the user is invited to, the newest room first.

        Invitations by users whom the user has blocked are left out.
        """
        rows = await store.invitations.of_user(
            self._db, caller.user_id, before=payload.before, limit=payload.limit
        )
        return [room_of(row) for row in rows]

    async def invite(self, caller: Caller, payload: Invite) -> Member:
        """Invites a user to a room; admins only. One who is invited already stays so.

        Refused: `not_found` for the room or the user, `not_a_member`; `forbidden` for one who is no admin, and for
        a user who takes no invitation from this one, or has declined this one within 24 hours; `conflict` for
        a user who is a member or banned, or whom this one has blocked; `too_many` while five invitations to the same
        user, or 500 in all, have no answer; `rate_limited`.
        """
        room_id = payload.room_id
        if self._may_invite is not None:
            await self._may_invite(caller.user_id)

        async def decide(q: Queries) -> tuple[MemberChanged, bool]:
            await lock_as_admin(q, room_id, caller.user_id)
            user_id = await _invited_user(q, payload)
            row = await store.members.state(q, room_id, user_id)
            state = None if row is None else row.state
            if state == "member":
                raise Refusal("conflict", "This user is a member already")
            if state == "banned":
                raise Refusal("conflict", "This user is banned from the room: lift the ban first")
            # An invitation by another, whom the user has blocked, keeps no admin from inviting.
            if state == "invited" and not await store.invitations.is_hidden(q, room_id, user_id):
                return await member_changed(q, room_id, user_id), False
            await _check_may_invite(q, room_id, caller.user_id, user_id)
            await put_member(q, room_id, user_id, state="invited", changed_by=caller.user_id)
            return await member_changed(q, room_id, user_id), True

        change, is_new = await self._db.transaction(decide)
        if is_new:
            row = await store.rooms.of_member(self._db, room_id, change.user_id, "invited")
            told = [to_room(room_id, MEMBER_UPDATED, change, change.user_id)]
            if row is not None:  # it stands still
                told.insert(0, to_user(change.user_id, ROOM_INVITED, room_of(row)))
            await self._announcer.announce(*told)
        return change.member


async def _check_may_invite(q: Queries, room_id: str, inviter_id: str, user_id: str) -> None:
    """Raises Refusal."""
    # Against more invitations of this inviter, and a block by this user, that are made now.
    await store.accounts.lock_all(q, [inviter_id, user_id])
    row = await store.privacy.towards(q, inviter_id, user_id) or refuse("not_found", NO_USER)
    if row.blocking:
        raise Refusal("conflict", "You have blocked this user: unblock them first")
    # One answer to all, so that the inviter does not learn which it is.
    if (
        row.blocked
        or not admits(row.invitations_from, share_room=row.share_room)
        or await store.invitations.was_declined(q, room_id, user_id, inviter_id)
    ):
        raise Refusal("forbidden", "This user takes no invitation to this room from you")
    pending = await store.invitations.pending(q, inviter_id, user_id)
    if pending.of_pair >= MAX_PENDING_OF_PAIR:
        raise Refusal(
            "too_many", f"This user has {MAX_PENDING_OF_PAIR} invitations from you that have no answer yet"
        )
    if pending.of_inviter >= MAX_PENDING_OF_INVITER:
        raise Refusal("too_many", f"{MAX_PENDING_OF_INVITER} of your invitations have no answer yet")


async def _invited_user(q: Queries, payload: Invite) -> str:
    """The id of the user that an invitation names. Raises Refusal: `not_found`."""
    if payload.username is not None:
        return await store.accounts.find_by_name(q, payload.username) or refuse("not_found", NO_USER)
    row = await store.accounts.find(q, payload.user_id or "") or refuse("not_found", NO_USER)
    return row.id
